/**
 * Carries attempts between a run and its workers: offers, cancellations, losses, returns. Answers come back as messages to
 * the run.
 *
 * C1 An offer is repeated under the same attempt id until the worker answers or refuses, or the attempt ends: the worker
 *    starts an id once.
 * C2 A courier acts only for runs that this process still owns, and only while the attempt is in the state that asked for it.
 * C3 An attempt that may have begun is not given away because its worker is gone, where the task does not allow it
 *    (`onWorkerLost`), or may have left applications on a cluster: the loss of the worker decides.
 */

import { taggedClusterOf } from '../../actors/task-instance/application-limits.ts';
import { idempotencyKeyOf } from '../../actors/task-instance/idempotency-key.ts';
import type { AttemptPlace } from '../../actors/task-instance/task-instance.state.ts';
import { attemptInputs } from '../../actors/workflow-instance/attempt-inputs.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { MasterConfig } from '../../schemas/config.schema.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
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
import type { Transport } from '../transport/transport.port.ts';
import { type TriedRequest, tryRequest } from '../transport/try-request.ts';
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

type AttemptName = { task: TaskName; attemptId: AttemptId };
type Attempt = { task: TaskName } & AttemptPlace;
/** `mayHaveBegun`: an offer may have arrived before this one. */
type Offered = Attempt & { mayHaveBegun: boolean };

/** Why an attempt is taken for lost, and whether its worker may return with it. */
export type Loss = { reason: Fault; evidence: string; mayReturn: boolean };

const retryDelayMs = 500;

export class AttemptCourier {
  readonly #options: AttemptCourierOptions;

  constructor(options: AttemptCourierOptions) {
    this.#options = options;
  }

  /** @param isRepeated the offer may have been made before, by a former owner */
  async offer(instance: LiveInstance, attempt: Attempt, isRepeated = false): Promise<void> {
    const { transport, config } = this.#options;
    const offer = this.#offerOf(instance, attempt);
    let mayHaveArrived = isRepeated;
    while (isWanted(instance, attempt, ['assigned'])) {
      const result = await tryRequest(transport, subjects.worker.offer(attempt.worker), offer, {
        timeoutMs: config.offerTimeoutMs,
      });
      mayHaveArrived ||= result.kind === 'timeout';
      // C3.
      const isLeftToLoss = result.kind === 'noResponders' && mayHaveArrived && !runsAgainWhenLost(instance, attempt);
      if (!isLeftToLoss && this.#takeOfferAnswer(instance, { ...attempt, mayHaveBegun: mayHaveArrived }, result))
        return;
      await this.#pause();
    }
  }

  /**
   * Repeated after an answer too: the last report of the attempt ends it, but that report may have been acked before (it told
   * of a loss, and the task waited for somebody), and the worker may die before it has done anything.
   */
  async cancel(instance: LiveInstance, attempt: Attempt, reason: 'stop' | 'timeout'): Promise<void> {
    const { transport, config } = this.#options;
    while (isWanted(instance, attempt, ['cancelling'])) {
      const { attemptId, worker } = attempt;
      const body = { instance: instance.id, epoch: instance.snapshot.context.epoch, attemptId, reason };
      const result = await tryRequest(transport, subjects.worker.cancel(worker), body, {
        timeoutMs: config.cancelTimeoutMs,
      });
      const state = result.kind === 'answer' ? cancelledStateOf(result.body) : undefined;
      if (state === 'unknown') {
        this.#reportCancelled(instance, attempt);
        return;
      }
      await this.#pause();
    }
  }

  lose(instance: LiveInstance, { task, attemptId }: AttemptName, loss: Loss): void {
    const { clock, config } = this.#options;
    const { lossesMax } = config;
    const command = { type: 'LoseAttempt', now: clock.now(), task, attemptId, lossesMax, ...loss } as const;
    instance.send({ command, causationId: `lost.${attemptId}` });
  }

  /** The worker has the attempt: if it counted as absent, the task goes on. */
  returned(instance: LiveInstance, { task, attemptId }: AttemptName): void {
    if (!isWanted(instance, { task, attemptId }, ['absent'])) return;
    const command = { type: 'ReturnAttempt', now: this.#options.clock.now(), task, attemptId } as const;
    instance.send({ command, causationId: `returned.${attemptId}` });
  }

  #offerOf(instance: LiveInstance, { task, attemptId, workerIncarnation }: Attempt): Offer {
    const { context } = instance.snapshot;
    const planned = instance.actor.plan.find(task);
    const state = taskStateOf(instance.actor.plan, context, task);
    if (planned === undefined || state === undefined) throw new Error(`the plan has no task ${task}`);
    const { settings, env } = planned.definition;
    if (settings.type === 'map') throw new Error(`the map ${task} has no attempt; its items have`);
    return {
      instance: instance.id,
      workflow: instance.workflow,
      epoch: context.epoch,
      master: this.#options.master,
      host: this.#options.host,
      task,
      attemptId,
      attempt: state.context.attempt,
      idempotencyKey: idempotencyKeyOf(instance.id, task, state.context.round),
      workerIncarnation,
      settings,
      env,
      inputs: attemptInputs(instance.actor.plan, context, { task: planned, instance: instance.id, attemptId }),
      ...(instance.origin.traceparent === undefined ? {} : { traceparent: instance.origin.traceparent }),
    };
  }

  /** True when nothing more is to be asked. */
  #takeOfferAnswer(instance: LiveInstance, attempt: Offered, result: TriedRequest): boolean {
    // Also when the worker counts as gone: if it does not return, its loss ends the attempt, and this with it (C2).
    if (result.kind === 'timeout') return false;
    if (result.kind === 'unsendable') {
      // Another worker could not be sent it either.
      const message = `its inputs are too large to be sent: ${result.message}. Pass references instead of contents`;
      this.#reject(instance, attempt, { code: 'BAD_REQUEST', message });
      return true;
    }
    if (result.kind === 'noResponders') {
      const reason = { code: 'WORKER_UNREACHABLE', message: `the worker ${attempt.worker} does not listen` };
      this.#reject(instance, attempt, reason);
      return true;
    }
    const reply = offerReplySchema.safeParse(result.body);
    if (!reply.success) {
      const { worker } = attempt;
      this.#options.log.error({ worker, problem: reply.error.message }, 'answer to an offer cannot be read');
      this.#reject(instance, attempt, faultIn(result.body));
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

  #reject(instance: LiveInstance, { task, attemptId, worker, mayHaveBegun }: Offered, reason: Fault): void {
    const { clock, pool } = this.#options;
    pool.pause(worker);
    // A worker that refuses what it was offered before has said so of this life of it: it did not begin there.
    const isGone = mayHaveBegun && (reason.code === 'WORKER_INCARNATION_GONE' || reason.code === 'WORKER_UNREACHABLE');
    const command = { type: 'RejectAttempt', now: clock.now(), task, attemptId, reason, mayHaveBegun: isGone } as const;
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

/** A worker that cannot take the offer at all answers with an error. */
function faultIn(body: unknown): Fault {
  const refusal = errorReplySchema.safeParse(body);
  if (!refusal.success) return { code: 'BAD_REQUEST', message: 'the worker answered something unknown' };
  const { code, message } = refusal.data;
  return { code, message };
}

function runsAgainWhenLost({ actor }: LiveInstance, { task }: Attempt): boolean {
  const definition = actor.plan.find(task)?.definition;
  if (definition === undefined || taggedClusterOf(definition) !== undefined) return false;
  const { onWorkerLost } = definition;
  return onWorkerLost === undefined || onWorkerLost.policy === 'retry';
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

/** Undefined when the worker refused. */
export function cancelledStateOf(body: unknown): AttemptState | undefined {
  const reply = cancelReplySchema.safeParse(body);
  return reply.success && 'state' in reply.data ? reply.data.state : undefined;
}
