/** The timeline of a run as text: one row for each task, one character for each share of the time. */
import { hasEnded, type TaskStatus } from '../../../actors/task-instance/task-instance.state.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import { type Timeline, timelineOf } from '../../replay/timeline.ts';
import { shortened } from '../output/plain-text.ts';
import { shortDuration } from '../output/short-time.ts';

const marks: Readonly<Record<TaskStatus, string>> = {
  waiting: ' ',
  ready: '.',
  delayed: ',',
  assigned: '-',
  accepted: '-',
  running: '=',
  awaiting: 'w',
  expanded: 'm',
  absent: '?',
  cancelling: 'x',
  backingOff: '~',
  succeeded: '+',
  failed: '!',
  stopped: 's',
  blocked: 'b',
  skipped: 'k',
};

const nameWidthMax = 24;
const widthMin = 20;

export function timelineLines(run: ReplayedRun, columns: number): string[] {
  const timeline = timelineOf(run);
  const nameWidth = Math.min(nameWidthMax, Math.max(...timeline.tasks.map(({ task }) => task.length)));
  const width = Math.max(widthMin, columns - nameWidth - 3);
  const rows = timeline.tasks.map((line) => {
    const name = shortened(line.task, nameWidth).padEnd(nameWidth);
    return `${name} |${rowOf(line.spans, timeline, width)}`.trimEnd();
  });
  const owners = timeline.owners.map(
    ({ atMs, master, epoch, revision }) =>
      `${' '.repeat(nameWidth + 2)}${' '.repeat(place(atMs, timeline, width))}^ ${master}, epoch ${epoch} (#${revision})`,
  );
  const end = `+${shortDuration(timeline.toMs - timeline.fromMs)}`;
  return [
    `${' '.repeat(nameWidth + 2)}+0ms${end.padStart(Math.max(0, width - 4))}`,
    ...rows,
    ...owners,
    legendOf(timeline),
  ];
}

/** The marks that stand in it. */
function legendOf({ tasks }: Timeline): string {
  const met = new Set(tasks.flatMap(({ spans }) => spans.map(({ status }) => status)));
  const shown = Object.entries(marks).filter(([status, mark]) => mark !== ' ' && met.has(status as TaskStatus));
  return shown.map(([status, mark]) => `${mark} ${status}`).join('  ');
}

function rowOf(spans: Timeline['tasks'][number]['spans'], timeline: Timeline, width: number): string {
  const cells: string[] = Array.from({ length: width }, () => ' ');
  for (const { status, fromMs, toMs } of spans) {
    const first = place(fromMs, timeline, width);
    const isLast = toMs === undefined;
    const last = isLast && hasEnded(status) ? first : place(toMs ?? timeline.toMs, timeline, width);
    // A bar that is shorter than a character is seen all the same; what follows may cover its end.
    for (let cell = first; cell <= last; cell += 1) cells[cell] = marks[status];
  }
  return cells.join('');
}

function place(atMs: number, { fromMs, toMs }: Timeline, width: number): number {
  return Math.min(width - 1, Math.floor(((atMs - fromMs) / Math.max(1, toMs - fromMs)) * (width - 1)));
}
