/** What expressions see that the owner of a run evaluates itself, and how their faults are told. */
import type { Fault, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { checkExpression } from '../expressions/expression.ts';
import type { PlannedTask } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import type { TaskParams } from './attempt-inputs.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

/** What expressions of a task see as `tasks`: how what it needs has ended. */
export function neededTasks(context: WorkflowInstanceContext, { needs }: PlannedTask): Record<string, JsonValue> {
  const tasks: Record<string, JsonValue> = {};
  for (const need of needs) {
    const { status, context: needed } = at(context.tasks, need);
    tasks[needed.task] = { status, outputs: needed.outputs ?? {}, fault: needed.fault };
  }
  return tasks;
}

/** Why an expression lacks a parameter that the task has. */
export function missingParam(when: string, { faulty, late }: TaskParams): string | undefined {
  const checked = checkExpression(when);
  for (const { variable, entry: name } of checked.ok ? checked.names : []) {
    if (variable !== 'params' || name === undefined) continue;
    if (Object.hasOwn(faulty, name)) return `the parameter ${name}: ${faulty[name]?.message}`;
    if (Object.hasOwn(late, name)) return `the parameter ${name} is a secret or a folder, which only a worker knows`;
  }
  return undefined;
}

export function unstartable(
  task: TaskName,
  failedAt: number,
  fault: Fault,
): WorkflowInstanceEventOf<'TaskUnstartable'> {
  return { type: 'TaskUnstartable', data: { task, failedAt, fault } };
}
