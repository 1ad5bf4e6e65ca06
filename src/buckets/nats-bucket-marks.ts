/**
 * Deletes the marks that removed keys leave behind, so that a bucket without time limit does not grow with every key
 * that was ever used. A mark stays a while first: a watch that lags must still find it. A watch that was away for longer
 * begins with all entries and finds out by itself what is gone. Marks of a process that dies stay; they do no harm.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../telemetry/log.ts';

export type RemovalMarksOptions = {
  /** Deletes one message of the bucket; does nothing when it is there no more. */
  deleteMessage(revision: number): Promise<void>;
  retentionMs: number;
  log: Log;
};

/** Marks beyond this stay for good. */
const queueLengthMax = 100_000;

export class RemovalMarks {
  private readonly options: RemovalMarksOptions;
  private readonly queue: { revision: number; dueAt: number }[] = [];
  private isSweeping = false;

  constructor(options: RemovalMarksOptions) {
    this.options = options;
  }

  add(revision: number): void {
    if (this.queue.length >= queueLengthMax) return;
    this.queue.push({ revision, dueAt: Date.now() + this.options.retentionMs });
    // It ends with the queue and handles its faults itself.
    if (!this.isSweeping) void this.sweep();
  }

  /** One after the other, so that it never stands in the way of claims. */
  private async sweep(): Promise<void> {
    this.isSweeping = true;
    for (let mark = this.queue.shift(); mark !== undefined; mark = this.queue.shift()) {
      const delayMs = Math.max(0, mark.dueAt - Date.now());
      // Nobody should wait for this with ending the process.
      if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
      await this.options.deleteMessage(mark.revision).catch((fault: unknown) => {
        this.options.log.debug({ revision: mark?.revision, fault: String(fault) }, 'A mark in a bucket stays');
      });
    }
    this.isSweeping = false;
  }
}
