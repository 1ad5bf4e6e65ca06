/**
 * Brings ready tasks and free slots together. Placing is synchronous, so that the finish of one task and the assignment of
 * the next are decided in one step; what cannot be placed waits in the queue of its worker group, and a group without
 * workers holds up nobody else.
 *
 * D1 A slot is reserved when its attempt is decided, before anything is durable; an assignment that does not become
 *    durable gives it back.
 * D2 Whoever waits longest goes first within a priority: a newly ready task never passes a waiting one.
 * D3 What is held by an order (a coronation, a freeze) is in no queue: it holds up nobody, and is placed when the order ends.
 */
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type { HoldReason, PlacementReason } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, Incarnation, InstanceId, TaskName, WorkerGroup, WorkerId } from '../../schemas/ids.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import { balancerOf, type Candidate } from './balancer.ts';
import { createHeldTasks, type PlaceRequest } from './held-tasks.ts';
import { createTaskQueue, type TaskQueue } from './task-queue.ts';
import type { WorkerPool } from './worker-pool.ts';

export type Placement = {
  attemptId: AttemptId;
  worker: WorkerId;
  workerIncarnation: Incarnation;
  why: PlacementReason;
};

export type Dispatcher = {
  /** A slot for the task at once, or undefined: then it waits, and `onSlot` will tell. */
  place(request: PlaceRequest): Placement | undefined;
  withdraw(instance: InstanceId, task?: TaskName): void;
  /** Slots may have become free: the waiting ones get them. */
  fill(): void;
  /** Orders have changed: what they hold leaves its queue, what they hold no more is told by `onFreed`. */
  recheck(): void;
  /** True when an order holds the task here. */
  isHeld(instance: InstanceId, task: TaskName): boolean;
  /** True when the task waits here: for a slot, or for the end of an order. */
  isWaiting(instance: InstanceId, task: TaskName): boolean;
  waitingCount(): number;
  stop(): void;
};

export type DispatcherOptions = {
  pool: WorkerPool;
  config: Pick<MasterConfig, 'balancer' | 'holdReportDelayMs'>;
  clock: Clock;
  ids: IdSource;
  /** A waiting task got a slot. */
  onSlot: (instance: InstanceId, task: TaskName, placement: Placement) => void;
  /** The order that keeps a task from being placed, if there is one. */
  holdOf: (request: PlaceRequest) => HoldReason | undefined;
  /** No order holds the task any more: it is to be placed again. */
  onFreed: (instance: InstanceId, task: TaskName) => void;
  /** A task has waited long enough to say why. */
  onHeld: (instance: InstanceId, task: TaskName, reason: HoldReason) => void;
};

const candidatesKept = 8;
/** Waiting for a slot is normal: it is told later than the want of any worker. */
const slotReportFactor = 10;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { pool, config, clock, holdOf, onSlot, onFreed, onHeld } = options;
  const queues = new Map<WorkerGroup, TaskQueue>();
  const held = createHeldTasks(clock);
  const assign = createAssign(options);
  let holdTimer: Timer | undefined;

  const reportHeld = (): void => {
    holdTimer = undefined;
    for (const [group, queue] of queues) {
      if (queue.length === 0) continue;
      const code = pool.emptyReason(group);
      const patienceMs = config.holdReportDelayMs * (code === 'NO_FREE_SLOT' ? slotReportFactor : 1);
      const reason = { code, group, message: messageOf(code, group) };
      const limit = clock.now() - patienceMs;
      for (const { instance, task, since } of queue.all()) if (since <= limit) onHeld(instance, task, reason);
    }
    for (const request of held.since(clock.now() - config.holdReportDelayMs)) {
      const reason = holdOf(request);
      if (reason !== undefined) onHeld(request.instance, request.task, reason);
    }
    watchHeld();
  };
  const watchHeld = (): void => {
    const isAnyWaiting = held.length > 0 || [...queues.values()].some((queue) => queue.length > 0);
    if (holdTimer === undefined && isAnyWaiting) holdTimer = clock.after(config.holdReportDelayMs, reportHeld);
  };

  const place = (request: PlaceRequest): Placement | undefined => {
    const { instance, task, priority, group } = request;
    const queue = queues.get(group) ?? createTaskQueue();
    queues.set(group, queue);
    if (holdOf(request) !== undefined) held.add(request);
    else {
      const candidates = queue.length === 0 ? pool.candidates(group) : [];
      if (candidates.length > 0) return assign(candidates, request);
      if (!queue.has(instance, task)) queue.push({ instance, task, priority, since: clock.now() });
    }
    watchHeld();
    return undefined;
  };

  return {
    place,
    withdraw: (instance, task) => {
      for (const queue of queues.values()) queue.remove(instance, task);
      held.remove(instance, task);
    },
    fill: () => {
      for (const [group, queue] of queues) {
        while (queue.length > 0) {
          const candidates = pool.candidates(group);
          if (candidates.length === 0) break;
          const next = queue.shift();
          if (next !== undefined) onSlot(next.instance, next.task, assign(candidates, next));
        }
      }
    },
    recheck: () => {
      held.moveFrom(queues, (request) => holdOf(request) !== undefined);
      for (const { instance, task } of held.takeWhere((one) => holdOf(one) === undefined)) onFreed(instance, task);
      watchHeld();
    },
    isHeld: (instance, task) => held.has(instance, task),
    isWaiting: (instance, task) =>
      held.has(instance, task) || [...queues.values()].some((queue) => queue.has(instance, task)),
    waitingCount: () => [...queues.values()].reduce((total, queue) => total + queue.length, held.length),
    stop: () => holdTimer?.cancel(),
  };
}

/** Chooses a worker among the candidates and takes its slot (D1). */
function createAssign({ pool, config, ids }: DispatcherOptions) {
  const choose = balancerOf(config.balancer, () => ids.random());
  return (
    candidates: readonly Candidate[],
    { instance, task }: { instance: InstanceId; task: TaskName },
  ): Placement => {
    const { worker } = choose(candidates);
    const workerIncarnation = pool.member(worker)?.incarnation;
    if (workerIncarnation === undefined) throw new Error(`the worker ${worker} was chosen but is not known`);
    const attemptId = ids.uuid() as AttemptId;
    pool.reserve({ attemptId, instance, task, worker, workerIncarnation });
    return { attemptId, worker, workerIncarnation, why: reasonOf(config.balancer, candidates) };
  };
}

function reasonOf(balancer: string, candidates: readonly Candidate[]): PlacementReason {
  const kept = candidates.slice(0, candidatesKept).map(({ worker, freeSlots, load }) => ({ worker, freeSlots, load }));
  return { balancer, candidates: kept, candidateCount: candidates.length };
}

function messageOf(code: ReturnType<WorkerPool['emptyReason']>, group: WorkerGroup): string {
  switch (code) {
    case 'NO_WORKER_IN_GROUP':
      return `no worker of the group ${group} is here; start one with --group ${group}`;
    case 'NO_FREE_SLOT':
      return `all slots of the group ${group} are taken`;
    case 'WORKERS_BUSY':
      return `every worker of the group ${group} is above its limit of cpu or memory`;
  }
}
