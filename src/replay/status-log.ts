/** Which task, or item of a map, had which status from which event on. Filled while a history is folded; found by binary search after that. */
import { at, type PersistentVector } from '../../actors/kit/persistent-vector.ts';
import type { TaskState, TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import type { TaskName } from '../../schemas/ids.ts';

/** `from` is undefined for the first status of a task. */
export type StatusChange = {
  readonly revision: number;
  readonly task: TaskName;
  readonly from: TaskStatus | undefined;
  readonly to: TaskStatus;
};

export class StatusLog {
  readonly #byTask = new Map<TaskName, StatusChange[]>();
  readonly #byRevision = new Map<number, StatusChange[]>();
  readonly #itemCounts = new Map<TaskName, number>();

  /** Notes what the event of that revision changed. States that are the same object are not looked into. */
  note(revision: number, before: PersistentVector<TaskState> | undefined, after: PersistentVector<TaskState>): void {
    if (before === after) return;
    for (const index of changedIndexes(before, after)) {
      const state = at(after, index);
      this.#noteTask(revision, state);
      const { expansion, task } = state.context;
      if (expansion === null) continue;
      // Tasks of another version may stand elsewhere: then all items are looked at.
      const same = before === undefined || index >= before.length ? undefined : at(before, index).context;
      this.note(revision, same?.task === task ? same.expansion?.items : undefined, expansion.items);
      const items = expansion.items.length;
      if (items > (this.#itemCounts.get(task) ?? 0)) this.#itemCounts.set(task, items);
    }
  }

  /** How many items the map ever had at a time; 0 for any other task. */
  itemCount(map: TaskName): number {
    return this.#itemCounts.get(map) ?? 0;
  }

  /** All changes of one task, in order. */
  of(task: TaskName): StatusChange[] {
    let changes = this.#byTask.get(task);
    if (changes === undefined) {
      changes = [];
      this.#byTask.set(task, changes);
    }
    return changes;
  }

  #noteTask(revision: number, { status: to, context: { task } }: TaskState): void {
    const changes = this.of(task);
    const from = changes.at(-1)?.to;
    if (from === to) return;
    const change = { revision, task, from, to };
    changes.push(change);
    const sameTime = this.#byRevision.get(revision);
    if (sameTime === undefined) this.#byRevision.set(revision, [change]);
    else sameTime.push(change);
  }

  at(revision: number): readonly StatusChange[] {
    return this.#byRevision.get(revision) ?? [];
  }

  /** The change by which the task has the status that it has after that event. */
  latest(task: TaskName, revision: number): StatusChange | undefined {
    const changes = this.of(task);
    return changes[countUpTo(changes.length, (index) => (changes[index]?.revision ?? 0) <= revision) - 1];
  }
}

/** How many of the first indexes hold, when those that hold come first. */
export function countUpTo(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Node = readonly unknown[];

/** Indexes whose states are not the same object. Shared parts of the two vectors are passed over whole. */
export function changedIndexes<T>(before: PersistentVector<T> | undefined, after: PersistentVector<T>): number[] {
  if (before === undefined || before.length !== after.length || before.depth !== after.depth) {
    return Array.from({ length: after.length }, (_, index) => index);
  }
  const found: number[] = [];
  walk({ before: before.root, after: after.root, depth: after.depth, start: 0 }, found);
  return found;
}

function walk(part: { before: Node; after: Node; depth: number; start: number }, found: number[]): void {
  const { before, after, depth, start } = part;
  if (before === after) return;
  const width = 32 ** depth;
  for (let slot = 0; slot < after.length; slot += 1) {
    if (before[slot] === after[slot]) continue;
    if (depth === 0) found.push(start + slot);
    else {
      // Reason for the casts: above the leaves every entry is a node.
      const inner = { before: before[slot] as Node, after: after[slot] as Node };
      walk({ ...inner, depth: depth - 1, start: start + slot * width }, found);
    }
  }
}
