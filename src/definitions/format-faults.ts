/** Faults as text for people: place, path, what is wrong, what to do; below it the line with a caret. */
import type { CanonicalFault, DefinitionFault } from './definition-fault.ts';

const lineLengthMax = 160;

/** `text` is the source of the definition; without it, or without a place, only the words are given. */
export function formatFaults(faults: readonly (CanonicalFault | DefinitionFault)[], text = ''): string {
  const lines = text.split(/\r\n|\n|\r/);
  return faults.map((fault) => [headOf(fault), ...excerpt(fault, lines)].join('\n')).join('\n');
}

function headOf(fault: CanonicalFault | DefinitionFault): string {
  const place = 'file' in fault ? `${fault.file}:${fault.line}:${fault.column} ` : '';
  const path = fault.path === '' ? '' : `${fault.path}: `;
  return `${place}${path}${fault.message}. ${fault.remedy}`;
}

function excerpt(fault: CanonicalFault | DefinitionFault, lines: readonly string[]): string[] {
  if (!('file' in fault)) return [];
  const line = lines[fault.line - 1];
  if (line === undefined || line.trim() === '' || fault.column > lineLengthMax) return [];
  const gutter = `${fault.line} | `;
  // Tabs stay tabs below, so that the caret stands under its letter in any terminal.
  const indent = line.slice(0, fault.column - 1).replace(/[^\t]/g, ' ');
  return [`  ${gutter}${line.slice(0, lineLengthMax)}`, `  ${' '.repeat(gutter.length - 2)}| ${indent}^`];
}
