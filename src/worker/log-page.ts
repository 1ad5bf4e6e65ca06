/** Reads one page of an attempt's output by byte offset. A page never ends within a UTF-8 character. */
import { type FileHandle, open } from 'node:fs/promises';

/** A page in JSON must fit one NATS message of 1 MiB; a control character takes six bytes there. */
const pageSizeBytesMax = 131_072;
const characterSizeBytesMax = 4;

export type LogPage = { text: string; nextOffset: number; isAtEndOfFile: boolean };

export type LogPageQuery = {
  path: string;
  offset: number;
  limitBytes: number;
  /** The file grows no more: what is left is given as it is. */
  hasEnded: boolean;
};

export async function readLogPage(query: LogPageQuery): Promise<LogPage> {
  const file = await openExisting(query.path);
  if (file === undefined) return { text: '', nextOffset: query.offset, isAtEndOfFile: true };
  try {
    return await readFrom(file, query);
  } finally {
    await file.close();
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // It wrote nothing.
    throw fault;
  }
}

async function readFrom(file: FileHandle, { offset, limitBytes, hasEnded }: LogPageQuery): Promise<LogPage> {
  const limit = Math.min(limitBytes, pageSizeBytesMax);
  // A few bytes more than asked: the last character is completed, so that each page makes progress.
  const buffer = Buffer.alloc(limit + characterSizeBytesMax - 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
  const isLast = bytesRead <= limit;
  const end = pageEnd(buffer.subarray(0, bytesRead), { limit, keepsIncomplete: isLast && hasEnded });
  const text = buffer.toString('utf8', 0, end);
  return { text, nextOffset: offset + end, isAtEndOfFile: end === bytesRead && bytesRead < buffer.length };
}

/** Where the page ends: at most at the limit, unless not even the first character fits. */
function pageEnd(bytes: Buffer, { limit, keepsIncomplete }: { limit: number; keepsIncomplete: boolean }): number {
  const end = Math.min(bytes.length, limit);
  const start = startOfLastCharacter(bytes, end);
  const characterEnd = start + characterSizeBytes(bytes[start] ?? 0);
  if (characterEnd <= end || keepsIncomplete) return end;
  if (start > 0 || characterEnd > bytes.length) return start;
  return characterEnd;
}

/** Looks back over continuation bytes, at most three. */
function startOfLastCharacter(bytes: Buffer, end: number): number {
  let start = Math.max(0, end - 1);
  for (let steps = 1; steps < characterSizeBytesMax && start > 0 && isContinuation(bytes[start]); steps += 1)
    start -= 1;
  return start;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** By its first byte; a byte that starts no character stands alone. */
function characterSizeBytes(first: number): number {
  if (first >= 0xf0 && first < 0xf8) return 4;
  if (first >= 0xe0) return first < 0xf0 ? 3 : 1;
  return first >= 0xc2 ? 2 : 1;
}
