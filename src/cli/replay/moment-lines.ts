/** One moment of a run: its head, and its tasks in the order of the graph. */
import { at } from '../../../actors/kit/persistent-vector.ts';
import type { TaskState } from '../../../actors/task-instance/task-instance.state.ts';
import { allItems } from '../../../actors/workflow-instance/task-lookup.ts';
import type { TaskName } from '../../../schemas/ids.ts';
import { layoutOf } from '../../replay/graph-layout.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import { type Colors, paintStatus } from '../output/colors.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { type Column, formatTable } from '../output/table.ts';
import { sinceStart } from './panels.ts';

/** A task at its place in the graph: `depth` is the number of its column. */
export type PlacedLine = { task: TaskName; depth: number; state: TaskState; needs: readonly string[] };

export function headLines(run: ReplayedRun, revision: number): string[] {
  const { context, value } = run.at(revision).snapshot;
  const { definition, epoch, owner } = context;
  const name = run.plan.definition.name;
  const owned = owner === null ? 'no owner' : `${owner.master} on ${oneLine(owner.host)}, epoch ${epoch}`;
  return [
    [`${name} version ${definition?.version ?? '?'}`, run.history.instance ?? ''].join('  ').trimEnd(),
    `event ${revision} of ${run.lastRevision}  ${sinceStart(run, revision)}  run is ${value}  ${owned}`,
    ...brokenLines(run),
  ];
}

export function brokenLines({ broken }: ReplayedRun): string[] {
  return broken === undefined
    ? []
    : [`the history ends for this build at event ${broken.revision}: ${oneLine(broken.message)}`];
}

const orders = new WeakMap<object, { index: number; depth: number }[]>();

/** Column by column, from top to bottom: what stands above is needed, or beside it. */
export function placedLines(run: ReplayedRun, revision: number): PlacedLine[] {
  const { actor, snapshot } = run.at(revision);
  const { plan } = actor;
  let order = orders.get(plan);
  if (order === undefined) {
    const placed = layoutOf(plan).tasks.toSorted((a, b) => a.column - b.column || a.row - b.row);
    order = placed.map(({ index, column }) => ({ index, depth: column }));
    orders.set(plan, order);
  }
  return order.flatMap(({ index, depth }) => {
    const state = at(snapshot.context.tasks, index);
    const needs = plan.tasks[index]?.definition.needs ?? [];
    const line = { task: state.context.task, depth, state, needs };
    return [line, ...itemLines(state, depth + 1)];
  });
}

/** More items of one map than these would hide all other tasks: those that have not ended well come first. */
const itemsShownMax = 50;

function itemLines(map: TaskState, depth: number): PlacedLine[] {
  const items = [...allItems(map)].map(([, state]) => state);
  const isDone = ({ status }: TaskState) => status === 'succeeded' || status === 'skipped';
  const shown =
    items.length <= itemsShownMax
      ? items
      : [...items.filter((item) => !isDone(item)), ...items.filter(isDone)].slice(0, itemsShownMax);
  return shown.map((state) => ({ task: state.context.task, depth, state, needs: [] }));
}

/** Of a map with how many of its items have ended. */
export function statusText({ status, context: { expansion } }: TaskState): string {
  if (expansion === null) return status;
  const { items, counts } = expansion;
  const { succeeded, failed, stopped, blocked, skipped } = counts;
  return `${status} ${succeeded + failed + stopped + blocked + skipped}/${items.length}`;
}

export function taskTable(run: ReplayedRun, revision: number, colors: Colors): string[] {
  const columns: Column<PlacedLine>[] = [
    { title: 'TASK', cell: ({ task, depth }) => `${'  '.repeat(Math.min(depth, 8))}${task}` },
    { title: 'STATUS', cell: ({ state }) => ({ text: statusText(state), paint: paintStatus(colors, state.status) }) },
    { title: 'ATTEMPT', cell: ({ state }) => String(state.context.attempt), align: 'right' },
    { title: 'WORKER', cell: ({ state }) => state.context.last?.worker ?? '' },
    {
      title: 'SINCE',
      cell: ({ task }) => `#${run.statuses.latest(task, revision)?.revision ?? 0}`,
      align: 'right',
    },
    { title: 'NEEDS', cell: ({ needs }) => shortened(needs.join(', '), 40) },
  ];
  return formatTable(columns, placedLines(run, revision), { paintTitle: colors.dim });
}
