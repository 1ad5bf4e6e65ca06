/**
 * What one task's event means for the whole run: successors become ready, dependants are blocked, or everything is stopped.
 * Each task is touched once per change of its own state, never scanned for somebody else's: the cost of an event does not
 * grow with the number of tasks. Only stopping a run visits all of them, once.
 */
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Plan } from '../graph/plan.ts';
import { at, type PersistentVector, withAt } from '../kit/persistent-vector.ts';
import { foldTask } from '../task-instance/task-instance.fold.ts';
import type { TaskMachineEvent, TaskState, TaskStatus } from '../task-instance/task-instance.machine.ts';
import type { WorkflowInstanceEffect } from './workflow-instance.effects.ts';
import { isComplete, type WorkflowInstanceContext } from './workflow-instance.state.ts';

const failedTasksMax = 20;

export type Propagated = { context: WorkflowInstanceContext; effects: WorkflowInstanceEffect[] };

/** The run under change: private to one event, so that it may be written in place. */
type Draft = {
  plan: Plan;
  tasks: PersistentVector<TaskState>;
  counts: Record<TaskStatus, number>;
  failedTasks: readonly WorkflowInstanceContext['failedTasks'][number][];
  effects: WorkflowInstanceEffect[];
};

/** Releases every task that needs nothing. */
export function releaseRoots(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  for (const task of plan.tasks) if (task.needs.length === 0) change(draft, task.index, { type: 'NeedMet' });
  return finish(context, draft, 0);
}

type TaskEvent = Extract<WorkflowInstanceEvent, { type: `Task${string}` }>;

/** Folds an event of one task and what follows from it for others. */
export function propagateTaskEvent(plan: Plan, context: WorkflowInstanceContext, event: TaskEvent): Propagated {
  const draft = draftOf(plan, context);
  foldInto(draft, event);
  return finish(context, draft, 1);
}

/** The same for the failure that ends the run (failure policy `end`): everything else is asked to stop, once. */
export function propagateLastTaskEvent(plan: Plan, context: WorkflowInstanceContext, event: TaskEvent): Propagated {
  const draft = draftOf(plan, context);
  foldInto(draft, event);
  stopOpenTasks(draft);
  return finish(context, draft, 1);
}

/** Asks every unfinished task to stop. */
export function propagateStop(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  stopOpenTasks(draft);
  return finish(context, draft, 0);
}

function foldInto(draft: Draft, event: TaskEvent): void {
  const { plan } = draft;
  const index = plan.indexOf(event.data.task);
  if (index === undefined) return;
  const status = change(draft, index, event);
  if (status === 'succeeded') {
    for (const successor of plan.tasks[index]?.successors ?? []) change(draft, successor, { type: 'NeedMet' });
  }
  if (status === 'failed') {
    draft.failedTasks = [...draft.failedTasks, event.data.task].slice(0, failedTasksMax);
    if (plan.definition.failurePolicy === 'continue') blockDependants(draft, index);
  }
}

function stopOpenTasks(draft: Draft): void {
  for (const task of draft.plan.tasks) {
    if (isOpen(at(draft.tasks, task.index).status)) change(draft, task.index, { type: 'StopAsked' });
  }
}

function blockDependants(draft: Draft, failed: number): void {
  const queue = [failed];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const successor of draft.plan.tasks[next]?.successors ?? []) {
      if (at(draft.tasks, successor).status !== 'waiting') continue;
      change(draft, successor, { type: 'NeedFailed' });
      queue.push(successor);
    }
  }
}

/** Folds one event into one task of the draft and answers its status after it. */
function change(draft: Draft, index: number, event: TaskMachineEvent): TaskStatus {
  const before = at(draft.tasks, index);
  const { state, effects } = foldTask(before, event);
  draft.tasks = withAt(draft.tasks, index, state);
  draft.counts[before.status] -= 1;
  draft.counts[state.status] += 1;
  for (const effect of effects) draft.effects.push(effect);
  return state.status;
}

function draftOf(plan: Plan, context: WorkflowInstanceContext): Draft {
  const { tasks, failedTasks } = context;
  return { plan, tasks, counts: { ...context.counts }, failedTasks, effects: [] };
}

/** @param eventCount 1 where the event is counted here, 0 where another action of its transition counts it. */
function finish(context: WorkflowInstanceContext, draft: Draft, eventCount: 0 | 1): Propagated {
  const { tasks, counts, failedTasks, effects } = draft;
  const next = { ...context, eventCount: context.eventCount + eventCount, tasks, counts, failedTasks };
  if (isComplete(next)) effects.push({ type: 'concludeWorkflow' });
  return { context: next, effects };
}

function isOpen(status: TaskStatus): boolean {
  return status !== 'succeeded' && status !== 'failed' && status !== 'stopped' && status !== 'blocked';
}
