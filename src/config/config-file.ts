/** One configuration file, YAML or JSON (which is YAML too), with the line of each setting for messages. */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { AppError } from '../errors/app-error.ts';

export type ConfigFile = {
  /** What the file says, without its nulls: an empty section or value counts as unset. */
  content: unknown;
  /** `millrace.yaml:4` for the line that says it, or the nearest line above that does. */
  sourceOf(path: readonly string[]): string;
};

const defaultFileName = 'millrace.yaml';

/** Reads the named file, else `millrace.yaml` in the folder if it exists. Throws BAD_CONFIGURATION. */
export function readConfigFile(options: { cwd: string; file: string | undefined }): ConfigFile | undefined {
  const path = options.file ?? defaultFileName;
  const absolute = isAbsolute(path) ? path : join(options.cwd, path);
  if (options.file === undefined && !existsSync(absolute)) return undefined;
  return parseConfigFile(textOf(absolute, path), shownPath(absolute, options.cwd));
}

function textOf(absolute: string, path: string): string {
  try {
    return readFileSync(absolute, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new AppError('BAD_CONFIGURATION', `${path}: expected a readable configuration file, found none (${why}).`, {
      details: {
        faults: [{ kind: 'unreadable', source: path, expected: 'a readable configuration file', found: why }],
      },
      cause,
    });
  }
}

function parseConfigFile(text: string, shown: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fault = document.errors[0];
  if (fault !== undefined) {
    const source = `${shown}:${lines.linePos(fault.pos[0]).line}`;
    throw new AppError('BAD_CONFIGURATION', `${source}: expected YAML or JSON, found a fault: ${fault.message}.`, {
      details: { faults: [{ kind: 'unreadable', source, expected: 'YAML or JSON', found: fault.message }] },
      cause: fault,
    });
  }
  return {
    content: withoutNulls(document.toJS()) ?? {},
    sourceOf: (path) => `${shown}:${lines.linePos(offsetOf(document, path)).line}`,
  };
}

function offsetOf(document: Document.Parsed, path: readonly string[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    if (!isMap(node)) return offset;
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (pair === undefined || !isScalar(pair.key)) return offset;
    offset = pair.key.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

function withoutNulls(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  const kept = Object.entries(value).map(([key, inner]) => [key, withoutNulls(inner)] as const);
  return Object.fromEntries(kept.filter(([, inner]) => inner !== undefined));
}

function shownPath(absolute: string, cwd: string): string {
  const path = relative(cwd, absolute);
  return path.startsWith('..') ? absolute : path;
}
