/** Reads a workflow file. A file that cannot be read is an expected outcome, like one with faults. */
import { readFile } from 'node:fs/promises';
import type { DefinitionFault } from './definition-fault.ts';
import { type ParseResult, parseDefinition } from './parse-definition.ts';

/** `text` is what was read, for showing the lines with faults; empty when the file could not be read. */
export type LoadResult = ParseResult & { text: string };

export async function loadDefinitionFile(path: string): Promise<LoadResult> {
  try {
    const text = await readFile(path, 'utf8');
    return { ...parseDefinition(text, path), text };
  } catch (fault) {
    const code = errnoCodeOf(fault);
    if (code === undefined) throw fault;
    return { kind: 'faults', faults: [unreadable(path, code)], text: '' };
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder',
  EACCES: 'it may not be read',
};

function unreadable(file: string, errnoCode: string): DefinitionFault {
  return {
    code: 'FILE_UNREADABLE',
    file,
    line: 1,
    column: 1,
    path: '',
    message: `expected a workflow file, but ${reasons[errnoCode] ?? `reading it failed with ${errnoCode}`}`,
    remedy: 'Check the path; it is taken from the current folder.',
  };
}

function errnoCodeOf(fault: unknown): string | undefined {
  if (!(fault instanceof Error) || !('code' in fault) || typeof fault.code !== 'string') return undefined;
  return fault.code;
}
