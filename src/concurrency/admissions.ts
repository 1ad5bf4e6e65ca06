/** Runs of this master that wait for their turn: each asks the queue of its workflow until it is admitted or turned away. */
import type { InstanceId } from '../../schemas/ids.ts';
import {
  type AdmissionNotice,
  type AdmissionState,
  admissionStateSchema,
} from '../../schemas/messages/concurrency.messages.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { LiveInstance } from '../master/live-instance.ts';
import type { Log } from '../telemetry/log.ts';

export type AdmissionsOptions = {
  /** A question to the queue of the workflow. @throws AppError when its owner does not answer now */
  ask: (workflow: string, question: unknown) => Promise<unknown>;
  find: (id: InstanceId) => LiveInstance | undefined;
  clock: Clock;
  log: Log;
  /** How often a run that waits asks again. Milliseconds. */
  repeatIntervalMs: number;
};

const retryDelayMs = 300;

export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #timers = new Map<InstanceId, Timer>();
  #isStopped = false;

  constructor(options: AdmissionsOptions) {
    this.#options = options;
  }

  /** The run waits for its turn. */
  request(instance: LiveInstance): void {
    void this.#ask(instance);
  }

  /** A queue has told something of a run that may be here. */
  take({ instance: id, ...state }: AdmissionNotice): void {
    const instance = this.#options.find(id);
    if (instance !== undefined) this.#obey(instance, state);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }

  async #ask(instance: LiveInstance): Promise<void> {
    const { concurrency } = instance.actor.plan.definition;
    if (!this.#isWaiting(instance) || concurrency === undefined) return;
    const { ask, repeatIntervalMs, log } = this.#options;
    let delayMs = repeatIntervalMs;
    try {
      const { context } = instance.snapshot;
      const priority = context.priority ?? 'medium';
      const again = context.round === 0 ? {} : { round: context.round };
      const answer = await ask(instance.workflow, { instance: instance.id, priority, concurrency, ...again });
      this.#obey(instance, admissionStateSchema.parse(answer));
    } catch (fault) {
      log.debug({ instanceId: instance.id, fault }, 'the queue of the workflow does not answer; asking again');
      delayMs = retryDelayMs;
    }
    this.#askAgain(instance, delayMs);
  }

  #askAgain(instance: LiveInstance, delayMs: number): void {
    this.#timers.get(instance.id)?.cancel();
    this.#timers.delete(instance.id);
    if (!this.#isWaiting(instance)) return;
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(instance.id);
      void this.#ask(instance);
    });
    this.#timers.set(instance.id, timer);
  }

  /** The queue may not have heard yet that the run has ended and was opened again: what it says of an earlier round is over. */
  #obey(instance: LiveInstance, { state, evidence, round = 0 }: AdmissionState): void {
    if (!this.#isWaiting(instance) || instance.snapshot.context.round !== round) return;
    const now = this.#options.clock.now();
    if (state === 'admitted') {
      const command = { type: 'AdmitWorkflow', now, evidence, round } as const;
      instance.send({ command, causationId: `admitted.${instance.id}` });
    }
    if (state === 'discarded') {
      const key = round === 0 ? 'admission.discarded' : `admission.discarded.${round}`;
      const order = { key, by: `workflowQueue ${instance.workflow}`, reason: evidence, round };
      instance.send({ command: { type: 'RequestStop', now, ...order }, causationId: `discarded.${instance.id}` });
    }
  }

  #isWaiting(instance: LiveInstance): boolean {
    return !this.#isStopped && !instance.isDropped && instance.snapshot.value === 'queued';
  }
}
