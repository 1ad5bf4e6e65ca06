/** The lines of a watched run: status, bar, counts, what runs where and for how long, what happened last. */
import type { InstanceId } from '../../../schemas/ids.ts';
import { type Colors, paintStatus } from './colors.ts';
import type { RunProgress, TaskPhase, WatchedTask } from './run-progress.ts';
import { shortDuration } from './short-time.ts';
import { type Cell, fittedLine } from './table.ts';

export type BlockOptions = {
  colors: Colors;
  now: number;
  columns: number;
  workflow: string;
  instance: InstanceId;
  /** Tasks of the definition; undefined while it is not known. */
  taskCount: number | undefined;
  lastEvents: readonly string[];
};

type Line = readonly (Cell | string)[];

const activeShownMax = 8;
const barWidth = 30;
const shownPhases: readonly TaskPhase[] = ['running', 'assigned', 'held', 'retrying', 'failed', 'stopped'];

export function progressBlock(progress: RunProgress, options: BlockOptions): string[] {
  const { colors } = options;
  const lines: Line[] = [
    [
      { text: options.workflow, paint: colors.bold },
      { text: progress.status, paint: paintStatus(colors, progress.status) },
      elapsed(progress, options.now),
      { text: options.instance, paint: colors.dim },
    ],
    countLine(progress, options),
    ...activeLines(progress, options),
    ...options.lastEvents.map((text) => [{ text, paint: colors.dim }]),
  ];
  return lines.map((line) => fittedLine(line, options.columns - 1));
}

function elapsed(progress: RunProgress, now: number): string {
  if (progress.submittedAt === undefined) return '';
  return shortDuration((progress.finishedAt ?? now) - progress.submittedAt);
}

function countLine(progress: RunProgress, options: BlockOptions): Line {
  const { counts } = progress;
  const { colors } = options;
  const taskCount = allTasksCount(progress, options);
  const doneCount = counts.succeeded + counts.failed + counts.stopped;
  const details = shownPhases
    .filter((phase) => counts[phase] > 0)
    .map((phase) => ({ text: `${counts[phase]} ${phase}`, paint: paintStatus(colors, phase) }));
  if (taskCount === undefined || taskCount === 0) return [`${doneCount} tasks done`, ...details];
  const filled = Math.min(barWidth, Math.floor((doneCount / taskCount) * barWidth));
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  return [{ text: bar, paint: counts.failed > 0 ? colors.red : colors.green }, `${doneCount}/${taskCount}`, ...details];
}

/** Items of maps are tasks too, as soon as it is known how many there are. */
function allTasksCount({ itemCounts }: RunProgress, { taskCount }: BlockOptions): number | undefined {
  if (taskCount === undefined) return undefined;
  return [...itemCounts.values()].reduce((sum, count) => sum + count, taskCount);
}

function activeLines(progress: RunProgress, { colors, now }: BlockOptions): Line[] {
  const names = [...take(progress.active, activeShownMax)];
  const tasks = names.flatMap((name) => progress.tasks.get(name) ?? []);
  const nameWidth = tasks.reduce((width, task) => Math.max(width, task.name.length), 0);
  const workerWidth = tasks.reduce((width, task) => Math.max(width, task.worker?.length ?? 0), 0);
  const restCount = progress.active.size - names.length;
  const rest: Line[] = restCount > 0 ? [[{ text: `and ${restCount} more`, paint: colors.dim }]] : [];
  return [...tasks.map((task) => activeLine(task, { nameWidth, workerWidth, now })), ...rest];
}

function activeLine(task: WatchedTask, options: { nameWidth: number; workerWidth: number; now: number }): Line {
  const took = task.since === undefined ? '' : shortDuration(options.now - task.since);
  const worker = (task.worker ?? '').padEnd(options.workerWidth);
  return [task.phase === 'running' ? '▶' : '·', task.name.padEnd(options.nameWidth), worker, took, task.note ?? ''];
}

function* take<T>(items: Iterable<T>, countMax: number): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count >= countMax) return;
    count += 1;
    yield item;
  }
}
