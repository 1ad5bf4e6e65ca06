/**
 * What one task's event means for the whole run: successors may run, are skipped or blocked, or everything is stopped.
 * Each task is touched once per change of its own state, never scanned for somebody else's: the cost of an event does not
 * grow with the number of tasks. Only what a person asks of the whole run visits all of them, once.
 */
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { foldTask } from '../task-instance/task-instance.fold.ts';
import { hasEnded, type TaskEvent, type TaskState } from '../task-instance/task-instance.state.ts';
import { expandItems, foldItem, stopItems } from './map-draft.ts';
import { change, type Draft, draftOf, finish, type Propagated, stateAt } from './run-draft.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

const failedTasksMax = 20;

/** Releases every task that needs nothing. */
export function releaseRoots(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  for (const { index, needs } of plan.tasks) if (needs.length === 0) begin(draft, index);
  return finish(context, draft, 0);
}

/** Folds an event of one task and what follows from it for others. */
export function propagateTaskEvent(plan: Plan, context: WorkflowInstanceContext, event: TaskEvent): Propagated {
  const draft = draftOf(plan, context);
  foldInto(draft, context, event);
  return finish(context, draft, 1);
}

/** The same for the failure that ends the run (failure policy `end`): everything else is asked to stop, once. */
export function propagateLastTaskEvent(plan: Plan, context: WorkflowInstanceContext, event: TaskEvent): Propagated {
  const draft = draftOf(plan, context);
  foldInto(draft, context, event);
  stopOpenTasks(draft);
  return finish(context, draft, 1);
}

/** Asks every unfinished task to stop. */
export function propagateStop(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  stopOpenTasks(draft);
  return finish(context, draft, 0);
}

/** A failure, or a stop of this task alone, that nobody looks at and after which the task does not go on. */
export function endsBadly(task: PlannedTask, before: TaskState, event: TaskEvent): boolean {
  if (task.isFailureHandled || hasEnded(before.status)) return false;
  const { status } = foldTask(before, event).state;
  return status === 'failed' || status === 'stopped';
}

/** Nothing is needed: the task begins, unless it is passed over, and then what needs it does. */
export function begin(draft: Draft, index: number): void {
  const status = change(draft, index, { type: 'NeedMet' });
  if (hasEnded(status)) settleDependants(draft, index);
}

function foldInto(draft: Draft, { isolated }: WorkflowInstanceContext, event: TaskEvent): void {
  const { plan } = draft;
  const task = plan.find(event.data.task);
  if (task?.item !== undefined) foldItem(draft, task.item, event);
  if (task === undefined || task.item !== undefined) return;
  const { index } = task;
  const before = stateAt(draft, index).status;
  const status = change(draft, index, event);
  if (event.type === 'TaskExpanded') expandItems(draft, index, isolated);
  if (before === 'expanded' && status === 'cancelling') stopItems(draft, index);
  if (before === status || !hasEnded(status)) return;
  const isBad = status === 'failed' || status === 'stopped';
  if (status === 'failed') draft.failedTasks = [...draft.failedTasks, event.data.task].slice(0, failedTasksMax);
  if (!isBad) draft.failedTasks = draft.failedTasks.filter((name) => name !== event.data.task);
  // Under `end` everything is stopped; blocked tasks would hide what was.
  if (!isBad || plan.definition.failurePolicy === 'continue' || task.isFailureHandled) settleDependants(draft, index);
}

/** Tells what needs an ended task, and what needs those that end by it. */
export function settleDependants(draft: Draft, ended: number): void {
  const queue = [ended];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const successor of draft.plan.tasks[next]?.successors ?? []) {
      if (stateAt(draft, successor).status !== 'waiting') continue;
      if (hasEnded(settleNeed(draft, next, successor))) queue.push(successor);
    }
  }
}

/** Tells one task how one that it needs has ended. */
export function settleNeed(draft: Draft, need: number, dependant: number) {
  const type = needOf(draft.plan, stateAt(draft, need), draft.plan.tasks[dependant]);
  return change(draft, dependant, { type });
}

function needOf(plan: Plan, needed: TaskState, dependant: PlannedTask | undefined) {
  const { status, context } = needed;
  if (status === 'skipped') return context.skip?.why === 'branch' ? 'NeedDead' : 'NeedMet';
  if (status === 'succeeded') return isOnWay(plan, needed, dependant) ? 'NeedMet' : 'NeedDead';
  return dependant?.definition.settings.type === 'conditions' ? 'NeedMet' : 'NeedFailed';
}

/** A way leads to the tasks that it names, and to those that no way names. */
function isOnWay(plan: Plan, { context }: TaskState, dependant: PlannedTask | undefined): boolean {
  const { branch, task } = context;
  if (branch === null || dependant === undefined) return true;
  const { name } = dependant.definition;
  if (branch.next.includes(name)) return true;
  const settings = plan.tasks[plan.indexOf(task) ?? -1]?.definition.settings;
  if (settings?.type === 'switch') {
    return !settings.otherwise.includes(name) && !settings.cases.some(({ next }) => next.includes(name));
  }
  if (settings?.type === 'conditions') return !settings.next.includes(name) && !settings.otherwise.includes(name);
  return true;
}

function stopOpenTasks(draft: Draft): void {
  for (const { index } of draft.plan.tasks) {
    const before = stateAt(draft, index).status;
    if (!hasEnded(before)) change(draft, index, { type: 'StopAsked' });
    if (before === 'expanded') stopItems(draft, index);
  }
}
