/** The canonical settings of tasks that wait for other runs. */
import { cycleOfRange, type DependentSettings, type WorkflowSettings } from '../../schemas/definition/run-settings.ts';
import type { DependentTaskSource, WorkflowTaskSource } from '../../schemas/definition/run-source.ts';
import { parseDurationMs } from '../../schemas/duration.ts';

export function canonicalWorkflowTask({ workflow, version, params }: WorkflowTaskSource): WorkflowSettings {
  return { type: 'workflow', name: workflow, ...(version === undefined ? {} : { version }), params };
}

export function canonicalDependent(task: DependentTaskSource): DependentSettings {
  const { relation, onFailure, failureWait, deadline, passOutputs } = task;
  const failureWaitMs = failureWait === undefined ? undefined : parseDurationMs(failureWait);
  const deadlineMs = deadline === undefined ? undefined : parseDurationMs(deadline);
  return {
    type: 'dependent',
    relation,
    items: task.items.map((group) => ({
      relation: group.relation,
      items: group.items.map((item) => ({ ...item, cycle: cycleOfRange(item.range) })),
    })),
    onFailure,
    ...(failureWaitMs === undefined ? {} : { failureWaitMs }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(passOutputs === true ? { passOutputs } : {}),
  };
}
