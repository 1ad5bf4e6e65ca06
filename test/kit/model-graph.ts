/** The graph of a definition, looked up plainly for the model of the language. */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Start } from '../../schemas/events/workflow-instance.events.ts';

export function selected(definition: WorkflowDefinition, { tasks, mode }: Start): Set<string> {
  if (mode === 'forward') return withDescendants(definition, tasks);
  const all = new Set<string>(tasks);
  if (mode === 'only') return all;
  for (const name of all)
    for (const task of definition.tasks) if (task.name === name) for (const need of task.needs) all.add(need);
  return all;
}

export function withDescendants({ tasks }: WorkflowDefinition, names: readonly string[]): Set<string> {
  const all = new Set<string>(names);
  for (const name of all) {
    for (const task of tasks) if (task.needs.some((need) => need === name)) all.add(task.name);
  }
  return all;
}

/** Tasks that some way of a switch or conditions task names. */
export function waysOf({ settings }: TaskDefinition): string[] {
  if (settings.type === 'switch') return [...settings.cases.flatMap(({ next }) => next), ...settings.otherwise];
  return settings.type === 'conditions' ? [...settings.next, ...settings.otherwise] : [];
}
