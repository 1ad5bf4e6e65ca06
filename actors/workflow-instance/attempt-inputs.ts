/** What a task is given: its parameters, and the outputs of the tasks that it needs. */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, InstanceId } from '../../schemas/ids.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { AttemptInputs } from '../../schemas/messages/attempt.messages.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import { valuesOfItem } from '../map/item-values.ts';
import { builtInsOf, lateBuiltIns } from '../params/built-ins.ts';
import type { ZonedMoment } from '../params/date-pattern.ts';
import { entriesOf } from '../params/param-layers.ts';
import { type ParamEntry, ParamScope } from '../params/param-scope.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

/** Of which attempt; without ids where the run's owner decides the task by itself. */
export type AttemptOf = { readonly task: PlannedTask; readonly instance?: InstanceId; readonly attemptId?: AttemptId };

/** The parameters of a task, filled in as far as a master can: not what leads to a secret (`late`) or to nothing (`faulty`). */
export type TaskParams = {
  readonly params: JsonRecord;
  readonly late: JsonRecord;
  readonly faulty: Readonly<Record<string, Fault>>;
};

export function attemptInputs(plan: Plan, context: WorkflowInstanceContext, of: AttemptOf): AttemptInputs {
  const { params, late, faulty } = taskParams(plan, context, of);
  const time = logicalTimeOf(plan, context);
  return {
    params,
    needs: neededOutputs(context, of.task),
    logicalAt: time.at,
    ...(plan.definition.timeZone === undefined ? {} : { timeZone: plan.definition.timeZone }),
    ...(Object.keys(late).length === 0 ? {} : { late }),
    ...(Object.keys(faulty).length === 0 ? {} : { faulty }),
  };
}

/** For the run's owner: what expressions of the task see as `params`. */
export function taskParams(plan: Plan, context: WorkflowInstanceContext, of: AttemptOf): TaskParams {
  const needs = neededOutputs(context, of.task);
  const { defaults, start } = givenParams(plan, context);
  const local = of.task.definition.params ?? {};
  const item = itemParams(context, of.task);
  const entries = entriesOf({ defaults, needs, local, start, item, isStartForeign: context.parent !== null });
  if (![...entries.values()].some(needsFilling)) {
    return { params: recordOf([...entries].map(([name, { value }]) => [name, value])), late: {}, faulty: {} };
  }
  return filled(entries, new ParamScope({ ...surroundings(plan, context, of), entries, needs }));
}

/** The time that the run stands for, in the zone of its workflow. */
export function logicalTimeOf(plan: Plan, context: WorkflowInstanceContext): ZonedMoment {
  return { at: context.logicalAt ?? context.submittedAt ?? 0, zone: plan.definition.timeZone ?? 'UTC' };
}

function surroundings(plan: Plan, context: WorkflowInstanceContext, of: AttemptOf) {
  const time = logicalTimeOf(plan, context);
  const { task, instance = '', attemptId = '' } = of;
  const names = { workflow: plan.definition.name, instance, task: task.definition.name, attemptId };
  const builtIns = builtInsOf({ time, ...names });
  if (of.instance === undefined) builtIns.delete('system.workflow.instance.id');
  return { time, builtIns, lateNames: lateBuiltIns };
}

function filled(entries: ReadonlyMap<string, ParamEntry>, scope: ParamScope): TaskParams {
  const params: [string, JsonValue][] = [];
  const late: [string, JsonValue][] = [];
  const faulty: [string, Fault][] = [];
  for (const [name, { value }] of entries) {
    const looked = scope.lookup(name);
    switch (looked.kind) {
      case 'value':
        params.push([name, looked.value]);
        break;
      case 'late':
        late.push([name, value]);
        break;
      case 'fault':
        faulty.push([name, looked.fault]);
        break;
    }
  }
  return { params: recordOf(params), late: recordOf(late), faulty: Object.fromEntries(faulty) };
}

/** The values that an item of a map is about. */
function itemParams({ tasks }: WorkflowInstanceContext, { item: place }: PlannedTask): JsonRecord {
  const expansion = place === undefined ? null : at(tasks, place.map).context.expansion;
  return place === undefined || expansion === null ? {} : valuesOfItem(expansion.over, place.item);
}

/** The task that finished first in front. */
function neededOutputs(context: WorkflowInstanceContext, task: PlannedTask): Record<string, JsonRecord> {
  const ended = task.needs.map((need) => at(context.tasks, need).context);
  const inOrder = ended.toSorted((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
  const needs: Record<string, JsonRecord> = {};
  for (const { task: name, outputs } of inOrder) {
    if (outputs !== null && Object.keys(outputs).length > 0) needs[name] = outputs;
  }
  return needs;
}

/** Runs from before it was noted: what differs from the default was given. */
function givenParams(
  plan: Plan,
  { params, given }: WorkflowInstanceContext,
): { defaults: JsonRecord; start: JsonRecord } {
  const byDefault = plan.definition.params;
  const isGiven = ([name, value]: [string, JsonValue]) =>
    given === null ? !isSame(value, byDefault[name]) : given.includes(name);
  const start = recordOf(Object.entries(params).filter(isGiven));
  return { defaults: params, start };
}

function isSame(value: JsonValue, other: JsonValue | undefined): boolean {
  return value === other || (other !== undefined && JSON.stringify(value) === JSON.stringify(other));
}

/** Most parameters are plain: then nothing has to be looked up. */
function needsFilling({ value, isTemplate }: ParamEntry): boolean {
  if (!isTemplate) return false;
  if (typeof value === 'string') return value.includes('$');
  return typeof value === 'object' && value !== null;
}

function recordOf(entries: readonly (readonly [string, JsonValue])[]): JsonRecord {
  return Object.fromEntries(entries);
}
