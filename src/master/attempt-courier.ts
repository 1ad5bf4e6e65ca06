/**
 * Carries attempts between a run and its workers: offers, cancellations, revocations, takeovers. Answers come back as
 * messages to the run.
 *
 * C1 An offer is repeated under the same attempt id until the worker answers or refuses, or the attempt ends: the worker
 *    starts an id once.
 * C2 A courier acts only for runs that this process still owns, and only while the attempt is in the state that asked for it.
 */

import type { AttemptPlace } from '../../actors/task-instance/task-instance.machine.ts';
import { attemptInputs, taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, MasterId, TaskName } from '../../schemas/ids.ts';
import {
  type AttemptState,
  cancelReplySchema,
  type Offer,
  offerReplySchema,
} from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { WorkerPool } from '../dispatch/worker-pool.ts';
import type { Log } from '../telemetry/log.ts';
import type { RequestResult, Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
import type { LiveInstance } from './live-instance.ts';

export type AttemptCourierOptions = {
  master: MasterId;
  host: string;
  config: Pick<MasterConfig, 'offerTimeoutMs' | 'cancelTimeoutMs' | 'lossesMax'>;
  transport: Transport;
  pool: WorkerPool;
  clock: Clock;
  ids: IdSource;
  log: Log;
};

type Attempt = { task: TaskName } & AttemptPlace;

const retryDelayMs = 500;

export class AttemptCourier {
  readonly #options: AttemptCourierOptions;

  constructor(options: AttemptCourierOptions) {
    this.#options = options;
  }

  async offer(instance: LiveInstance, attempt: Attempt): Promise<void> {
    const { transport, config } = this.#options;
    const offer = this.#offerOf(instance, attempt);
    while (isWanted(instance, attempt, ['assigned'])) {
      const result = await tryRequest(transport, subjects.worker.offer(attempt.worker), offer, {
        timeoutMs: config.offerTimeoutMs,
      });
      const isSettled = this.#takeOfferAnswer(instance, attempt, result);
      if (isSettled) return;
      await this.#pause();
    }
  }

  async cancel(instance: LiveInstance, attempt: Attempt, reason: 'stop' | 'timeout'): Promise<void> {
    const { transport, config } = this.#options;
    while (isWanted(instance, attempt, ['cancelling'])) {
      const { attemptId, worker } = attempt;
      const body = { instance: instance.id, epoch: instance.snapshot.context.epoch, attemptId, reason };
      const result = await tryRequest(transport, subjects.worker.cancel(worker), body, {
        timeoutMs: config.cancelTimeoutMs,
      });
      const state = result.kind === 'answer' ? stateOf(result.body) : undefined;
      if (state === 'unknown') this.#reportCancelled(instance, attempt);
      // Otherwise the attempt's own last report ends it.
      if (state !== undefined) return;
      await this.#pause();
    }
  }

  /** Once is enough: a worker that is gone refuses what was meant for its former life anyway. */
  async revoke(instance: LiveInstance, { attemptId, worker }: Attempt): Promise<void> {
    const { transport, config } = this.#options;
    const body = { instance: instance.id, epoch: instance.snapshot.context.epoch, attemptId, reason: 'revoked' };
    await tryRequest(transport, subjects.worker.cancel(worker), body, { timeoutMs: config.cancelTimeoutMs });
  }

  lose(
    instance: LiveInstance,
    attempt: { task: TaskName; attemptId: AttemptId },
    reason: Fault,
    evidence: string,
  ): void {
    const { clock, config } = this.#options;
    const { task, attemptId } = attempt;
    const command = { type: 'LoseAttempt', now: clock.now(), task, attemptId, reason, evidence } as const;
    instance.send({ command: { ...command, lossesMax: config.lossesMax }, causationId: `lost.${attemptId}` });
  }

  #offerOf(instance: LiveInstance, { task, attemptId, workerIncarnation }: Attempt): Offer {
    const { context } = instance.snapshot;
    const planned = instance.actor.plan.tasks[instance.actor.plan.indexOf(task) ?? -1];
    const state = taskStateOf(instance.actor.plan, context, task);
    if (planned === undefined || state === undefined) throw new Error(`the plan has no task ${task}`);
    return {
      instance: instance.id,
      workflow: instance.workflow,
      epoch: context.epoch,
      master: this.#options.master,
      host: this.#options.host,
      task,
      attemptId,
      attempt: state.context.attempt,
      workerIncarnation,
      settings: planned.definition.settings,
      env: planned.definition.env,
      inputs: attemptInputs(context, planned),
    };
  }

  /** True when nothing more is to be asked. */
  #takeOfferAnswer(instance: LiveInstance, attempt: Attempt, result: RequestResult): boolean {
    // Also when the worker counts as gone: if it does not return, its loss ends the attempt, and this with it (C2).
    if (result.kind === 'timeout') return false;
    if (result.kind === 'noResponders') {
      const reason = { code: 'WORKER_UNREACHABLE', message: `the worker ${attempt.worker} does not listen` };
      this.#reject(instance, attempt, reason);
      return true;
    }
    const reply = offerReplySchema.safeParse(result.body);
    if (!reply.success) {
      this.#options.log.error(
        { worker: attempt.worker, problem: reply.error.message },
        'answer to an offer cannot be read',
      );
      this.#reject(instance, attempt, { code: 'BAD_REQUEST', message: 'the worker answered something unknown' });
      return true;
    }
    if (reply.data.accepted) this.#accept(instance, attempt);
    else this.#reject(instance, attempt, reply.data.reason);
    return true;
  }

  #accept(instance: LiveInstance, { task, attemptId }: Attempt): void {
    if (!isWanted(instance, { attemptId, task }, ['assigned'])) return;
    const { clock, ids, config } = this.#options;
    const report = { kind: 'accepted', instance: instance.id, task, attemptId, sequence: 1 } as const;
    const command = {
      type: 'RecordReport',
      now: clock.now(),
      random: ids.random(),
      report,
      lossesMax: config.lossesMax,
    } as const;
    instance.send({ command, causationId: `accepted.${attemptId}`, isLazy: true });
  }

  #reject(instance: LiveInstance, { task, attemptId, worker }: Attempt, reason: Fault): void {
    const { clock, pool } = this.#options;
    pool.pause(worker);
    const command = { type: 'RejectAttempt', now: clock.now(), task, attemptId, reason } as const;
    instance.send({ command, causationId: `rejected.${attemptId}` });
  }

  #reportCancelled(instance: LiveInstance, { task, attemptId }: Attempt): void {
    const { clock, ids, config } = this.#options;
    const now = clock.now();
    const report = { kind: 'cancelled', instance: instance.id, task, attemptId, sequence: 1, finishedAt: now } as const;
    const command = { type: 'RecordReport', now, random: ids.random(), report, lossesMax: config.lossesMax } as const;
    instance.send({ command, causationId: `cancelled.${attemptId}` });
  }

  #pause(): Promise<void> {
    const delayMs = retryDelayMs * (0.5 + this.#options.ids.random());
    return new Promise((resolve) => {
      this.#options.clock.after(delayMs, resolve);
    });
  }
}

/** C2. */
function isWanted(
  instance: LiveInstance,
  { attemptId, task }: { attemptId: AttemptId; task: TaskName },
  statuses: readonly string[],
): boolean {
  if (instance.isDropped) return false;
  const state = taskStateOf(instance.actor.plan, instance.snapshot.context, task);
  return state !== undefined && statuses.includes(state.status) && state.context.current?.attemptId === attemptId;
}

function stateOf(body: unknown): AttemptState | undefined {
  const reply = cancelReplySchema.safeParse(body);
  return reply.success && 'state' in reply.data ? reply.data.state : undefined;
}
