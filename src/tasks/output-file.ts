/**
 * The output of one attempt on disk, within its limit. The file is made at the first byte. Writes are synchronous: they
 * end in the page cache, keep the order of stdout and stderr, and need no queue.
 */
import { closeSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '../telemetry/log.ts';
import type { OutputPlace } from './task-type.port.ts';

export type OutputFile = {
  /** Bytes in the file. */
  sizeBytes(): number;
  /** Never throws: what exceeds the limit is dropped with a note, and so is what the disk does not take. */
  write(bytes: Uint8Array): void;
  close(): void;
};

export function createOutputFile(place: OutputPlace, log: Log): OutputFile {
  return new LimitedOutputFile(place, log);
}

class LimitedOutputFile implements OutputFile {
  private readonly place: OutputPlace;
  private readonly log: Log;
  private descriptor: number | undefined;
  private writtenBytes = 0;
  private isCut = false;

  constructor(place: OutputPlace, log: Log) {
    this.place = place;
    this.log = log;
  }

  sizeBytes(): number {
    return this.writtenBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.isCut || bytes.length === 0) return;
    const { path, sizeBytesMax } = this.place;
    try {
      this.descriptor ??= this.open();
      const room = sizeBytesMax - this.writtenBytes;
      this.append(this.descriptor, bytes.length > room ? bytes.subarray(0, Math.max(0, room)) : bytes);
      if (bytes.length > room) this.cut(this.descriptor, room);
    } catch (fault) {
      this.isCut = true; // A full disk must not end the attempt.
      this.log.warn({ fault, path }, 'the output of an attempt cannot be written; the rest is dropped');
    }
  }

  close(): void {
    this.isCut = true;
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  /** A file that was longer already when it was opened has its note. */
  private cut(descriptor: number, room: number): void {
    this.isCut = true;
    if (room < 0) return;
    const note = `output exceeds ${this.place.sizeBytesMax} bytes; the rest is dropped`;
    this.append(descriptor, Buffer.from(`\n[millrace: ${note}]\n`));
  }

  private append(descriptor: number, bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    this.writtenBytes += written;
  }

  private open(): number {
    mkdirSync(dirname(this.place.path), { recursive: true });
    const descriptor = openSync(this.place.path, 'a');
    this.writtenBytes = fstatSync(descriptor).size;
    return descriptor;
  }
}
