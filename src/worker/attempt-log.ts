/**
 * The output of one attempt, as those who read it see it: written here, or by another process that tells how far it has
 * come. Readers wait here for more; nobody watches the file.
 */
import { createOutputFile, type OutputFile } from '../tasks/output-file.ts';
import type { OutputPlace } from '../tasks/task-type.port.ts';
import type { Log } from '../telemetry/log.ts';

export type AttemptLog = {
  readonly path: string;
  /** Bytes in the file. */
  sizeBytes(): number;
  write(bytes: Uint8Array): void;
  /** Another process has written the file up to here. */
  noted(sizeBytes: number): void;
  /** No more output comes; who waits is woken. */
  end(): void;
  hasEnded(): boolean;
  /** Calls back once at the next output or at the end; returns how to give up waiting. */
  onMore(listener: () => void): () => void;
};

export function createAttemptLog(options: OutputPlace & { log: Log }): AttemptLog {
  return new FileAttemptLog(options);
}

class FileAttemptLog implements AttemptLog {
  readonly path: string;
  private readonly file: OutputFile;
  private readonly listeners = new Set<() => void>();
  private notedSizeBytes = 0;
  private isEnded = false;

  constructor({ path, sizeBytesMax, log }: OutputPlace & { log: Log }) {
    this.path = path;
    this.file = createOutputFile({ path, sizeBytesMax }, log);
  }

  sizeBytes(): number {
    return Math.max(this.notedSizeBytes, this.file.sizeBytes());
  }

  hasEnded(): boolean {
    return this.isEnded;
  }

  write(bytes: Uint8Array): void {
    if (this.isEnded) return;
    this.file.write(bytes);
    this.wake();
  }

  noted(sizeBytes: number): void {
    if (this.isEnded || sizeBytes <= this.notedSizeBytes) return;
    this.notedSizeBytes = sizeBytes;
    this.wake();
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.file.close();
    this.wake();
  }

  onMore(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private wake(): void {
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener();
  }
}
