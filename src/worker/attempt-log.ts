/**
 * The output of one attempt, on disk. The file is made at the first byte. Writes are synchronous: they end in the page
 * cache, keep the order of stdout and stderr, and need no queue. Readers wait here for more; nobody watches the file.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '../telemetry/log.ts';

export type AttemptLog = {
  readonly path: string;
  /** Bytes in the file. */
  sizeBytes(): number;
  write(bytes: Uint8Array): void;
  /** No more output comes; who waits is woken. */
  end(): void;
  hasEnded(): boolean;
  /** Calls back once at the next output or at the end; returns how to give up waiting. */
  onMore(listener: () => void): () => void;
};

export function createAttemptLog(options: { path: string; sizeBytesMax: number; log: Log }): AttemptLog {
  return new FileAttemptLog(options);
}

class FileAttemptLog implements AttemptLog {
  readonly path: string;
  private readonly sizeBytesMax: number;
  private readonly log: Log;
  private readonly listeners = new Set<() => void>();
  private descriptor: number | undefined;
  private size = 0;
  private isCut = false;
  private isEnded = false;

  constructor({ path, sizeBytesMax, log }: { path: string; sizeBytesMax: number; log: Log }) {
    this.path = path;
    this.sizeBytesMax = sizeBytesMax;
    this.log = log;
  }

  sizeBytes(): number {
    return this.size;
  }

  hasEnded(): boolean {
    return this.isEnded;
  }

  write(bytes: Uint8Array): void {
    if (this.isCut || this.isEnded || bytes.length === 0) return;
    const room = this.sizeBytesMax - this.size;
    try {
      this.append(bytes.length > room ? bytes.subarray(0, room) : bytes);
      if (bytes.length > room) this.cut(`output exceeds ${this.sizeBytesMax} bytes; the rest is dropped`);
    } catch (fault) {
      this.isCut = true; // A full disk must not end the attempt.
      this.log.warn({ fault, path: this.path }, 'the output of an attempt cannot be written; the rest is dropped');
    }
    this.wake();
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.wake();
  }

  onMore(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private cut(note: string): void {
    this.isCut = true;
    this.append(Buffer.from(`\n[millrace: ${note}]\n`));
  }

  private append(bytes: Uint8Array): void {
    this.descriptor ??= this.open();
    let written = 0;
    while (written < bytes.length) written += writeSync(this.descriptor, bytes, written);
    this.size += written;
  }

  private open(): number {
    mkdirSync(dirname(this.path), { recursive: true });
    return openSync(this.path, 'a');
  }

  private wake(): void {
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener();
  }
}
