/** Tasks that wait for other runs, for tests. */
import type { DependentItem, DependentSettings, WorkflowSettings } from '../../schemas/definition/run-settings.ts';
import type { ScriptStep } from '../../schemas/definition/task-settings.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowName } from '../../schemas/ids.ts';
import { taskOf } from './definitions.ts';

const step = (step: Partial<ScriptStep>): ScriptStep => ({ result: 'succeed', afterMs: 0, outputs: {}, ...step });

/** A task whose attempts do what the steps say. */
export const scripted = (name: string, needs: readonly string[], ...steps: Partial<ScriptStep>[]): TaskDefinition => ({
  ...taskOf(name, needs),
  settings: { type: 'script', steps: steps.map(step) },
});

/** A task that a worker runs for so long. */
export const lasting = (name: string, durationMs: number, needs: readonly string[] = []): TaskDefinition => ({
  ...taskOf(name, needs),
  settings: { type: 'wait', durationMs },
});

/** A task that runs another workflow. */
export const childTask = (
  name: string,
  workflow: string,
  more: Partial<Pick<WorkflowSettings, 'version' | 'params'>> & { needs?: string[]; attempts?: number } = {},
): TaskDefinition => {
  const { needs = [], attempts = 1, ...settings } = more;
  return {
    ...taskOf(name, needs, { retry: { attempts, delayMs: 10 } }),
    settings: { type: 'workflow', name: workflow as WorkflowName, params: {}, ...settings },
  };
};

export const dependentItem = (workflow: string, more: Partial<DependentItem> = {}): DependentItem => ({
  workflow: workflow as WorkflowName,
  cycle: 'day',
  range: 'today',
  ...more,
});

/** A task that waits for all items. */
export const dependentTask = (
  name: string,
  items: DependentItem[],
  more: Partial<DependentSettings> = {},
): TaskDefinition => ({
  ...taskOf(name),
  settings: { type: 'dependent', relation: 'and', items: [{ relation: 'and', items }], onFailure: 'fail', ...more },
});
