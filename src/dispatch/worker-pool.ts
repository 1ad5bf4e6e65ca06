/**
 * The slots of all workers, as this master sees them: what they told in their last heartbeat, and what it assigned since.
 *
 * W1 A reservation stands for one live attempt and is known by its id: releasing twice frees one slot.
 * W2 Slots are derived from reservations and heartbeats, never counted up and down (I8).
 */
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type {
  AttemptId,
  Incarnation,
  InstanceId,
  MasterId,
  TaskName,
  WorkerGroup,
  WorkerId,
} from '../../schemas/ids.ts';
import type { WorkerMember } from '../../schemas/messages/membership.messages.ts';
import type { Candidate } from './balancer.ts';

export type Reservation = {
  attemptId: AttemptId;
  instance: InstanceId;
  task: TaskName;
  worker: WorkerId;
  workerIncarnation: Incarnation;
};

export type WorkerPool = {
  renew(member: WorkerMember): void;
  forget(worker: WorkerId, incarnation: Incarnation): void;
  /** The worker refused for want of slots, or did not answer: nothing more goes there until its next heartbeat. */
  pause(worker: WorkerId): void;
  reserve(reservation: Reservation): void;
  release(attemptId: AttemptId): void;
  /** Gives up all reservations of an instance that this master no longer owns. */
  releaseInstance(instance: InstanceId): void;
  reservationsOf(worker: WorkerId): Reservation[];
  member(worker: WorkerId): WorkerMember | undefined;
  /** Workers of the group with a free slot. */
  candidates(group: WorkerGroup): Candidate[];
  /** Why a group without candidates has none. */
  emptyReason(group: WorkerGroup): 'NO_WORKER_IN_GROUP' | 'NO_FREE_SLOT' | 'WORKERS_BUSY';
};

type Entry = {
  member: WorkerMember;
  /** Attempts of other masters at the last heartbeat. */
  foreignCount: number;
  isPaused: boolean;
};

export function createWorkerPool(master: MasterId, limits: Pick<MasterConfig, 'busyCpu' | 'busyMemory'>): WorkerPool {
  const workers = new Map<WorkerId, Entry>();
  const reservations = new Map<AttemptId, Reservation>();
  const byWorker = new Map<WorkerId, Map<AttemptId, Reservation>>();
  const heldAt = (worker: WorkerId) => byWorker.get(worker)?.size ?? 0;

  const isBusy = ({ load }: WorkerMember) => load.cpu > limits.busyCpu || load.memory > limits.busyMemory;
  const freeSlots = ({ member, foreignCount }: Entry) => member.slots - foreignCount - heldAt(member.id);
  const inGroup = (group: WorkerGroup) =>
    [...workers.values()].filter(({ member }) => member.state === 'active' && member.groups.includes(group));

  const release = (attemptId: AttemptId): void => {
    const reservation = reservations.get(attemptId);
    if (reservation === undefined) return;
    reservations.delete(attemptId);
    byWorker.get(reservation.worker)?.delete(attemptId);
  };

  return {
    renew: (member) => {
      const foreignCount = Math.max(0, member.runningCount - (member.runningByMaster[master] ?? 0));
      workers.set(member.id, { member, foreignCount, isPaused: false });
    },
    forget: (worker, incarnation) => {
      if (workers.get(worker)?.member.incarnation === incarnation) workers.delete(worker);
    },
    pause: (worker) => {
      const entry = workers.get(worker);
      if (entry !== undefined) entry.isPaused = true;
    },
    reserve: (reservation) => {
      reservations.set(reservation.attemptId, reservation);
      const held = byWorker.get(reservation.worker) ?? new Map<AttemptId, Reservation>();
      byWorker.set(reservation.worker, held.set(reservation.attemptId, reservation));
    },
    release,
    releaseInstance: (instance) => {
      for (const { instance: holder, attemptId } of [...reservations.values()]) {
        if (holder === instance) release(attemptId);
      }
    },
    reservationsOf: (worker) => [...(byWorker.get(worker)?.values() ?? [])],
    member: (worker) => workers.get(worker)?.member,
    candidates: (group) => {
      const found: Candidate[] = [];
      for (const entry of workers.values()) {
        const { member } = entry;
        if (entry.isPaused || member.state !== 'active' || !member.groups.includes(group) || isBusy(member)) continue;
        const free = freeSlots(entry);
        if (free > 0) {
          found.push({ worker: member.id, freeSlots: free, load: 1 - free / member.slots, cpu: member.load.cpu });
        }
      }
      return found;
    },
    emptyReason: (group) => {
      const members = inGroup(group);
      if (members.length === 0) return 'NO_WORKER_IN_GROUP';
      return members.every(({ member }) => isBusy(member)) ? 'WORKERS_BUSY' : 'NO_FREE_SLOT';
    },
  };
}
