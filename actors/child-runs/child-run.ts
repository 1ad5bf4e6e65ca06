/** What a child run is given, and what it gives back. */
import type { WorkflowSettings } from '../../schemas/definition/run-settings.ts';
import type { ParentRun } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { Plan } from '../graph/plan.ts';
import { at, entries } from '../kit/persistent-vector.ts';
import { variablesOf } from '../workflow-instance/begin.decide.ts';
import type { WorkflowInstanceContext } from '../workflow-instance/workflow-instance.state.ts';
import { type Resolved, resolveValues, type Scope } from './text-values.ts';

/** Runs below a run that nobody's task started. A deeper one is taken for an endless recursion. */
export const childDepthMax = 16;

type Run = { plan: Plan; context: WorkflowInstanceContext };

export type ChildOrder = { params: JsonRecord; parent: ParentRun; logicalAt: number };

export type ChildRefusal = { code: 'EXPRESSION_FAILED' | 'CHILD_DEPTH_EXCEEDED'; message: string };

/** What the child is submitted with, or why it cannot be. */
export function childOrderOf(
  { plan, context }: Run,
  instance: InstanceId,
  task: TaskName,
  settings: WorkflowSettings,
): { ok: true; order: ChildOrder } | { ok: false; fault: ChildRefusal } {
  const depth = (context.parent?.depth ?? 0) + 1;
  if (depth > childDepthMax) return { ok: false, fault: tooDeep(settings, depth) };
  const planned = plan.tasks[plan.indexOf(task) ?? -1];
  const variables = planned === undefined ? {} : variablesOf(context, planned);
  const resolved = resolveValues(settings.params, scopeOf({ plan, context }, variables), 'the parameter');
  if (!resolved.ok) return resolved;
  const order = { params: resolved.values, parent: { instance, task, depth }, logicalAt: logicalTimeOf(context) };
  return { ok: true, order };
}

function tooDeep({ name }: WorkflowSettings, depth: number): ChildRefusal {
  const message = `${name} would be a child run at depth ${depth}; at most ${childDepthMax} are allowed. Does a workflow run itself without end?`;
  return { code: 'CHILD_DEPTH_EXCEEDED', message };
}

export function logicalTimeOf({ logicalAt, submittedAt }: WorkflowInstanceContext): number {
  return logicalAt ?? submittedAt ?? 0;
}

export function timeZoneOf({ definition }: Plan): string {
  return definition.timeZone ?? 'UTC';
}

function scopeOf({ plan, context }: Run, variables: Record<string, JsonValue>): Scope {
  const moment = { at: logicalTimeOf(context), zone: timeZoneOf(plan) };
  return { params: context.params, variables, moment };
}

/**
 * What an ended run gives to who waits for it: the outputs that its definition declares; if it declares none, those of the
 * tasks that no other task needs, a later one in the definition over an earlier one.
 */
export function outputsOfRun({ plan, context }: Run): Resolved {
  const declared = plan.definition.outputs;
  if (declared === undefined) return { ok: true, values: lastOutputs(plan, context) };
  const tasks: Record<string, JsonValue> = {};
  for (const [, { status, context: task }] of entries(context.tasks)) {
    tasks[task.task] = { status, outputs: task.outputs ?? {}, fault: task.fault };
  }
  const variables = { params: context.params, tasks };
  return resolveValues(declared, scopeOf({ plan, context }, variables), 'the output');
}

function lastOutputs(plan: Plan, context: WorkflowInstanceContext): JsonRecord {
  const outputs: JsonRecord = {};
  for (const { index, successors } of plan.tasks) {
    if (successors.length === 0) Object.assign(outputs, at(context.tasks, index).context.outputs ?? {});
  }
  return outputs;
}
