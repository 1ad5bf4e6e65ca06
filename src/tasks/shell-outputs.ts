/** Reads the outputs that a shell task wrote: nothing, a JSON object, or lines `key=value` and blocks `key<<END`. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { ErrorCode } from '../../schemas/errors.ts';
import { type JsonRecord, jsonRecordSchema } from '../../schemas/json.ts';
import type { AttemptResult } from './task-type.port.ts';

const line = /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/;
const blockStart = /^([A-Za-z_][A-Za-z0-9_.-]*)<<(\S+)$/;

export function readShellOutputs(path: string, sizeBytesMax: number): AttemptResult {
  const text = readBounded(path, sizeBytesMax);
  if (text === undefined) return { kind: 'succeeded', outputs: {} };
  if (typeof text !== 'string') return text;
  return parseShellOutputs(text);
}

export function parseShellOutputs(text: string): AttemptResult {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'succeeded', outputs: {} };
  return trimmed.startsWith('{') ? parseObject(trimmed) : parseLines(trimmed);
}

/** Undefined when the task wrote no file. The size is taken before the file is read. */
function readBounded(path: string, sizeBytesMax: number): string | AttemptResult | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return failed('OUTPUT_INVALID', `MILLRACE_OUTPUT cannot be opened: ${(fault as Error).message}`);
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) return failed('OUTPUT_INVALID', 'expected a file at MILLRACE_OUTPUT, found something else');
    if (status.size > sizeBytesMax) return tooLarge(status.size, sizeBytesMax);
    return readFileSync(descriptor, 'utf8');
  } catch (fault) {
    return failed('OUTPUT_INVALID', `MILLRACE_OUTPUT cannot be read: ${(fault as Error).message}`);
  } finally {
    closeSync(descriptor);
  }
}

function parseObject(text: string): AttemptResult {
  try {
    const outputs = jsonRecordSchema.safeParse(JSON.parse(text));
    if (outputs.success) return { kind: 'succeeded', outputs: outputs.data };
  } catch (fault) {
    const why = (fault as Error).message;
    return failed('OUTPUT_INVALID', `expected a JSON object in MILLRACE_OUTPUT, found broken JSON: ${why}`);
  }
  return failed('OUTPUT_INVALID', 'expected a JSON object in MILLRACE_OUTPUT, found another value');
}

function parseLines(text: string): AttemptResult {
  const outputs: JsonRecord = {};
  const rows = text.split(/\r?\n/);
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index] ?? '';
    if (row.trim() === '') continue;
    const [, blockKey, end = ''] = blockStart.exec(row) ?? [];
    if (blockKey !== undefined) {
      const endIndex = rows.indexOf(end, index + 1);
      if (endIndex < 0) {
        return failed('OUTPUT_INVALID', `expected a line ${end} that ends the block of line ${index + 1}, found none`);
      }
      outputs[blockKey] = rows.slice(index + 1, endIndex).join('\n');
      index = endIndex;
      continue;
    }
    const [, key, value] = line.exec(row) ?? [];
    if (key === undefined || value === undefined) {
      return failed('OUTPUT_INVALID', `expected key=value in line ${index + 1} of MILLRACE_OUTPUT, or one JSON object`);
    }
    outputs[key] = value;
  }
  return { kind: 'succeeded', outputs };
}

export function tooLarge(sizeBytes: number, sizeBytesMax: number): AttemptResult {
  const message = `expected at most ${sizeBytesMax} bytes of outputs, found ${sizeBytes}; write large results elsewhere`;
  return failed('OUTPUT_TOO_LARGE', message);
}

function failed(code: ErrorCode, message: string): AttemptResult {
  return { kind: 'failed', fault: { code, message } };
}
