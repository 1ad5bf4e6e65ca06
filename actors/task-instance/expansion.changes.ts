/** What becomes of a map: its items, and what they put out together. */
import type { WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { entries, vectorOf } from '../kit/persistent-vector.ts';
import { itemNameOf } from '../map/item-name.ts';
import { noAttempt } from './task-instance.changes.ts';
import {
  type Expansion,
  noTasks,
  type TaskContext,
  type TaskMachineEvent,
  waitingTask,
} from './task-instance.state.ts';

type Change = Partial<TaskContext>;
type Over = NonNullable<WorkflowInstanceEventOf<'TaskExpanded'>['data']['over']>;
type Items = Pick<Expansion, 'over' | 'items' | 'counts' | 'next'>;

/** The items that it had go on, if the event brings none. */
export function expansionOf({ task, round, expansion }: TaskContext, event: TaskMachineEvent): Change {
  if (event.type !== 'TaskExpanded') return {};
  const { attemptId, attempt, expandedAt, dueAt, itemCount, over } = event.data;
  const items = over === undefined && expansion !== null ? expansion : newItems({ task, round }, itemCount, over ?? []);
  const failedBefore = items.counts.failed + items.counts.stopped;
  const begun = { ...noAttempt, attempt, startedAt: expandedAt, finishedAt: null, dueAt: null };
  return { ...begun, expansion: { ...items, attemptId, dueAt: dueAt ?? null, failedBefore } };
}

/** They begin with the round of their map: what was done for items of an earlier one is another thing. */
function newItems({ task, round }: Pick<TaskContext, 'task' | 'round'>, itemCount: number, over: Over): Items {
  const items = Array.from({ length: itemCount }, (_, item) => {
    const { status, context } = waitingTask(itemNameOf(task, item), 0);
    return { status, context: { ...context, round } };
  });
  const lists = over.map(({ name, values }) => ({ name, values }));
  return { over: lists, items: vectorOf(items), counts: { ...noTasks, waiting: itemCount }, next: 0 };
}

export function collectionOf({ expansion }: TaskContext, event: TaskMachineEvent): Change {
  if (event.type !== 'TaskCollected') return {};
  const { finishedAt, result, counts, fault, leftOut } = event.data;
  const ended = { ...noAttempt, finishedAt };
  if (result !== 'succeeded' || expansion === null) {
    return { ...ended, fault: fault === undefined ? null : { code: fault.code, message: fault.message } };
  }
  const { succeeded, failed, stopped, skipped } = counts;
  const results =
    leftOut === undefined
      ? { results: resultsOf(expansion) }
      : { resultsLeftOut: { code: 'MAP_RESULTS_TOO_LARGE', ...leftOut } };
  return { ...ended, fault: null, outputs: { ...results, counts: { succeeded, failed, stopped, skipped } } };
}

/** The outputs of each item, in their order; null for one that did not succeed. */
export function resultsOf({ items }: Expansion): (JsonRecord | null)[] {
  const results: (JsonRecord | null)[] = [];
  for (const [, { status, context }] of entries(items)) {
    results.push(status === 'succeeded' ? (context.outputs ?? {}) : null);
  }
  return results;
}
