/** What the outside owes for a run: the effects of its tasks, and the end of the run itself. */

import type { TaskName } from '../../schemas/ids.ts';
import { entries } from '../kit/persistent-vector.ts';
import { pendingTaskEffects, type TaskEffect } from '../task-instance/task-instance.effects.ts';
import type { AttemptPlace, TaskStatus } from '../task-instance/task-instance.machine.ts';
import { isComplete, type WorkflowInstanceContext, type WorkflowInstanceStatus } from './workflow-instance.state.ts';

export type WorkflowInstanceEffect =
  | TaskEffect
  /** Nothing is left to do: comes back as ConcludeWorkflow. */
  | { type: 'concludeWorkflow' };

type State = { value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

const isUnderWay = (status: WorkflowInstanceStatus) =>
  status === 'active' || status === 'stopping' || status === 'ending';

/** All that is owed in this state: what a new owner runs after a takeover (design: restart = fold + pending effects). */
export function pendingEffects({ value, context }: State): WorkflowInstanceEffect[] {
  if (!isUnderWay(value)) return [];
  if (isComplete(context)) return [{ type: 'concludeWorkflow' }];
  const effects: WorkflowInstanceEffect[] = [];
  for (const [, task] of entries(context.tasks)) effects.push(...pendingTaskEffects(task.context.task, task));
  return effects;
}

export type AwaitedAttempt = { task: TaskName } & AttemptPlace;

const heldByWorker: readonly TaskStatus[] = ['assigned', 'accepted', 'running', 'absent', 'cancelling'];

/**
 * Attempts from which a worker owes a report. The worker's life is the deadline of the answer (I6); while it is absent, the
 * limit of the task or the decision of a person.
 */
export function awaitedAttempts({ value, context }: State): AwaitedAttempt[] {
  if (!isUnderWay(value)) return [];
  const awaited: AwaitedAttempt[] = [];
  for (const [, task] of entries(context.tasks)) {
    if (heldByWorker.includes(task.status) && task.context.current !== null) {
      awaited.push({ task: task.context.task, ...task.context.current });
    }
  }
  return awaited;
}
