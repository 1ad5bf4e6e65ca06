/** What the outside owes for a run: the effects of its tasks, and the end of the run itself. */

import type { TaskName } from '../../schemas/ids.ts';
import { pendingTaskEffects, type TaskEffect } from '../task-instance/task-instance.effects.ts';
import type { AttemptPlace, TaskStatus } from '../task-instance/task-instance.state.ts';
import { allTasks } from './task-lookup.ts';
import {
  isComplete,
  isEnded,
  liveCount,
  type WorkflowInstanceContext,
  type WorkflowInstanceStatus,
} from './workflow-instance.state.ts';

export type WorkflowInstanceEffect =
  | TaskEffect
  /** Nothing is left to do: comes back as ConcludeWorkflow. */
  | { type: 'concludeWorkflow' }
  /** Nothing runs any more in a run that is to pause: comes back as ConcludePause. */
  | { type: 'concludePause' }
  /** The run waits for its turn among the runs of its workflow: comes back as AdmitWorkflow, or as a stop. */
  | { type: 'requestAdmission' }
  | { type: 'armRunTimer'; timerId: string; dueAt: number };

/** Id of the timer of the run's own timeout. */
export const runTimeoutTimer = (round: number): string => `runTimeout.${round}`;

type State = { value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

const isUnderWay = (status: WorkflowInstanceStatus) => status !== 'submitted' && !isEnded(status);

/** All that is owed in this state: what a new owner runs after a takeover (design: restart = fold + pending effects). */
export function pendingEffects({ value, context }: State): WorkflowInstanceEffect[] {
  if (!isUnderWay(value)) return [];
  if (isComplete(context)) return [{ type: 'concludeWorkflow' }];
  if (value === 'queued') return [{ type: 'requestAdmission' }];
  const effects = pendingRunTimeout(context);
  if (value === 'pausing' && liveCount(context) === 0) effects.push({ type: 'concludePause' });
  for (const task of allTasks(context)) {
    for (const effect of pendingTaskEffects(task.context.task, task)) {
      if (effect.type !== 'placeTask' || context.pause === null) effects.push(effect);
    }
  }
  return effects;
}

function pendingRunTimeout({ timeoutAt, timedOut, round }: WorkflowInstanceContext): WorkflowInstanceEffect[] {
  if (timeoutAt === null || timedOut !== null) return [];
  return [{ type: 'armRunTimer', timerId: runTimeoutTimer(round), dueAt: timeoutAt }];
}

/** Nothing may be owed because a person holds the run or some of its tasks back (I6). */
export function awaitsPerson({ value, context }: State): boolean {
  return value === 'paused' || (isUnderWay(value) && context.isolated.length > 0);
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
  for (const task of allTasks(context)) {
    if (heldByWorker.includes(task.status) && task.context.current !== null) {
      awaited.push({ task: task.context.task, ...task.context.current });
    }
  }
  return awaited;
}
