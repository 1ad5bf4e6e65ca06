/** A definition made ready to run: tasks by number, with both directions of their needs. Made once per version. */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';

export type PlannedTask = {
  readonly index: number;
  readonly definition: TaskDefinition;
  readonly needs: readonly number[];
  readonly successors: readonly number[];
};

export type Plan = {
  readonly definition: WorkflowDefinition;
  readonly tasks: readonly PlannedTask[];
  /** Number of the task; undefined when the definition has none of that name. */
  indexOf(task: TaskName): number | undefined;
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
  }));
  return { definition, tasks, indexOf: (task) => indexes.get(task) };
}
