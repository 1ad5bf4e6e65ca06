/**
 * The workers that a run met, as far as its placements tell: who was a candidate for which group, and how many slots it had.
 * A worker that was never looked at is not known.
 */
import { findTask } from '../../actors/workflow-instance/task-lookup.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { VirtualWorker, WorkerSet } from '../virtual/virtual-workers.ts';
import type { ReplayedRun } from './replayed-run.ts';

type Seen = { groups: Set<string>; slots: number };

/** `null` for a worker that is not to be there. */
export type WorkerChanges = Readonly<Record<string, VirtualWorker | null>>;

export function recordedWorkers(run: ReplayedRun): WorkerSet {
  const seen = new Map<string, Seen>();
  const note = (worker: string, group: string, slots: number): void => {
    const known = seen.get(worker) ?? { groups: new Set(), slots: 1 };
    known.groups.add(group);
    known.slots = Math.max(known.slots, slots);
    seen.set(worker, known);
  };
  for (let revision = 0; revision <= run.lastRevision; revision += 1) {
    const event = run.event(revision);
    if (event.type !== 'TaskAssigned') continue;
    const { task, worker, why } = event.data;
    const group = groupOf(run, revision, task);
    note(worker, group, 1);
    for (const { worker: candidate, freeSlots, load } of why.candidates)
      note(candidate, group, slotsOf(freeSlots, load));
  }
  return Object.fromEntries([...seen].map(([id, { groups, slots }]) => [id, { groups: [...groups], slots }]));
}

/** The load is the share of its slots that a worker has in use. */
function slotsOf(freeSlots: number, load: number): number {
  return load >= 1 ? freeSlots : Math.max(freeSlots, Math.round(freeSlots / (1 - load)));
}

export function groupOf(run: ReplayedRun, revision: number, task: TaskName): string {
  const { actor, snapshot } = run.at(revision);
  return findTask(actor.plan, snapshot.context, task)?.planned.definition.workerGroup ?? 'default';
}

export function withChanges(workers: WorkerSet, changes: WorkerChanges): WorkerSet {
  const all = Object.entries({ ...workers, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, VirtualWorker] => entry[1] !== null));
}
