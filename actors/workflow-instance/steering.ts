/**
 * What people ask of a run beyond its tasks' own course: pause and resume, run parts of it again, take a task and all that
 * needs it out for a while, change priorities. Each visits the tasks that it concerns, once.
 */
import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type { Start, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { Plan } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import { hasEnded, type TaskState } from '../task-instance/task-instance.state.ts';
import { change, type Draft, draftOf, finish, type Propagated, stateAt } from './run-draft.ts';
import { begin, propagateTaskEvent, settleDependants, settleNeed } from './task-propagation.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

type Redress = WorkflowInstanceEventOf<'TaskForced'> | WorkflowInstanceEventOf<'TaskSkipped'>;

/** Everything that is not to run is passed over. */
export function propagateStart(plan: Plan, context: WorkflowInstanceContext, start: Start): Propagated {
  const draft = draftOf(plan, context);
  const chosen = chosenBy(plan, start);
  for (const { index } of plan.tasks) if (!chosen.has(index)) change(draft, index, { type: 'PassedOver' });
  return finish(context, draft, 0);
}

/** No ready task is placed any more. */
export function propagatePause(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  forReady(draft, (task) => draft.effects.push({ type: 'withdrawTask', task }));
  return finish(context, draft, 0);
}

export function propagateResume(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  forReady(draft, (task, { context: { isolations } }) => {
    if (isolations === 0) draft.effects.push({ type: 'placeTask', task });
  });
  return finish(context, draft, 0);
}

export function propagateIsolation(
  plan: Plan,
  context: WorkflowInstanceContext,
  task: TaskName,
  type: 'Isolated' | 'Rejoined',
): Propagated {
  const draft = draftOf(plan, context);
  for (const index of withDescendants(plan, indexesOf(plan, [task]))) change(draft, index, { type });
  return finish(context, draft, 0);
}

/** @param task undefined: all tasks */
export function propagatePriority(
  plan: Plan,
  context: WorkflowInstanceContext,
  priority: Priority,
  task?: TaskName,
): Propagated {
  const draft = draftOf(plan, context);
  const indexes = task === undefined ? plan.tasks.keys() : indexesOf(plan, [task]);
  for (const index of indexes) {
    if (task !== undefined || !hasEnded(stateAt(draft, index).status)) {
      change(draft, index, { type: 'Prioritised', priority });
    }
  }
  return finish(context, draft, 0);
}

/** The chosen tasks, and what was decided because of how they ended, wait again; what may begin begins. */
export function propagateClear(
  plan: Plan,
  context: WorkflowInstanceContext,
  { scope, tasks }: Pick<WorkflowInstanceEventOf<'StateCleared'>['data'], 'scope' | 'tasks'>,
): Propagated {
  const draft = draftOf(plan, context);
  const chosen = clearedBy(plan, context, { scope, tasks });
  renew(draft, chosen, chosen);
  draft.failedTasks = draft.failedTasks.filter((name) => !chosen.has(plan.indexOf(name) ?? -1));
  return finish(context, draft, 0);
}

/** A person skips a task or declares its success. If it had ended badly, what was blocked by it waits again. */
export function propagateRedress(plan: Plan, context: WorkflowInstanceContext, event: Redress): Propagated {
  const index = plan.indexOf(event.data.task);
  if (index === undefined || !hasEnded(at(context.tasks, index).status)) {
    return propagateTaskEvent(plan, context, event);
  }
  const draft = draftOf(plan, context);
  change(draft, index, event);
  draft.failedTasks = draft.failedTasks.filter((name) => name !== event.data.task);
  renew(draft, new Set(), new Set([index]));
  return finish(context, draft, 1);
}

/** The tasks that a clearing names. */
export function clearedBy(
  plan: Plan,
  context: WorkflowInstanceContext,
  { scope, tasks }: Pick<WorkflowInstanceEventOf<'StateCleared'>['data'], 'scope' | 'tasks'>,
): Set<number> {
  const draft = draftOf(plan, context);
  switch (scope) {
    case 'all':
      return new Set(plan.tasks.keys());
    case 'failed':
      return new Set([...plan.tasks.keys()].filter((index) => isBad(stateAt(draft, index))));
    case 'tasks':
      return indexesOf(plan, tasks ?? []);
    case 'descendants':
      return withDescendants(plan, indexesOf(plan, tasks ?? []));
  }
}

const isBad = ({ status }: TaskState) => status === 'failed' || status === 'stopped';

/**
 * @param chosen tasks to run again
 * @param changed tasks whose former end no longer holds
 */
function renew(draft: Draft, chosen: ReadonlySet<number>, changed: ReadonlySet<number>): void {
  const { plan } = draft;
  const renewed = new Set([...chosen, ...dependentEnds(draft, changed)]);
  for (const index of renewed) {
    const needCount = plan.tasks[index]?.needs.length ?? 0;
    change(draft, index, { type: 'Cleared', needCount, isChosen: chosen.has(index) });
  }
  settleAnew(draft, renewed);
}

/** Tasks that have just begun to wait hear of what had ended before. */
export function settleAnew(draft: Draft, renewed: ReadonlySet<number>): void {
  const { plan } = draft;
  for (const index of renewed) {
    const needs = plan.tasks[index]?.needs ?? [];
    if (needs.length === 0) begin(draft, index);
    for (const need of needs) {
      if (renewed.has(need) || !hasEnded(stateAt(draft, need).status)) continue;
      if (stateAt(draft, index).status !== 'waiting') break;
      if (hasEnded(settleNeed(draft, need, index))) settleDependants(draft, index);
    }
  }
}

/** What waits for one of these, or ended without having run, because of how they ended. */
function dependentEnds(draft: Draft, changed: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  const queue = [...changed];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const successor of draft.plan.tasks[next]?.successors ?? []) {
      if (found.has(successor) || changed.has(successor)) continue;
      const state = stateAt(draft, successor);
      if (state.status === 'waiting') found.add(successor);
      else if (endedByOthers(state)) {
        found.add(successor);
        queue.push(successor);
      }
    }
  }
  return found;
}

/** Since it last began to wait: attempts of earlier rounds are forgotten. */
export function hasTried({ failures, losses, startedAt, finishedAt }: TaskState['context']): boolean {
  return failures > 0 || losses > 0 || startedAt !== null || finishedAt !== null;
}

function endedByOthers({ status, context }: TaskState): boolean {
  if (status === 'blocked') return true;
  if (status === 'skipped') return context.skip?.why !== 'person';
  return status === 'stopped' && context.stop === null && !hasTried(context);
}

function forReady(draft: Draft, act: (task: TaskName, state: TaskState) => void): void {
  if (draft.counts.ready === 0) return;
  for (const { index, definition } of draft.plan.tasks) {
    const state = stateAt(draft, index);
    if (state.status === 'ready') act(definition.name, state);
  }
}

function chosenBy(plan: Plan, { tasks, mode }: Start): Set<number> {
  const chosen = indexesOf(plan, tasks);
  if (mode === 'only') return chosen;
  return mode === 'forward' ? withDescendants(plan, chosen) : reached(plan, chosen, 'needs');
}

function indexesOf(plan: Plan, tasks: readonly TaskName[]): Set<number> {
  return new Set(tasks.map((task) => plan.indexOf(task)).filter((index) => index !== undefined));
}

export function withDescendants(plan: Plan, from: ReadonlySet<number>): Set<number> {
  return reached(plan, from, 'successors');
}

function reached(plan: Plan, from: ReadonlySet<number>, direction: 'needs' | 'successors'): Set<number> {
  const found = new Set(from);
  for (const index of found) for (const next of plan.tasks[index]?.[direction] ?? []) found.add(next);
  return found;
}
