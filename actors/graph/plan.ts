/** A definition made ready to run: tasks by number, with both directions of their needs. Made once per version. */
import type { TaskType } from '../../schemas/definition/task-settings.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';

export type PlannedTask = {
  readonly index: number;
  readonly definition: TaskDefinition;
  readonly needs: readonly number[];
  readonly successors: readonly number[];
  /** A conditions task looks at how it ends: its failure does not make the run fail. */
  readonly isFailureHandled: boolean;
};

export type Plan = {
  readonly definition: WorkflowDefinition;
  readonly tasks: readonly PlannedTask[];
  /** Number of the task; undefined when the definition has none of that name. */
  indexOf(task: TaskName): number | undefined;
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
    signalTasks: (name) => signalTasks.get(name) ?? [],
  };
}

function typeOf({ tasks }: WorkflowDefinition, index: number): TaskType | undefined {
  return tasks[index]?.settings.type;
}

function signalTasksOf({ tasks }: WorkflowDefinition): Map<string, number[]> {
  const byName = new Map<string, number[]>();
  for (const [index, { settings }] of tasks.entries()) {
    if (settings.type === 'signal') byName.set(settings.name, [...(byName.get(settings.name) ?? []), index]);
  }
  return byName;
}
