/**
 * After a takeover: the workers that hold attempts of the runs learn their new owner, and tell what they know of each
 * attempt. Batched by worker, so that thousands of runs cost few messages.
 */
import { awaitedAttempts } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { AttemptId, InstanceId, MasterId, TaskName, WorkerId } from '../../schemas/ids.ts';
import { type TakeoverReply, takeoverReplySchema } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { WorkerPool } from '../dispatch/worker-pool.ts';
import type { Log } from '../telemetry/log.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
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
  log: Log;
  requestTimeoutMs: number;
  /** How long a worker may be absent before its attempts count as lost. */
  absenceMaxMs: number;
};

type Held = { instance: InstanceId; task: TaskName; attemptId: AttemptId };

const gatherMs = 20;
const instancesPerMessageMax = 1_000;

export class Rehoming {
  readonly #options: RehomingOptions;
  readonly #waiting = new Map<WorkerId, Held[]>();
  #timer: Timer | undefined;

  constructor(options: RehomingOptions) {
    this.#options = options;
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
  }

  #tellAll(): void {
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [worker, held] of waiting) this.#tell(worker, held);
  }

  #tell(worker: WorkerId, held: readonly Held[]): void {
    const instances = [...groupByInstance(held)];
    for (let start = 0; start < instances.length; start += instancesPerMessageMax) {
      void this.#request(worker, new Map(instances.slice(start, start + instancesPerMessageMax)));
    }
  }

  /** Repeats until the worker answers, or has been absent for too long: then its attempts are lost. */
  async #request(worker: WorkerId, groups: Map<InstanceId, Held[]>): Promise<void> {
    const { transport, clock, pool, requestTimeoutMs, absenceMaxMs, log } = this.#options;
    let deadlineAt = clock.now() + absenceMaxMs;
    while (true) {
      const body = this.#bodyOf(groups);
      if (body.instances.length > 0) {
        const result = await tryRequest(transport, subjects.worker.takeover(worker), body, {
          timeoutMs: requestTimeoutMs,
        });
        const reply = result.kind === 'answer' ? takeoverReplySchema.safeParse(result.body) : undefined;
        if (reply?.success === true) {
          this.#take(groups, reply.data);
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
    log.warn({ workerId: worker, absenceMaxMs }, 'worker did not return; its attempts are lost');
    this.#loseAll(worker, groups);
  }

  /** Only of attempts whose assignment is durable: of any other the worker must not hear (I7). */
  #bodyOf(groups: Map<InstanceId, Held[]>) {
    const { host, master, hostName } = this.#options;
    const instances = [];
    for (const [id, held] of groups) {
      const live = host.find(id);
      if (live === undefined) continue;
      const attempts = held.filter((one) => isCurrent(live, one)).map(({ attemptId }) => attemptId);
      if (attempts.length === 0) continue;
      instances.push({ instance: id, epoch: live.snapshot.context.epoch, attempts });
    }
    return { master, host: hostName, instances };
  }

  /** An assignment that is being appended is still to become current. */
  #isAnyReserved(worker: WorkerId, groups: Map<InstanceId, Held[]>): boolean {
    const reserved = new Set(this.#options.pool.reservationsOf(worker).map(({ attemptId }) => attemptId));
    return [...groups.values()].some((held) => held.some(({ attemptId }) => reserved.has(attemptId)));
  }

  #take(groups: Map<InstanceId, Held[]>, reply: TakeoverReply): void {
    const { host, courier } = this.#options;
    for (const { instance } of reply.refused) {
      const live = host.find(instance);
      if (live !== undefined) host.drop(live);
    }
    const states = new Map(reply.attempts.map(({ attemptId, state }) => [attemptId, state]));
    for (const held of [...groups.values()].flat()) {
      const live = host.find(held.instance);
      if (live === undefined || states.get(held.attemptId) !== 'unknown') continue;
      // An assigned attempt is offered again under the same id; it has not been accepted anywhere.
      if (isAssignedTo(live, held, reply)) continue;
      const reason = {
        code: 'WORKER_INCARNATION_GONE',
        message: `the worker ${reply.worker} no longer has the attempt`,
      };
      courier.lose(live, held, reason, `takeover answered by incarnation ${reply.incarnation}: unknown`);
    }
  }

  #loseAll(worker: WorkerId, groups: Map<InstanceId, Held[]>): void {
    for (const held of [...groups.values()].flat()) {
      const live = this.#options.host.find(held.instance);
      if (live === undefined) continue;
      const reason = { code: 'WORKER_UNREACHABLE', message: `the worker ${worker} did not return` };
      this.#options.courier.lose(live, held, reason, `no answer within ${this.#options.absenceMaxMs} ms`);
    }
  }
}

function isCurrent(live: LiveInstance, { task, attemptId }: Held): boolean {
  const state = taskStateOf(live.actor.plan, live.snapshot.context, task);
  return state?.context.current?.attemptId === attemptId;
}

function isAssignedTo(live: LiveInstance, { task, attemptId }: Held, reply: TakeoverReply): boolean {
  const state = taskStateOf(live.actor.plan, live.snapshot.context, task);
  return (
    state?.status === 'assigned' &&
    state.context.current?.attemptId === attemptId &&
    state.context.current.workerIncarnation === reply.incarnation
  );
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
