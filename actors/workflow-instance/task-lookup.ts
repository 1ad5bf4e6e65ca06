/** Tasks of a run by name, items of maps included: what the plan says of them, and where they stand. */
import type { TaskName } from '../../schemas/ids.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { at, entries } from '../kit/persistent-vector.ts';
import type { TaskState } from '../task-instance/task-instance.state.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

type Tasks = Pick<WorkflowInstanceContext, 'tasks'>;

export type FoundTask = { planned: PlannedTask; state: TaskState };

/** Undefined when the workflow has no such task, or the map has no such item now. */
export function findTask(plan: Plan, context: Tasks, name: TaskName): FoundTask | undefined {
  const planned = plan.find(name);
  const state = planned === undefined ? undefined : stateOf(context, planned);
  return planned === undefined || state === undefined ? undefined : { planned, state };
}

/** Undefined for an item that its map does not have now. */
export function stateOf({ tasks }: Tasks, { index, item: place }: PlannedTask): TaskState | undefined {
  if (place === undefined) return at(tasks, index);
  const items = at(tasks, place.map).context.expansion?.items;
  return items === undefined || place.item >= items.length ? undefined : at(items, place.item);
}

/** Nothing if the task is no map, or has not been expanded. */
export function* allItems({ context: { expansion } }: TaskState): Generator<[number, TaskState]> {
  if (expansion !== null) yield* entries(expansion.items);
}

/** Every task, and after each map its items. */
export function* allTasks({ tasks }: Tasks): Generator<TaskState> {
  for (const [, task] of entries(tasks)) {
    yield task;
    for (const [, item] of allItems(task)) yield item;
  }
}
