/** What the outside owes for one task. Every effect is harmless when it is run again. */
import type { TaskName } from '../../schemas/ids.ts';
import { type AttemptPlace, type TaskState, timerIds } from './task-instance.machine.ts';

export type TaskEffect =
  /** Choose a worker for a ready task: comes back as AssignTask or HoldTask. */
  | { type: 'placeTask'; task: TaskName }
  /** The task no longer waits for a worker. */
  | { type: 'withdrawTask'; task: TaskName }
  | ({ type: 'offerAttempt'; task: TaskName } & AttemptPlace)
  | ({ type: 'cancelAttempt'; task: TaskName; reason: 'stop' | 'timeout' } & AttemptPlace)
  /** Make sure that the attempt never starts at a worker that was lost. */
  | ({ type: 'revokeAttempt'; task: TaskName } & AttemptPlace)
  /** The attempt no longer takes a slot of its worker. */
  | ({ type: 'releaseSlot'; task: TaskName } & AttemptPlace)
  | { type: 'armTimer'; timerId: string; task: TaskName; dueAt: number }
  | { type: 'disarmTimer'; timerId: string; task: TaskName };

/** What is owed for a task in this state, whatever happened before. */
export function pendingTaskEffects(task: TaskName, state: TaskState): TaskEffect[] {
  const { context } = state;
  const place = context.current;
  switch (state.status) {
    case 'ready':
      return [{ type: 'placeTask', task }];
    case 'assigned':
      return place === null ? [] : [{ type: 'offerAttempt', task, ...place }];
    case 'running':
      return place === null || context.timeoutAt === null
        ? []
        : [{ type: 'armTimer', timerId: timerIds.timeout(place.attemptId), task, dueAt: context.timeoutAt }];
    case 'absent':
      return pendingReturn(task, state);
    case 'cancelling':
      return place === null || context.cancelReason === null
        ? []
        : [{ type: 'cancelAttempt', task, reason: context.cancelReason, ...place }];
    case 'backingOff':
      return context.dueAt === null
        ? []
        : [{ type: 'armTimer', timerId: timerIds.retry(task, context.failures), task, dueAt: context.dueAt }];
    case 'waiting':
    case 'accepted':
    case 'succeeded':
    case 'failed':
    case 'stopped':
    case 'blocked':
      return [];
  }
}

/** While a person is asked nothing is owed: the command of that person is awaited, or the worker's return. */
function pendingReturn(task: TaskName, { context: { absence, current } }: TaskState): TaskEffect[] {
  if (absence === null || absence.dueAt === null || current === null) return [];
  const timerId = timerIds.workerReturn(current.attemptId, absence.since);
  return [{ type: 'armTimer', timerId, task, dueAt: absence.dueAt }];
}
