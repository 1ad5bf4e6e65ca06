/** A definition made ready to run: tasks by number, with both directions of their needs. Made once per version. */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';
import { itemIn, itemNameOf } from '../map/item-name.ts';

export type PlannedTask = {
  readonly index: number;
  readonly definition: TaskDefinition;
  readonly needs: readonly number[];
  readonly successors: readonly number[];
  /** A conditions task looks at how it ends: its failure does not make the run fail. */
  readonly isFailureHandled: boolean;
  /** Of an item of a map, which is no task of the plan itself: it has the needs of its map, and no `index`. */
  readonly item?: ItemPlace;
};

/** `map` is the index of the map in the plan, `item` the number of the item, from 0. */
export type ItemPlace = { readonly map: number; readonly item: number };

export type Plan = {
  readonly definition: WorkflowDefinition;
  readonly tasks: readonly PlannedTask[];
  /** Number of the task; undefined when the definition has none of that name. */
  indexOf(task: TaskName): number | undefined;
  /** The task of that name, or the item of a map, whether or not the map has that many. */
  find(task: TaskName): PlannedTask | undefined;
  /** Tasks that wait for a signal of that name. */
  signalTasks(name: string): readonly number[];
};

/** @param definition a valid one: names are unique, needs exist, there is no cycle. */
export function planOf(definition: WorkflowDefinition): Plan {
  const indexes = new Map<TaskName, number>(definition.tasks.map((task, index) => [task.name, index]));
  const successors: number[][] = definition.tasks.map(() => []);
  const needs = definition.tasks.map((task, index) =>
    task.needs.map((need) => {
      const needed = indexes.get(need);
      if (needed === undefined)
        throw new Error(`the task ${task.name} needs ${need}, which the definition does not have`);
      successors[needed]?.push(index);
      return needed;
    }),
  );
  const tasks = definition.tasks.map((task, index) => ({
    index,
    definition: task,
    needs: needs[index] ?? [],
    successors: successors[index] ?? [],
    isFailureHandled: (successors[index] ?? []).some((next) => typeOf(definition, next) === 'conditions'),
  }));
  const signalTasks = signalTasksOf(definition);
  return {
    definition,
    tasks,
    indexOf: (task) => indexes.get(task),
    find: (task) => {
      const index = indexes.get(task);
      return index === undefined ? plannedItem(tasks, indexes, task) : tasks[index];
    },
    signalTasks: (name) => signalTasks.get(name) ?? [],
  };
}

function plannedItem(
  tasks: readonly PlannedTask[],
  indexes: ReadonlyMap<TaskName, number>,
  name: TaskName,
): PlannedTask | undefined {
  const place = itemIn(name);
  const map = place === undefined ? undefined : indexes.get(place.map);
  return place === undefined || map === undefined ? undefined : itemOf(tasks[map], place.item);
}

/** What an item of a map is to the plan; undefined if the task is no map. */
export function itemOf(map: PlannedTask | undefined, item: number): PlannedTask | undefined {
  const settings = map?.definition.settings;
  if (map === undefined || settings?.type !== 'map') return undefined;
  const { name, needs } = map.definition;
  return {
    index: noIndex,
    definition: { ...settings.task, name: itemNameOf(name, item), needs },
    needs: map.needs,
    successors: [],
    isFailureHandled: false,
    item: { map: map.index, item },
  };
}

/** No vector has it: whoever takes an item for a task of the plan is told. */
const noIndex = -1;

function typeOf({ tasks }: WorkflowDefinition, index: number): TaskDefinition['settings']['type'] | undefined {
  return tasks[index]?.settings.type;
}

function signalTasksOf({ tasks }: WorkflowDefinition): Map<string, number[]> {
  const byName = new Map<string, number[]>();
  for (const [index, { settings }] of tasks.entries()) {
    if (settings.type === 'signal') byName.set(settings.name, [...(byName.get(settings.name) ?? []), index]);
  }
  return byName;
}
