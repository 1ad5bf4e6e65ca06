/** What is different between two moments of one run: the run, its tasks, and what is owed. */
import { at, type PersistentVector } from '../../actors/kit/persistent-vector.ts';
import type { Expansion, TaskState } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { JsonValue } from '../../schemas/json.ts';
import type { Moment } from './replayed-run.ts';
import { changedIndexes } from './status-log.ts';

/** `field` is a path into the state: `owner.master`. */
export type FieldChange = { field: string; before: JsonValue; after: JsonValue };

export type RunDifference = {
  from: number;
  to: number;
  /** Of the run itself: its status and the fields of its context. */
  run: FieldChange[];
  tasks: { task: string; changes: FieldChange[] }[];
  effects: { begun: WorkflowInstanceEffect[]; settled: WorkflowInstanceEffect[] };
};

/** Told elsewhere: task by task, or by the revisions themselves. */
const ownFields: readonly string[] = ['tasks', 'eventCount'];

export function differenceOf(before: Moment, after: Moment): RunDifference {
  return {
    from: before.revision,
    to: after.revision,
    run: [
      ...fieldChanges({ status: before.snapshot.value }, { status: after.snapshot.value }),
      ...fieldChanges(before.snapshot.context, after.snapshot.context, ownFields),
    ],
    tasks: tasksOf(before, after),
    effects: effectsOf(before, after),
  };
}

function tasksOf(before: Moment, after: Moment): RunDifference['tasks'] {
  return changesOf(before.snapshot.context.tasks, after.snapshot.context.tasks);
}

/** Of an expansion its items are told one by one. */
const ofItems: readonly string[] = ['task', 'expansion'];

function changesOf(from: PersistentVector<TaskState> | undefined, to: PersistentVector<TaskState>): TaskChanges[] {
  const known = new Map(Array.from({ length: from?.length ?? 0 }, (_, index) => [taskAt(from, index), index]));
  return changedIndexes(from, to).flatMap((index) => {
    const { status, context } = at(to, index);
    const earlier = known.get(context.task);
    const was = from === undefined || earlier === undefined ? undefined : at(from, earlier);
    const changes = [
      ...fieldChanges({ status: was?.status ?? null }, { status }),
      ...fieldChanges(was?.context ?? {}, context, ofItems),
      ...fieldChanges(ownOf(was?.context.expansion), ownOf(context.expansion)),
    ];
    const own = changes.length === 0 ? [] : [{ task: context.task, changes }];
    const [before, after] = [was?.context.expansion?.items, context.expansion?.items];
    const items = after === undefined ? [] : changesOf(before, after);
    return [...own, ...items, ...goneItems(before, after?.length ?? 0)];
  });
}

/** Items that the map has no more. */
function goneItems(items: PersistentVector<TaskState> | undefined, from: number): TaskChanges[] {
  return Array.from({ length: Math.max(0, (items?.length ?? 0) - from) }, (_, offset) => {
    const { status, context } = at(items as PersistentVector<TaskState>, from + offset);
    return { task: context.task, changes: [{ field: 'status', before: status, after: null }] };
  });
}

type TaskChanges = RunDifference['tasks'][number];

const taskAt = (states: PersistentVector<TaskState> | undefined, index: number) =>
  states === undefined ? undefined : at(states, index).context.task;

function ownOf(expansion: Expansion | null | undefined): object {
  if (expansion === null || expansion === undefined) return {};
  const { items, ...own } = expansion;
  return { expansion: { ...own, itemCount: items.length } };
}

function fieldChanges(before: object, after: object, left: readonly string[] = []): FieldChange[] {
  const earlier = before as Record<string, JsonValue | undefined>;
  const later = after as Record<string, JsonValue | undefined>;
  const fields = [...new Set([...Object.keys(earlier), ...Object.keys(later)])].filter(
    (field) => !left.includes(field),
  );
  return fields.flatMap((field) => {
    const [was, is] = [earlier[field] ?? null, later[field] ?? null];
    if (was === is) return [];
    if (isRecord(was) && isRecord(is)) {
      return fieldChanges(was, is).map((change) => ({ ...change, field: `${field}.${change.field}` }));
    }
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ field, before: was, after: is }];
  });
}

const isRecord = (value: JsonValue): value is Record<string, JsonValue> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function effectsOf(before: Moment, after: Moment): RunDifference['effects'] {
  const was = keyed(before);
  const is = keyed(after);
  return {
    begun: [...is].filter(([key]) => !was.has(key)).map(([, effect]) => effect),
    settled: [...was].filter(([key]) => !is.has(key)).map(([, effect]) => effect),
  };
}

function keyed({ actor, snapshot }: Moment): Map<string, WorkflowInstanceEffect> {
  return new Map(actor.pendingEffects(snapshot).map((effect) => [JSON.stringify(effect), effect]));
}
