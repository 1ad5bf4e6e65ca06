/** What a child run is given, and what it gives back. */
import type { WorkflowSettings } from '../../schemas/definition/run-settings.ts';
import type { Fault, ParentRun } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { at, entries } from '../kit/persistent-vector.ts';
import { builtInsOf } from '../params/built-ins.ts';
import { outputOf, secretNameIn } from '../params/param-scope.ts';
import type { Looked } from '../params/placeholder.ts';
import { attemptInputs, logicalTimeOf } from '../workflow-instance/attempt-inputs.ts';
import { neededTasks } from '../workflow-instance/owner-expressions.ts';
import type { WorkflowInstanceContext } from '../workflow-instance/workflow-instance.state.ts';
import { type Resolved, resolveValues, type Scope } from './text-values.ts';

/** Runs below a run that nobody's task started. A deeper one is taken for an endless recursion. */
export const childDepthMax = 16;

type Run = { plan: Plan; context: WorkflowInstanceContext };

export type ChildOrder = { params: JsonRecord; parent: ParentRun; logicalAt: number };

/** What the child is submitted with, or why it cannot be. */
export function childOrderOf(
  { plan, context }: Run,
  instance: InstanceId,
  task: TaskName,
  settings: WorkflowSettings,
): { ok: true; order: ChildOrder } | { ok: false; fault: Fault } {
  const depth = (context.parent?.depth ?? 0) + 1;
  if (depth > childDepthMax) return { ok: false, fault: tooDeep(settings, depth) };
  const planned = plan.find(task);
  if (planned === undefined) return { ok: false, fault: { code: 'INTERNAL', message: `there is no task ${task}` } };
  const resolved = resolveValues(settings.params, scopeOfTask({ plan, context }, instance, planned), 'the parameter');
  if (!resolved.ok) return resolved;
  const logicalAt = logicalTimeOf(plan, context).at;
  return { ok: true, order: { params: resolved.values, parent: { instance, task, depth }, logicalAt } };
}

function tooDeep({ name }: WorkflowSettings, depth: number): Fault {
  const message = `${name} would be a child run at depth ${depth}; at most ${childDepthMax} are allowed. Does a workflow run itself without end?`;
  return { code: 'CHILD_DEPTH_EXCEEDED', message };
}

/** A task sees its parameters and what it needs as any other task does; a secret is passed on by its name. */
function scopeOfTask({ plan, context }: Run, instance: InstanceId, planned: PlannedTask): Scope {
  const { params, needs, late = {}, faulty = {} } = attemptInputs(plan, context, { task: planned, instance });
  const time = logicalTimeOf(plan, context);
  const names = { workflow: plan.definition.name, instance, task: planned.definition.name, attemptId: '' };
  const builtIns = builtInsOf({ time, ...names });
  const nameOf = (name: string): Looked | undefined => {
    if (Object.hasOwn(faulty, name)) return { kind: 'fault', fault: faulty[name] as Fault };
    const later = own(late, name);
    if (later !== undefined && secretNameIn(later) === undefined) return { kind: 'late' };
    return valued(own(params, name) ?? later ?? builtIns.get(name) ?? outputOf(needs, name));
  };
  return { nameOf, variables: { params, tasks: neededTasks(context, planned) }, time };
}

const own = (record: JsonRecord, name: string): JsonValue | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

const valued = (value: JsonValue | undefined): Looked | undefined =>
  value === undefined ? undefined : { kind: 'value', value };

/**
 * What an ended run gives to who waits for it: the outputs that its definition declares; if it declares none, those of the
 * tasks that no other task needs, a later one in the definition over an earlier one.
 */
export function outputsOfRun({ plan, context }: Run): Resolved {
  const declared = plan.definition.outputs;
  if (declared === undefined) return { ok: true, values: lastOutputs(plan, context) };
  const tasks: [string, JsonValue][] = [];
  for (const [, { status, context: task }] of entries(context.tasks)) {
    tasks.push([task.task, { status, outputs: task.outputs ?? {}, fault: task.fault }]);
  }
  const { params } = context;
  const variables = { params, tasks: Object.fromEntries(tasks) };
  const nameOf = (name: string) => valued(own(params, name));
  return resolveValues(declared, { nameOf, variables, time: logicalTimeOf(plan, context) }, 'the output');
}

function lastOutputs(plan: Plan, context: WorkflowInstanceContext): JsonRecord {
  const outputs: JsonRecord = {};
  for (const { index, successors } of plan.tasks) {
    if (successors.length === 0) Object.assign(outputs, at(context.tasks, index).context.outputs ?? {});
  }
  return outputs;
}
