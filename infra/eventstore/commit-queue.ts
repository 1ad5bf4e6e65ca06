/**
 * Group commit: writes that arrive together share one transaction and one fsync.
 *
 * Invariants:
 * I1. Writes are executed in order of arrival, one transaction at a time, on this thread.
 * I2. A write is settled only after its transaction is durable; if that fails, every write in it is failed.
 * I3. After `close` nothing is queued any more, and everything queued before has been settled.
 */

import type { AppendOutcome } from './append-outcome.ts';
import type { EventStorage } from './event-storage.ts';
import type { CommittedAppend, EventWriter } from './event-writer.ts';

export type QueuedWrite = {
  readonly sizeBytes: number;
  readonly execute: (writer: EventWriter) => AppendOutcome;
  readonly settle: (outcome: AppendOutcome) => void;
  /** The outcome is unknown to the caller, who must repeat the write with the same ids. */
  readonly fail: (reason: string) => void;
};

export type CommitQueueOptions = {
  readonly storage: EventStorage;
  readonly writer: EventWriter;
  readonly onCommitted: (appends: readonly CommittedAppend[]) => void;
  readonly onFault: (error: unknown) => void;
};

const GATHERED_COUNT_MAX = 256;
const GATHERED_SIZE_BYTES_MAX = 4 * 1024 * 1024;
const IDLE_CHECKPOINT_AFTER_MS = 50;
const IDLE_CHECKPOINT_FLUSH_COUNT_MIN = 64;

export class CommitQueue {
  private readonly options: CommitQueueOptions;
  private queue: QueuedWrite[] = [];
  private queuedSizeBytes = 0;
  private isFlushPlanned = false;
  private isClosed = false;
  private flushCountSinceCheckpoint = 0;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(options: CommitQueueOptions) {
    this.options = options;
  }

  push(write: QueuedWrite): void {
    if (this.isClosed) {
      write.fail('the event store node is stopping');
      return;
    }
    this.queue.push(write);
    this.queuedSizeBytes += write.sizeBytes;
    if (this.queuedSizeBytes >= GATHERED_SIZE_BYTES_MAX) this.flush();
    else if (!this.isFlushPlanned) this.planFlush(this.queue.length);
  }

  /** Commits what is queued and takes no more. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.idleTimer);
    this.flush();
  }

  /** Gives the sockets a turn as long as that brings more writes; a single writer loses nothing by it. */
  private planFlush(countBefore: number): void {
    this.isFlushPlanned = true;
    setImmediate(() => {
      this.isFlushPlanned = false;
      const count = this.queue.length;
      if (count > countBefore && count < GATHERED_COUNT_MAX) this.planFlush(count);
      else this.flush();
    });
  }

  private flush(): void {
    const writes = this.queue;
    if (writes.length === 0) return;
    this.queue = [];
    this.queuedSizeBytes = 0;
    const outcomes = this.commit(writes);
    if (outcomes === undefined) return;
    const committed = this.options.writer.takeWritten();
    for (const [index, write] of writes.entries()) write.settle(outcomes[index] as AppendOutcome);
    if (committed.length === 0) return;
    this.options.onCommitted(committed);
    this.planIdleCheckpoint();
  }

  private commit(writes: readonly QueuedWrite[]): readonly AppendOutcome[] | undefined {
    const { storage, writer, onFault } = this.options;
    const outcomes: AppendOutcome[] = [];
    try {
      storage.commit(() => {
        for (const write of writes) outcomes.push(write.execute(writer));
      });
      return outcomes;
    } catch (error) {
      writer.forget();
      onFault(error);
      for (const write of writes) write.fail('the event store could not write to its file');
      return undefined;
    }
  }

  /** Moves the log into the main file while nobody waits for a commit, so that fewer commits have to do it. */
  private planIdleCheckpoint(): void {
    this.flushCountSinceCheckpoint++;
    if (this.idleTimer !== undefined) this.idleTimer.refresh();
    else if (!this.isClosed) {
      this.idleTimer = setTimeout(() => this.checkpointWhenIdle(), IDLE_CHECKPOINT_AFTER_MS);
      this.idleTimer.unref();
    }
  }

  private checkpointWhenIdle(): void {
    this.idleTimer = undefined;
    if (this.isClosed || this.flushCountSinceCheckpoint < IDLE_CHECKPOINT_FLUSH_COUNT_MIN) return;
    this.flushCountSinceCheckpoint = 0;
    try {
      this.options.storage.checkpoint();
    } catch (error) {
      this.options.onFault(error);
    }
  }
}
