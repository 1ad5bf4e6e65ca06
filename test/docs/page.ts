/** The frame of a generated page, and its tables. */
const madeBy =
  '<!-- Made from schemas/ by test/docs. Do not edit it here; a test with `MILLRACE_UPDATE=1` writes it anew. -->';

export function page(title: string, ...lines: readonly string[]): string {
  return `${[madeBy, '', `# ${title}`, '', ...lines].join('\n').trimEnd()}\n`;
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)];
}
