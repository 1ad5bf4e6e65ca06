/** The timeline of a run as SVG: a row for each task, a bar for each status, a line for each owner. */
import { cut, escaped, statusColors, svgFont } from './svg.ts';
import { drawnTo, type Timeline } from './timeline.ts';

const row = { height: 20, bar: 14, top: 36, left: 170, width: 900, margin: 16 } as const;
const nameLengthMax = 24;
const markCount = 5;

export function timelineSvg(timeline: Timeline): string {
  const { fromMs, toMs, tasks, owners } = timeline;
  const spanMs = Math.max(1, toMs - fromMs);
  const xOf = (atMs: number) => round(row.left + ((atMs - fromMs) / spanMs) * row.width);
  const height = row.top + tasks.length * row.height + row.margin;
  const width = row.left + row.width + row.margin;
  const bars = tasks.map(({ task, spans }, index) => {
    const y = row.top + index * row.height;
    const drawn = spans.map((span) => {
      const x = xOf(span.fromMs);
      const length = Math.max(2, round(xOf(drawnTo(span, toMs)) - x));
      const title = `${escaped(task)}: ${span.status}, event ${span.revision}`;
      return `<rect x="${x}" y="${y}" width="${length}" height="${row.bar}" fill="${statusColors[span.status]}"><title>${title}</title></rect>`;
    });
    const name = escaped(cut(task, nameLengthMax));
    return `<text x="${row.left - 8}" y="${y + 11}" text-anchor="end">${name}</text>${drawn.join('')}`;
  });
  const marks = Array.from({ length: markCount }, (_, index) => {
    const atMs = fromMs + (spanMs * index) / (markCount - 1);
    return `<text x="${xOf(atMs)}" y="12" text-anchor="middle" fill="#64748b">+${seconds(atMs - fromMs)}</text>`;
  });
  const lines = owners.map(({ atMs, master, epoch }) => {
    const x = xOf(atMs);
    return (
      `<line x1="${x}" x2="${x}" y1="18" y2="${height - row.margin}" stroke="#0f172a" stroke-dasharray="3 3"/>` +
      `<text x="${x + 3}" y="28">${escaped(master)}, epoch ${epoch}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${svgFont}>`,
    ...marks,
    ...bars,
    ...lines,
    `<line id="cursor" x1="${row.left}" x2="${row.left}" y1="18" y2="${height - row.margin}" stroke="#dc2626" visibility="hidden"/>`,
    '</svg>',
    '',
  ].join('\n');
}

/** Where a time stands, as a share of the width: for those who move the cursor. */
export const timelineScale = { left: row.left, width: row.width } as const;

const round = (number: number) => Math.round(number * 10) / 10;

function seconds(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms) / 1_000} s` : `${Math.round(ms / 100) / 10} s`;
}
