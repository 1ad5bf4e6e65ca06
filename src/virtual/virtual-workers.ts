/** A set of workers that are not there: their slots, and the dispatcher of a master that gives them out. */
import type { AwaitedAttempt } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { Balancer } from '../../schemas/config.schema.ts';
import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type {
  AttemptId,
  Incarnation,
  InstanceId,
  MasterId,
  TaskName,
  WorkerGroup,
  WorkerId,
} from '../../schemas/ids.ts';
import type { IdSource } from '../clock/clock.port.ts';
import { createDispatcher, type Dispatcher, type Placement } from '../dispatch/dispatcher.ts';
import { createWorkerPool, type WorkerPool } from '../dispatch/worker-pool.ts';
import type { VirtualTime } from './virtual-time.ts';

export type VirtualWorker = { readonly groups: readonly string[]; readonly slots: number };
/** By the id of the worker. */
export type WorkerSet = Readonly<Record<string, VirtualWorker>>;

export type VirtualWorkersOptions = {
  time: VirtualTime;
  ids: IdSource;
  workers: WorkerSet;
  instance: InstanceId;
  balancer: Balancer;
  onSlot: (task: TaskName, placement: Placement) => void;
  onHeld: (task: TaskName, reason: HoldReason) => void;
};

/** How long a task waits before its reason is told. Of the configuration's default. */
export const holdReportDelayMs = 1_000;

export class VirtualWorkers {
  readonly #options: VirtualWorkersOptions;
  readonly #workers = new Map<WorkerId, VirtualWorker & { incarnation: Incarnation }>();
  #pool: WorkerPool;
  #dispatcher: Dispatcher;

  constructor(options: VirtualWorkersOptions) {
    this.#options = options;
    this.#pool = createWorkerPool('master' as MasterId, { busyCpu: 1, busyMemory: 1 });
    this.#dispatcher = this.#newDispatcher();
    for (const [id, worker] of Object.entries(options.workers)) this.join(id as WorkerId, worker);
  }

  /** A slot at once, or undefined: then `onSlot` tells. */
  place(task: TaskName, group: WorkerGroup, priority: Priority): Placement | undefined {
    return this.#dispatcher.place({ instance: this.#options.instance, task, group, priority });
  }

  withdraw(task: TaskName): void {
    this.#dispatcher.withdraw(this.#options.instance, task);
  }

  release(attemptId: AttemptId): void {
    this.#pool.release(attemptId);
    this.#dispatcher.fill();
  }

  /** An attempt that was under way before. */
  reserve({ task, attemptId, worker, workerIncarnation }: AwaitedAttempt): void {
    this.#pool.reserve({ task, attemptId, worker, workerIncarnation, instance: this.#options.instance });
  }

  has(group: WorkerGroup): boolean {
    return this.#pool.emptyReason(group) !== 'NO_WORKER_IN_GROUP';
  }

  candidates(group: WorkerGroup): WorkerId[] {
    return this.#pool.candidates(group).map(({ worker }) => worker);
  }

  /** A worker that was here before comes back as another life of itself. */
  join(id: WorkerId, worker: VirtualWorker): void {
    const incarnation = this.#options.ids.uuid() as Incarnation;
    this.#workers.set(id, { ...worker, incarnation });
    this.#tell(id);
    this.#dispatcher.fill();
  }

  leave(id: WorkerId): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    this.#workers.delete(id);
    this.#pool.forget(id, worker.incarnation);
  }

  incarnationOf(id: WorkerId): Incarnation | undefined {
    return this.#workers.get(id)?.incarnation;
  }

  /** A new owner knows of no queue, and of no slots but those of the attempts in its state. */
  ownerChanged(awaited: readonly AwaitedAttempt[]): void {
    this.#dispatcher.stop();
    this.#pool = createWorkerPool('master' as MasterId, { busyCpu: 1, busyMemory: 1 });
    this.#dispatcher = this.#newDispatcher();
    for (const id of this.#workers.keys()) this.#tell(id);
    for (const attempt of awaited) this.reserve(attempt);
  }

  #newDispatcher(): Dispatcher {
    const { time, ids, balancer, onSlot, onHeld } = this.#options;
    return createDispatcher({
      pool: this.#pool,
      config: { balancer, holdReportDelayMs },
      clock: time,
      ids,
      onSlot: (_, task, placement) => onSlot(task, placement),
      holdOf: () => undefined,
      onFreed: () => undefined,
      onHeld: (_, task, reason) => onHeld(task, reason),
    });
  }

  #tell(id: WorkerId): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    this.#pool.renew({
      kind: 'worker',
      id,
      incarnation: worker.incarnation,
      host: 'virtual',
      pid: 1,
      startedAt: 0,
      state: 'active',
      groups: worker.groups as WorkerGroup[],
      slots: worker.slots,
      runningCount: 0,
      runningByMaster: {},
      load: { cpu: 0, memory: 0 },
    });
  }
}
