/** What the outside owes for one task. Every effect is harmless when it is run again. */
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import type { Attended } from './task-instance.setup.ts';
import {
  type AttemptPlace,
  type Awaiting,
  type Expansion,
  haveItemsEnded,
  type TaskContext,
  type TaskState,
  timerIds,
} from './task-instance.state.ts';
import { dueTimesOf } from './tended.state.ts';

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
  /** See to what the task waits for: start the child run, watch other runs. Comes back as ConcludeTask. */
  | ({ type: 'attend'; task: TaskName } & Attended)
  /** The task no longer waits: stop the child run, watch nothing. */
  | ({ type: 'leave'; task: TaskName } & Attended)
  /** Ask the clusters about the applications of the attempt, and end those that are to end. Comes back as TellApplications. */
  | { type: 'tendApplications'; task: TaskName; attemptId: AttemptId }
  /** All items of a map have ended: comes back as CollectItems. */
  | { type: 'collectItems'; task: TaskName }
  | { type: 'armTimer'; timerId: string; task: TaskName; dueAt: number }
  | { type: 'disarmTimer'; timerId: string; task: TaskName };

/** What is owed for a task in this state, whatever happened before. */
export function pendingTaskEffects(task: TaskName, state: TaskState): TaskEffect[] {
  const { context } = state;
  const place = context.current;
  switch (state.status) {
    case 'ready':
      return pendingPlacement(task, state);
    case 'delayed':
      return context.dueAt === null
        ? []
        : [{ type: 'armTimer', timerId: timerIds.delay(task, context.round), task, dueAt: context.dueAt }];
    case 'awaiting':
      return context.awaiting === null ? [] : pendingAnswer(task, context.awaiting);
    case 'expanded':
      return pendingItems(task, context.expansion);
    case 'assigned':
      return place === null ? [] : [{ type: 'offerAttempt', task, ...place }];
    case 'running':
      return place === null || context.timeoutAt === null
        ? []
        : [{ type: 'armTimer', timerId: timerIds.timeout(place.attemptId), task, dueAt: context.timeoutAt }];
    case 'absent':
      return [...pendingReturn(task, state), ...pendingTending(task, context)];
    case 'cancelling':
      // An attempt and items exclude each other: a map has none.
      if (place === null && context.awaiting === null) return pendingCollection(task, context.expansion);
      if (context.awaiting !== null) return [{ type: 'leave', task, ...attendedOf(context.awaiting) }];
      return [...pendingCancel(task, context), ...pendingTending(task, context)];
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
    case 'skipped':
      return [];
  }
}

/** An isolated task is not placed; how long it may wait for a worker is limited all the same. */
function pendingPlacement(task: TaskName, { context: { queue, isolations } }: TaskState): TaskEffect[] {
  const effects: TaskEffect[] = isolations > 0 ? [] : [{ type: 'placeTask', task }];
  if (queue !== null && !queue.hasWarned) {
    effects.push({ type: 'armTimer', timerId: timerIds.queue(task, queue.since), task, dueAt: queue.dueAt });
  }
  return effects;
}

/** Of the map itself; what its items owe stands beside it. */
function pendingItems(task: TaskName, expansion: Expansion | null): TaskEffect[] {
  const effects = pendingCollection(task, expansion);
  if (effects.length > 0 || expansion === null || expansion.dueAt === null) return effects;
  const { attemptId, dueAt } = expansion;
  return [{ type: 'armTimer', timerId: timerIds.awaited(attemptId), task, dueAt }];
}

function pendingCollection(task: TaskName, expansion: Expansion | null): TaskEffect[] {
  return expansion !== null && haveItemsEnded(expansion) ? [{ type: 'collectItems', task }] : [];
}

function pendingAnswer(task: TaskName, awaiting: Awaiting): TaskEffect[] {
  const { attemptId, dueAt } = awaiting;
  const effects: TaskEffect[] = [{ type: 'attend', task, ...attendedOf(awaiting) }];
  if (dueAt !== null) effects.push({ type: 'armTimer', timerId: timerIds.awaited(attemptId), task, dueAt });
  return effects;
}

/** What nobody runs any more needs no cancellation. */
function pendingCancel(task: TaskName, { current, cancelReason, tended }: TaskContext): TaskEffect[] {
  const isRun = tended === undefined || tended.orphan === null;
  return current === null || cancelReason === null || !isRun
    ? []
    : [{ type: 'cancelAttempt', task, reason: cancelReason, ...current }];
}

function pendingTending(task: TaskName, { current, tended }: TaskContext): TaskEffect[] {
  if (current === null || tended === undefined) return [];
  const { attemptId } = current;
  const timers = dueTimesOf(tended).map((dueAt): TaskEffect => {
    return { type: 'armTimer', timerId: timerIds.applications(attemptId, dueAt), task, dueAt };
  });
  return [{ type: 'tendApplications', task, attemptId }, ...timers];
}

const attendedOf = ({ attemptId, awaits }: Awaiting): Attended => ({ attemptId, awaits });

/** While a person is asked nothing is owed: the command of that person is awaited, or the worker's return. */
function pendingReturn(task: TaskName, { context: { absence, current } }: TaskState): TaskEffect[] {
  if (absence === null || absence.dueAt === null || current === null) return [];
  const timerId = timerIds.workerReturn(current.attemptId, absence.since);
  return [{ type: 'armTimer', timerId, task, dueAt: absence.dueAt }];
}
