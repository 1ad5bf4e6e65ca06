/**
 * Outputs that a command says in its output, as in DolphinScheduler: `${setValue(name=value)}`, or with `#` in place of `$`, so
 * that the shell leaves it alone. A value may go over several lines. Whatever a command prints can say outputs, also
 * text of others: the file of MILLRACE_OUTPUT goes before them.
 */
import { readFileSync } from 'node:fs';
import type { JsonRecord } from '../../schemas/json.ts';

const start = /[$#]\{setValue\(([A-Za-z_][A-Za-z0-9_.-]{0,127})=/g;
const end = ')}';
/** A value that is longer was hardly meant as one. */
const lineCountMax = 1_024;
const valueLengthMax = 65_536;

/** @param path the log of the attempt; it may be missing, and is at most as long as the worker keeps logs */
export function readSaidOutputs(path: string): JsonRecord {
  const bytes = bytesOf(path);
  return bytes?.includes('{setValue(') === true ? parseSaidOutputs(bytes.toString('utf8')) : {};
}

/** Of several values of one name the last counts. */
export function parseSaidOutputs(text: string): JsonRecord {
  const outputs: JsonRecord = {};
  const pattern = new RegExp(start);
  let endIndex = -1;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, name = ''] = match;
    if (endIndex < pattern.lastIndex) endIndex = text.indexOf(end, pattern.lastIndex);
    if (endIndex < 0) break;
    if (endIndex - pattern.lastIndex > valueLengthMax) continue;
    const value = text.slice(pattern.lastIndex, endIndex);
    if (value.split('\n').length > lineCountMax) continue;
    outputs[name] = value;
    pattern.lastIndex = endIndex + end.length;
  }
  return outputs;
}

function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // The command wrote nothing.
  }
}
