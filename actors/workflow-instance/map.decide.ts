/** Maps: which items one has, decided when it begins, and how it ends, decided when all of them have. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { MapSettings } from '../../schemas/definition/workflow.definition.ts';
import type {
  Fault,
  WorkflowInstanceEvent,
  WorkflowInstanceEventOf,
} from '../../schemas/events/workflow-instance.events.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { evaluateExpression } from '../expressions/expression.ts';
import { quotedExpression } from '../expressions/quoted-expression.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { entries } from '../kit/persistent-vector.ts';
import { resultsOf } from '../task-instance/expansion.changes.ts';
import { type Expansion, haveItemsEnded, type TaskState } from '../task-instance/task-instance.state.ts';
import { taskParams } from './attempt-inputs.ts';
import { missingParam, neededTasks, unstartable } from './owner-expressions.ts';
import { stateOf } from './task-lookup.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

type CommandOf<T extends WorkflowInstanceCommand['type']> = Extract<WorkflowInstanceCommand, { type: T }>;
type Over = NonNullable<WorkflowInstanceEventOf<'TaskExpanded'>['data']['over']>;
type Evaluated = { ok: true; over: Over } | { ok: false; fault: Fault };

/** Items of one map. */
export const itemsMax = 10_000;

/** The lists of a map stand in one event. */
export const listsLengthMax = 262_144;

/** The results of all items together: they go to every task that needs the map. */
export const resultsSizeBytesMax = 262_144;

/** A map that was cleared in part goes on with the items that it has. */
export function decideExpansion(
  plan: Plan,
  context: WorkflowInstanceContext,
  planned: PlannedTask,
  { now, task, attemptId }: CommandOf<'StartTask'>,
): WorkflowInstanceEvent {
  const { timeoutMs } = planned.definition;
  const state = stateOf(context, planned)?.context;
  const due = timeoutMs === undefined ? {} : { dueAt: now + timeoutMs };
  const begun = { task, attemptId, attempt: (state?.attempt ?? 0) + 1, expandedAt: now, ...due };
  const known = state?.expansion ?? null;
  if (known !== null) return { type: 'TaskExpanded', data: { ...begun, itemCount: known.items.length } };
  const evaluated = listsOf(plan, context, planned);
  if (!evaluated.ok) return unstartable(task, now, evaluated.fault);
  const { over } = evaluated;
  const itemCount = over.reduce((product, { values }) => product * values.length, 1);
  const fault = sizeFault(itemCount, over);
  if (fault !== undefined) return unstartable(task, now, fault);
  return { type: 'TaskExpanded', data: { ...begun, itemCount, over } };
}

function listsOf(plan: Plan, context: WorkflowInstanceContext, planned: PlannedTask): Evaluated {
  const settings = planned.definition.settings as MapSettings;
  const given = taskParams(plan, context, { task: planned });
  const variables = { params: given.params, tasks: neededTasks(context, planned) };
  const over: Over = [];
  for (const { name, values } of settings.over) {
    if (typeof values !== 'string') {
      over.push({ name, values });
      continue;
    }
    const result = evaluateExpression(values, variables);
    const place = `the list ${name}, ${quotedExpression(values, result.ok ? undefined : result.position)}`;
    if (!result.ok) return failed(`${place}: ${missingParam(values, given) ?? result.message}`);
    if (!Array.isArray(result.value)) return failed(`${place}: expected a list, got ${kindOf(result.value)}`);
    over.push({ name, values: result.value });
  }
  return { ok: true, over };
}

const failed = (message: string): Evaluated => ({ ok: false, fault: { code: 'EXPRESSION_FAILED', message } });

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

function sizeFault(itemCount: number, over: Over): Fault | undefined {
  if (itemCount > itemsMax) {
    const lengths = over.map(({ name, values }) => `${name} has ${values.length}`).join(', ');
    const message = `the map would have ${itemCount} items (${lengths}); at most ${itemsMax} are allowed`;
    return { code: 'MAP_TOO_LARGE', message };
  }
  const length = JSON.stringify(over).length;
  if (length <= listsLengthMax) return undefined;
  const message = `the lists of the map take ${length} characters as JSON; at most ${listsLengthMax} are allowed. Let them name what the items fetch themselves`;
  return { code: 'MAP_TOO_LARGE', message };
}

/** No event while items are open: nothing is owed then. */
export function decideCollection(
  { definition }: PlannedTask,
  { status, context }: TaskState,
  { task, now }: CommandOf<'CollectItems'>,
): WorkflowInstanceEvent[] {
  const { expansion, cancelReason } = context;
  const isOpen = status === 'expanded' || status === 'cancelling';
  if (!isOpen || expansion === null || !haveItemsEnded(expansion)) return [];
  const { succeeded, failed: failedCount, stopped, skipped } = expansion.counts;
  const counts = { succeeded, failed: failedCount, stopped, skipped };
  const ended = { task, attemptId: expansion.attemptId, finishedAt: now };
  const collected = (end: CollectedEnd): WorkflowInstanceEvent[] => {
    return [{ type: 'TaskCollected', data: { ...ended, ...end, counts } }];
  };
  if (cancelReason === 'stop' && stopped > 0) return collected({ result: 'stopped' });
  if (cancelReason === 'timeout' && stopped > 0) {
    const message = `its items took longer than its timeout of ${definition.timeoutMs ?? 0} ms`;
    return collected({ result: 'failed', fault: { code: 'TASK_TIMED_OUT', message } });
  }
  const { failures } = definition.settings as MapSettings;
  const failuresMax = typeof failures === 'object' ? failures.max : 0;
  if (failedCount + stopped > failuresMax)
    return collected({ result: 'failed', fault: itemsFault(expansion, failuresMax) });
  return collected({ result: 'succeeded', ...leftOutOf(expansion) });
}

type CollectedEnd = Pick<WorkflowInstanceEventOf<'TaskCollected'>['data'], 'result' | 'fault' | 'leftOut'>;

function itemsFault({ items, counts }: Expansion, failuresMax: number): Fault {
  const stopped = counts.stopped === 0 ? '' : ` and ${counts.stopped} stopped`;
  const allowed = failuresMax === 0 ? '' : ` (${failuresMax} may fail)`;
  let first = '';
  for (const [, { status, context }] of entries(items)) {
    if (status !== 'failed') continue;
    first = `; first ${context.task}: ${context.fault?.message ?? 'no reason given'}`;
    break;
  }
  const message = `${counts.failed} of ${items.length} items failed${stopped}${allowed}${first}`;
  return { code: 'MAP_ITEMS_FAILED', message };
}

function leftOutOf(expansion: Expansion): Pick<CollectedEnd, 'leftOut'> {
  const sizeBytes = utf8Length(JSON.stringify(resultsOf(expansion)));
  return sizeBytes <= resultsSizeBytesMax ? {} : { leftOut: { sizeBytes, sizeMaxBytes: resultsSizeBytesMax } };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
