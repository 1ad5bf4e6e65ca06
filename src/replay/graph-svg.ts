/** The graph of a run as it stood after one of its events, as SVG. */
import { at } from '../../actors/kit/persistent-vector.ts';
import type { Expansion, TaskState, TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import { type GraphLayout, layoutOf, type PlacedTask } from './graph-layout.ts';
import type { Moment } from './replayed-run.ts';
import { cut, escaped, statusColors, svgFont } from './svg.ts';

const box = { width: 150, height: 30, gapX: 60, gapY: 14, margin: 16 } as const;
const nameLengthMax = 20;

export function graphSvg({ actor, snapshot }: Moment): string {
  const { plan } = actor;
  const layout = layoutOf(plan);
  const width = layout.columnCount * (box.width + box.gapX) - box.gapX + 2 * box.margin;
  const height = layout.rowCount * (box.height + box.gapY) - box.gapY + 2 * box.margin;
  const edges = layout.edges.map((edge) => edgePath(layout, edge));
  const tasks = layout.tasks.map((placed) => {
    const state = at(snapshot.context.tasks, placed.index);
    const { status, context } = state;
    const { x, y } = placeOf(placed);
    const name = escaped(cut(context.task, nameLengthMax));
    return (
      `<g data-task="${escaped(context.task)}"><title>${escaped(context.task)}: ${status}${itemWords(state)}</title>` +
      `<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="6" fill="${statusColors[status]}" stroke="#475569"/>` +
      `<text x="${x + box.width / 2}" y="${y + box.height / 2 + 4}" text-anchor="middle">${name}</text>${itemBar(state, x, y)}</g>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${svgFont}>`,
    `<g fill="none" stroke="#94a3b8">${edges.join('')}</g>`,
    ...tasks,
    '</svg>',
    '',
  ].join('\n');
}

function itemWords({ context: { expansion } }: TaskState): string {
  if (expansion === null) return '';
  const counts = Object.entries(expansion.counts).filter(([, count]) => count > 0);
  return `; ${expansion.items.length} items: ${counts.map(([status, count]) => `${count} ${status}`).join(', ')}`;
}

/** Along the lower edge of a map: a part for each status that its items have. */
function itemBar({ context: { expansion } }: TaskState, x: number, y: number): string {
  if (expansion === null || expansion.items.length === 0) return '';
  const width = box.width - 12;
  let from = x + 6;
  const parts = statusesOf(expansion).map(([status, count]) => {
    const length = Math.round((count / expansion.items.length) * width * 10) / 10;
    const part = `<rect x="${from}" y="${y + box.height - 5}" width="${length}" height="3" fill="${statusColors[status]}" stroke="#475569" stroke-width=".3"/>`;
    from += length;
    return part;
  });
  return `<g class="items">${parts.join('')}</g>`;
}

function statusesOf({ counts }: Expansion): [TaskStatus, number][] {
  // Reason for the cast: the keys of a record are its statuses.
  return (Object.entries(counts) as [TaskStatus, number][]).filter(([, count]) => count > 0);
}

function placeOf({ column, row }: Pick<PlacedTask, 'column' | 'row'>): { x: number; y: number } {
  return { x: box.margin + column * (box.width + box.gapX), y: box.margin + row * (box.height + box.gapY) };
}

/** Out of the right side of the one, between the tasks of the columns that it passes, into the left side of the other. */
function edgePath({ tasks }: GraphLayout, { from, to, rows }: GraphLayout['edges'][number]): string {
  const start = tasks[from];
  const end = tasks[to];
  if (start === undefined || end === undefined) return '';
  const begin = placeOf(start);
  let { x, y } = { x: begin.x + box.width, y: begin.y + box.height / 2 };
  const parts = [`M${x} ${y}`];
  const curveTo = (nextX: number, nextY: number): void => {
    const middle = (x + nextX) / 2;
    parts.push(`C${middle} ${y} ${middle} ${nextY} ${nextX} ${nextY}`);
    [x, y] = [nextX, nextY];
  };
  for (const [offset, row] of rows.entries()) {
    const place = placeOf({ column: start.column + 1 + offset, row });
    curveTo(place.x, place.y + box.height / 2);
    x += box.width;
    parts.push(`H${x}`);
  }
  const goal = placeOf(end);
  curveTo(goal.x, goal.y + box.height / 2);
  return `<path d="${parts.join('')}"/>`;
}
