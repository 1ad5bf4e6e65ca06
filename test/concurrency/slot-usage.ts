/** What the streams of a group and of its runs say of its slots: how many were taken at once, and who ran without any. */

import { checkOwnedHistory } from '../../actors/invariants/check-owned-history.ts';
import type { Violation } from '../../actors/invariants/history-event.ts';
import { foldTaskGroup } from '../../actors/task-group/task-group.fold.ts';
import { newTaskGroup, slotsTaken, type TaskGroupContext } from '../../actors/task-group/task-group.state.ts';
import type { TaskGroupEvent } from '../../schemas/events/task-group.events.ts';

import type { RecordedEvent } from '../../src/journal/journal.port.ts';
import type { MemoryStore } from '../../src/journal/memory-journal.adapter.ts';

type Told = { stream: string; type: string; data: unknown };

export type SlotUsage = {
  /** Most slots that were taken at once, by the group's own stream. */
  takenMax: number;
  /** Most attempts of its tasks that were live at once, by the streams of the runs. */
  liveMax: number;
  grantCount: number;
};

const endings = ['TaskSucceeded', 'TaskFailed', 'TaskLost', 'TaskStopped', 'TaskRejected'];

/** @param events of all streams, in the order of the store. @param task that has the group */
export function slotUsageOf(events: Iterable<Told>, group: string, task: string): SlotUsage {
  let context: TaskGroupContext = newTaskGroup;
  const live = new Set<string>();
  const usage = { takenMax: 0, liveMax: 0, grantCount: 0 };
  for (const { stream, type, data } of events) {
    if (stream === `taskGroup-${group}`) {
      context = foldTaskGroup(context, { type, data } as TaskGroupEvent, 'closed').context;
      usage.takenMax = Math.max(usage.takenMax, slotsTaken(context));
      if (type === 'SlotGranted') usage.grantCount += 1;
      continue;
    }
    const attempt = data as { task?: string; attemptId?: string };
    if (attempt.task !== task || attempt.attemptId === undefined) continue;
    if (type === 'TaskAssigned') live.add(attempt.attemptId);
    if (endings.includes(type)) live.delete(attempt.attemptId);
    usage.liveMax = Math.max(usage.liveMax, live.size);
  }
  return usage;
}

/** Breaches of the invariants in the streams of all actors that are no runs. */
export function breachesIn(store: MemoryStore): Violation[] {
  return store.streamNames().flatMap((stream) => {
    const kind = ownedKinds.find((one) => stream.startsWith(`${one}-`));
    return kind === undefined ? [] : checkOwnedHistory(kind, store.eventsOf(stream)).violations;
  });
}

const ownedKinds = ['taskGroup', 'workflowQueue', 'clusterOperations'] as const;

/** Everything that stands in the store, in its order. */
export function everythingIn(store: MemoryStore): RecordedEvent[] {
  return store
    .streamNames()
    .flatMap((stream) => store.eventsOf(stream))
    .sort((a, b) => Number(a.position) - Number(b.position));
}
