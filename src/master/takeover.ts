/**
 * After a takeover: the workers that hold attempts of the runs learn their new owner, and tell what they know of each
 * attempt. Batched by worker, so that thousands of runs cost few messages.
 *
 * R1 Now and then each worker is asked again for all that it should hold. A message of an earlier life of it may come late and
 *    say of an attempt that it has started, after this life has said that it knows of none: nobody would ask any more.
 * R2 An attempt that is not to start any more is lost only to a worker that was told so: its offer may still be on the way, and
 *    who knows of no such attempt would start it.
 */
import type { TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import { awaitedAttempts } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { AttemptId, InstanceId, MasterId, WorkerId } from '../../schemas/ids.ts';
import { type Takeover, type TakeoverReply, takeoverReplySchema } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import type { WorkerPool } from '../dispatch/worker-pool.ts';
import type { Log } from '../telemetry/log.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
import { AbsentWorkers, type Held } from './absent-workers.ts';
import type { AttemptCourier } from './attempt-courier.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance } from './live-instance.ts';

export type RehomingOptions = {
  master: MasterId;
  hostName: string;
  transport: Transport;
  host: InstanceHost;
  courier: AttemptCourier;
  pool: WorkerPool;
  clock: Clock;
  ids: IdSource;
  log: Log;
  requestTimeoutMs: number;
  /** How long a worker may be absent before its attempts count as lost. */
  absenceMaxMs: number;
  /** R1. */
  reviewIntervalMs: number;
  members: () => Iterable<{ id: WorkerId }>;
};

type Body = Pick<Takeover, 'master' | 'host' | 'instances'>;

const gatherMs = 20;
const instancesPerMessageMax = 1_000;

export class Rehoming {
  readonly #options: RehomingOptions;
  readonly #waiting = new Map<WorkerId, Held[]>();
  readonly #absent: AbsentWorkers;
  #timer: Timer | undefined;
  #review: Timer | undefined;

  constructor(options: RehomingOptions) {
    this.#options = options;
    this.#reviewLater();
    const { clock, ids } = options;
    this.#absent = new AbsentWorkers({
      clock,
      ids,
      statusOf: (held) => this.#statusOf(held),
      ask: (worker, held) => this.#askAll(worker, held),
      lose: (worker, held) => this.#loseAll(worker, held),
    });
  }

  /** Notes the attempts of a run that was taken over; their workers are told in a moment. */
  add(instance: LiveInstance): void {
    for (const { task, worker, workerIncarnation, attemptId } of awaitedAttempts(instance.snapshot)) {
      this.#options.pool.reserve({ attemptId, instance: instance.id, task, worker, workerIncarnation });
      const held = this.#waiting.get(worker) ?? [];
      held.push({ instance: instance.id, task, attemptId });
      this.#waiting.set(worker, held);
    }
    this.#timer ??= this.#options.clock.after(gatherMs, () => this.#tellAll());
  }

  /** A worker was restarted: what does it still know of its attempts? */
  ask(worker: WorkerId): void {
    const held = this.#options.pool.reservationsOf(worker);
    if (held.length > 0) this.#tell(worker, held);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#review?.cancel();
    this.#absent.stop();
  }

  /** R1. A worker that does not answer is watched elsewhere. */
  #reviewLater(): void {
    const { clock, ids, reviewIntervalMs, pool, members } = this.#options;
    this.#review = clock.after(reviewIntervalMs * (0.5 + ids.random()), () => {
      for (const { id } of members()) void this.#askAll(id, pool.reservationsOf(id));
      this.#reviewLater();
    });
  }

  #tellAll(): void {
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [worker, held] of waiting) this.#tell(worker, held);
  }

  #tell(worker: WorkerId, held: readonly Held[]): void {
    for (const groups of messagesOf(held)) void this.#request(worker, groups);
  }

  /** Asks once. */
  async #askAll(worker: WorkerId, held: readonly Held[]): Promise<boolean> {
    let hasAnswered = true;
    for (const groups of messagesOf(held)) {
      const body = this.#bodyOf(groups);
      if (body.instances.length > 0 && !(await this.#ask(worker, groups, body))) hasAnswered = false;
    }
    return hasAnswered;
  }

  /** True when the worker has answered. */
  async #ask(worker: WorkerId, groups: Map<InstanceId, Held[]>, body: Body): Promise<boolean> {
    const { transport, requestTimeoutMs } = this.#options;
    const result = await tryRequest(transport, subjects.worker.takeover(worker), body, { timeoutMs: requestTimeoutMs });
    const reply = result.kind === 'answer' ? takeoverReplySchema.safeParse(result.body) : undefined;
    if (reply?.success !== true) return false;
    const again = this.#take(groups, reply.data, new Set(body.instances.flatMap(({ revoked = [] }) => revoked)));
    if (again.length > 0) this.#tell(worker, again);
    return true;
  }

  /**
   * Repeats until the worker answers, or has been absent for too long: then its attempts are lost, or their tasks wait for
   * it longer (`onWorkerLost`).
   */
  async #request(worker: WorkerId, groups: Map<InstanceId, Held[]>): Promise<void> {
    const { clock, pool, requestTimeoutMs, absenceMaxMs, log } = this.#options;
    let deadlineAt = clock.now() + absenceMaxMs;
    while (true) {
      const body = this.#bodyOf(groups);
      if (body.instances.length > 0) {
        if (await this.#ask(worker, groups, body)) {
          // A member is watched by the directory; anyone else is watched here until it is one.
          if (pool.member(worker) !== undefined) return;
          deadlineAt = clock.now() + absenceMaxMs;
        }
      } else if (!this.#isAnyReserved(worker, groups)) return;
      if (clock.now() >= deadlineAt) break;
      await new Promise<void>((resolve) => {
        clock.after(Math.min(250, requestTimeoutMs), resolve);
      });
    }
    const held = [...groups.values()].flat();
    log.warn({ workerId: worker, absenceMaxMs, attemptCount: held.length }, 'worker did not return in time');
    this.#loseAll(worker, held);
    this.#absent.watch(worker, held);
  }

  /** Only of attempts whose assignment is durable: of any other the worker must not hear (I7). */
  #bodyOf(groups: Map<InstanceId, Held[]>): Body {
    const { host, master, hostName } = this.#options;
    const instances: Body['instances'] = [];
    for (const [id, held] of groups) {
      const live = host.find(id);
      if (live?.isOwned !== true) continue;
      const attempts = [];
      const revoked = [];
      for (const one of held) {
        const status = currentStatus(live, one);
        if (status !== undefined) attempts.push(one.attemptId);
        if (isPastStart(status)) revoked.push(one.attemptId);
      }
      if (attempts.length === 0) continue;
      const { epoch } = live.snapshot.context;
      instances.push({ instance: id, epoch, attempts, ...(revoked.length === 0 ? {} : { revoked }) });
    }
    return { master, host: hostName, instances };
  }

  /** An assignment that is being appended is still to become current. */
  #isAnyReserved(worker: WorkerId, groups: Map<InstanceId, Held[]>): boolean {
    const reserved = new Set(this.#options.pool.reservationsOf(worker).map(({ attemptId }) => attemptId));
    return [...groups.values()].some((held) => held.some(({ attemptId }) => reserved.has(attemptId)));
  }

  /** @returns whom to ask about again (R2) */
  #take(groups: Map<InstanceId, Held[]>, reply: TakeoverReply, revoked: ReadonlySet<AttemptId>): Held[] {
    const { host, courier } = this.#options;
    const again: Held[] = [];
    for (const { instance } of reply.refused) {
      const live = host.find(instance);
      if (live !== undefined) host.drop(live);
    }
    const states = new Map(reply.attempts.map(({ attemptId, state }) => [attemptId, state]));
    for (const held of [...groups.values()].flat()) {
      const live = host.find(held.instance);
      const state = states.get(held.attemptId);
      if (live === undefined || state === undefined) continue;
      if (state !== 'unknown') {
        // What has finished does not go on: its last report says how, and may have been acked.
        if (state !== 'finished') courier.returned(live, held);
        continue;
      }
      // An assigned attempt is offered again under the same id; it has not been accepted anywhere.
      if (isAssignedTo(live, held, reply)) continue;
      if (isPastStart(currentStatus(live, held)) && !revoked.has(held.attemptId)) {
        again.push(held);
        continue;
      }
      const reason = {
        code: 'WORKER_INCARNATION_GONE',
        message: `the worker ${reply.worker} no longer has the attempt`,
      };
      const evidence = `takeover answered by incarnation ${reply.incarnation}: unknown`;
      courier.lose(live, held, { reason, evidence, mayReturn: false });
    }
    return again;
  }

  #statusOf(held: Held): TaskStatus | undefined {
    const live = this.#options.host.find(held.instance);
    return live === undefined ? undefined : currentStatus(live, held);
  }

  #loseAll(worker: WorkerId, lost: readonly Held[]): void {
    for (const held of lost) {
      const live = this.#options.host.find(held.instance);
      if (live === undefined) continue;
      const reason = { code: 'WORKER_UNREACHABLE', message: `the worker ${worker} did not return` };
      const evidence = `no answer within ${this.#options.absenceMaxMs} ms`;
      this.#options.courier.lose(live, held, { reason, evidence, mayReturn: true });
    }
  }
}

/** R2. Of what was accepted the worker itself knows that it was. */
const isPastStart = (status: TaskStatus | undefined): boolean => status === 'absent' || status === 'cancelling';

/** Of the task, while the attempt is its current one. */
function currentStatus(live: LiveInstance, { task, attemptId }: Held): TaskStatus | undefined {
  const state = taskStateOf(live.actor.plan, live.snapshot.context, task);
  return state?.context.current?.attemptId === attemptId ? state.status : undefined;
}

function isAssignedTo(live: LiveInstance, { task, attemptId }: Held, reply: TakeoverReply): boolean {
  const state = taskStateOf(live.actor.plan, live.snapshot.context, task);
  return (
    state?.status === 'assigned' &&
    state.context.current?.attemptId === attemptId &&
    state.context.current.workerIncarnation === reply.incarnation
  );
}

/** What one worker is asked, in messages of bounded size. */
function messagesOf(held: readonly Held[]): Map<InstanceId, Held[]>[] {
  const instances = [...groupByInstance(held)];
  const messages: Map<InstanceId, Held[]>[] = [];
  for (let start = 0; start < instances.length; start += instancesPerMessageMax) {
    messages.push(new Map(instances.slice(start, start + instancesPerMessageMax)));
  }
  return messages;
}

function groupByInstance(held: readonly Held[]): Map<InstanceId, Held[]> {
  const groups = new Map<InstanceId, Held[]>();
  for (const one of held) {
    const group = groups.get(one.instance);
    if (group === undefined) groups.set(one.instance, [one]);
    else group.push(one);
  }
  return groups;
}
