/** Aligned columns. Widths are counted before colours are put on. */
import { shortened, withoutControls } from './plain-text.ts';

export type Cell = { text: string; paint?: (text: string) => string };

export type Column<Row> = {
  title: string;
  cell(row: Row): Cell | string;
  align?: 'left' | 'right';
};

const separator = '  ';

export type TableOptions = { paintTitle: (text: string) => string };

/** One line for the titles and one for each row; the last column is not padded. A column without any text is left out. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): string[] {
  const filled = columns
    .map((column) => ({ column, cells: rows.map((row) => cellOf(column.cell(row))) }))
    .filter(({ cells }) => rows.length === 0 || cells.some((cell) => cell.text !== ''));
  const measured = filled.map(({ column, cells }) => ({
    column,
    cells,
    width: cells.reduce((width, cell) => Math.max(width, lengthOf(cell.text)), column.title.length),
  }));
  const line = (cellAt: (index: number) => Cell): string =>
    measured
      .map(({ column, width }, index) => padded(cellAt(index), { width, align: column.align ?? 'left' }))
      .join(separator)
      .trimEnd();
  const titles = line((index) => ({ text: measured[index]?.column.title ?? '', paint: options.paintTitle }));
  return [titles, ...rows.map((_, row) => line((index) => measured[index]?.cells[row] ?? { text: '' }))];
}

/** Cells on one line of at most `width` characters, colours not counted; what does not fit is cut off. Empty ones are left out. */
export function fittedLine(cells: readonly (Cell | string)[], width: number): string {
  let left = width;
  const parts: string[] = [];
  for (const cell of cells.map(cellOf)) {
    if (cell.text === '') continue;
    if (left <= 0) break;
    const text = shortened(cell.text, left);
    left -= lengthOf(text) + separator.length;
    parts.push(cell.paint === undefined ? text : cell.paint(text));
  }
  return parts.join(separator);
}

function cellOf(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: withoutControls(cell) } : { ...cell, text: withoutControls(cell.text) };
}

function padded(cell: Cell, { width, align }: { width: number; align: 'left' | 'right' }): string {
  const space = ' '.repeat(Math.max(0, width - lengthOf(cell.text)));
  const text = cell.paint === undefined ? cell.text : cell.paint(cell.text);
  return align === 'left' ? text + space : space + text;
}

function lengthOf(text: string): number {
  return [...text].length;
}
