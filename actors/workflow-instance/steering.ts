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
import { beginItems, changeItem, changeItems, clearItems, foldItem } from './map-draft.ts';
import { change, type Draft, draftOf, finish, type Propagated, stateAt } from './run-draft.ts';
import { allItems, allTasks, findTask } from './task-lookup.ts';
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
  forReady(draft, ({ context: { task } }) => draft.effects.push({ type: 'withdrawTask', task }));
  return finish(context, draft, 0);
}

export function propagateResume(plan: Plan, context: WorkflowInstanceContext): Propagated {
  const draft = draftOf(plan, context);
  forReady(draft, ({ context: { task, isolations } }) => {
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
  const found = findTask(plan, context, task);
  if (found?.planned.item !== undefined) changeItem(draft, found.planned.item, { type });
  for (const index of withDescendants(plan, indexesOf(plan, [task]))) {
    change(draft, index, { type });
    changeItems(draft, index, { type });
  }
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
  const event = { type: 'Prioritised', priority } as const;
  const found = task === undefined ? undefined : findTask(plan, context, task);
  if (found?.planned.item !== undefined) changeItem(draft, found.planned.item, event);
  const indexes = task === undefined ? plan.tasks.keys() : indexesOf(plan, [task]);
  for (const index of indexes) {
    if (task === undefined && hasEnded(stateAt(draft, index).status)) continue;
    change(draft, index, event);
    changeItems(draft, index, event);
  }
  return finish(context, draft, 0);
}

/** The chosen tasks, and what was decided because of how they ended, wait again; what may begin begins. */
export function propagateClear(plan: Plan, context: WorkflowInstanceContext, clear: Clear): Propagated {
  const draft = draftOf(plan, context);
  const { chosen, items } = clearedBy(plan, context, clear);
  for (const [map, numbers] of items) clearItems(draft, map, numbers);
  renew(draft, { chosen, changed: chosen, kept: items });
  for (const map of items.keys()) beginItems(draft, map);
  draft.failedTasks = draft.failedTasks.filter((name) => !chosen.has(plan.indexOf(name) ?? -1));
  return finish(context, draft, 0);
}

/** A person skips a task or declares its success. If it had ended badly, what was blocked by it waits again. */
export function propagateRedress(plan: Plan, context: WorkflowInstanceContext, event: Redress): Propagated {
  const planned = plan.find(event.data.task);
  const index = planned?.item?.map ?? planned?.index;
  if (planned === undefined || index === undefined || !hasEnded(at(context.tasks, index).status)) {
    return propagateTaskEvent(plan, context, event);
  }
  const draft = draftOf(plan, context);
  const changed = new Set([index]);
  draft.failedTasks = draft.failedTasks.filter((name) => plan.indexOf(name) !== index);
  if (planned.item === undefined) {
    change(draft, index, event);
    renew(draft, { chosen: new Set(), changed });
  } else {
    // The map ends anew, as its items have ended now.
    foldItem(draft, planned.item, event);
    renew(draft, { chosen: changed, changed, kept: changed });
  }
  return finish(context, draft, 1);
}

type Clear = Pick<WorkflowInstanceEventOf<'StateCleared'>['data'], 'scope' | 'tasks'>;

/** `items`: by map, its items that are to run again. The map is chosen too, unless it goes on anyway. */
type Cleared = { chosen: Set<number>; items: ReadonlyMap<number, ReadonlySet<number>> };

/** The tasks that a clearing names. */
export function clearedBy(plan: Plan, context: WorkflowInstanceContext, { scope, tasks = [] }: Clear): Cleared {
  switch (scope) {
    case 'all':
      return { chosen: new Set(plan.tasks.keys()), items: new Map() };
    case 'failed': {
      const failed = plan.tasks.map(({ index }) => index).filter((index) => isBad(at(context.tasks, index)));
      return { chosen: new Set(failed), items: failedItems(context, failed) };
    }
    case 'tasks':
    case 'descendants':
      return clearedByName(plan, context, { scope, tasks });
  }
}

/** The failed and stopped items of failed maps: the others keep what they have done. */
function failedItems({ tasks }: WorkflowInstanceContext, failed: readonly number[]): Cleared['items'] {
  const items = new Map<number, Set<number>>();
  for (const index of failed) {
    const states = [...allItems(at(tasks, index))];
    if (states.length > 0) items.set(index, new Set(states.filter(([, item]) => isBad(item)).map(([item]) => item)));
  }
  return items;
}

/** A map whose items are named runs these again and keeps the others; one that goes on just runs them again. */
function clearedByName(
  plan: Plan,
  { tasks: states }: WorkflowInstanceContext,
  { scope, tasks }: { scope: Clear['scope']; tasks: readonly TaskName[] },
): Cleared {
  const whole = indexesOf(plan, tasks);
  const items = new Map<number, Set<number>>();
  for (const name of tasks) {
    const place = plan.find(name)?.item;
    if (place === undefined || whole.has(place.map)) continue;
    items.set(place.map, new Set([...(items.get(place.map) ?? []), place.item]));
  }
  const named = new Set([...whole, ...items.keys()]);
  const chosen = scope === 'tasks' ? named : withDescendants(plan, named);
  for (const map of items.keys()) if (at(states, map).status === 'expanded') chosen.delete(map);
  return { chosen, items };
}

const isBad = ({ status }: TaskState) => status === 'failed' || status === 'stopped';

type Renewal = {
  /** Tasks to run again. */
  chosen: ReadonlySet<number>;
  /** Tasks whose former end no longer holds. */
  changed: ReadonlySet<number>;
  /** Maps among the chosen that go on with the items that they have. */
  kept?: { has(index: number): boolean };
};

function renew(draft: Draft, { chosen, changed, kept }: Renewal): void {
  const { plan } = draft;
  const renewed = new Set([...chosen, ...dependentEnds(draft, changed)]);
  for (const index of renewed) {
    const needCount = plan.tasks[index]?.needs.length ?? 0;
    const isChosen = chosen.has(index);
    const keepsItems = !isChosen || kept?.has(index) === true;
    change(draft, index, { type: 'Cleared', needCount, isChosen, keepsItems });
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

function forReady(draft: Draft, act: (state: TaskState) => void): void {
  if (draft.counts.ready + draft.counts.expanded === 0) return;
  for (const state of allTasks(draft)) if (state.status === 'ready') act(state);
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
