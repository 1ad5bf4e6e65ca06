/** Figures of a series of measurements, and tables of them. */

/** The value below which the given share (0 to 1) of the sorted values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export type BenchRow = { what: string; value: string; floor?: string; ratio?: string; goal?: string };

export function printRows(title: string, rows: readonly BenchRow[]): void {
  const columns = ['what', 'value', 'floor', 'ratio', 'goal'] as const;
  const cells = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))].map((row) => [...row]);
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`);
}
