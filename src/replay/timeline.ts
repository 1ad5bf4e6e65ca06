/** How long each task had which status, by the clocks of the owners. */

import { itemNameOf } from '../../actors/map/item-name.ts';
import { hasEnded, type TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { ReplayedRun } from './replayed-run.ts';

/** From one change of status to the next. `to` is undefined for the status that the task still has. */
export type Span = { status: TaskStatus; revision: number; fromMs: number; toMs: number | undefined };

export type TaskLine = { task: string; spans: Span[] };

export type Timeline = {
  fromMs: number;
  toMs: number;
  tasks: TaskLine[];
  /** Changes of owner: where a bar goes on under somebody else. */
  owners: { revision: number; atMs: number; master: string; epoch: number }[];
};

export function timelineOf(run: ReplayedRun): Timeline {
  const owners: Timeline['owners'] = [];
  for (let revision = 0; revision <= run.lastRevision; revision += 1) {
    const event = run.event(revision);
    if (event.type !== 'OwnershipTaken') continue;
    const { master, epoch } = event.data;
    owners.push({ revision, atMs: run.timeOf(revision), master, epoch });
  }
  return {
    fromMs: run.timeOf(0),
    toMs: run.timeOf(run.lastRevision),
    tasks: run.plan.tasks.flatMap(({ definition: { name } }) => linesOf(run, name)),
    owners,
  };
}

/** Rows for more items of one map than these would hide all others. */
const itemsShownMax = 100;

/** The task, and below a map its items. */
function linesOf(run: ReplayedRun, task: TaskName): TaskLine[] {
  const count = Math.min(itemsShownMax, run.statuses.itemCount(task));
  const items = Array.from({ length: count }, (_, item) => itemNameOf(task, item));
  return [task, ...items].map((name) => ({ task: name, spans: spansOf(run, name) }));
}

function spansOf(run: ReplayedRun, task: TaskName): Span[] {
  const changes = run.statuses.of(task);
  return changes.map(({ to, revision }, index) => {
    const next = changes[index + 1];
    const toMs = next === undefined ? undefined : run.timeOf(next.revision);
    return { status: to, revision, fromMs: run.timeOf(revision), toMs };
  });
}

/** Until when a span is drawn: what has ended takes no more time, what has not goes on to the end of the history. */
export function drawnTo({ status, fromMs, toMs }: Span, endMs: number): number {
  return toMs ?? (hasEnded(status) ? fromMs : endMs);
}
