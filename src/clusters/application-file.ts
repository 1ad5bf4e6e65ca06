/**
 * The file of MILLRACE_APPLICATIONS while its attempt runs: read as far as it is written, a few times in a second, since a
 * program of any kind adds to it. What is too long for it was not meant for it.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { applicationLineSchema } from '../../schemas/clusters/application-id.schema.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import { type ApplicationFinder, lineFinder } from './application-finder.ts';

export const lookIntervalMs = 250;
const sizeBytesMax = 1_048_576;
const ownerOnly = 0o600;

export type ApplicationFile = {
  /** Reads what was added since the last time, also the last line that has no line break. */
  finish(): void;
};

/** A program adds one line of JSON for each application: `{"id": "application_..."}`. */
export function fileFinder(onFound: (id: string) => void): ApplicationFinder {
  return lineFinder(idOfLine, onFound);
}

export function makeApplicationFile(path: string): void {
  writeFileSync(path, '', { mode: ownerOnly });
}

export function followApplicationFile(path: string, clock: Clock, onFound: (id: string) => void): ApplicationFile {
  const finder = fileFinder(onFound);
  let offset = 0;
  let timer: Timer | undefined;
  const read = (): void => {
    const bytes = addedTo(path, offset);
    offset += bytes.length;
    finder.write(bytes);
  };
  const look = (): void => {
    read();
    timer = clock.after(lookIntervalMs, look);
  };
  look();
  return {
    finish: () => {
      timer?.cancel();
      read();
      finder.end();
    },
  };
}

const nothing = Buffer.alloc(0);

/** Nothing of a file that is gone, or that is no file any more. */
function addedTo(path: string, offset: number): Buffer {
  const size = Math.min(statSync(path, { throwIfNoEntry: false })?.size ?? 0, sizeBytesMax);
  if (size <= offset) return nothing;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(descriptor).isFile()) return nothing;
    const bytes = Buffer.alloc(size - offset);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, offset));
  } catch {
    return nothing; // Next time.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function idOfLine(line: string): string | undefined {
  try {
    return applicationLineSchema.safeParse(JSON.parse(line)).data?.id;
  } catch {
    return undefined; // A line that is not JSON says nothing.
  }
}
