/**
 * Where a subscription is in its sequence, and what comes next: from the storage while it catches up, straight from
 * the commit once it is live.
 */

import { isWanted } from './all-read.ts';
import type { EventFilter } from './event-filter.ts';
import { decodeFrame, splitFrames, TOMBSTONE_REVISION } from './event-frame.ts';
import { type EventSources, type FrameProjection, PageSize, projectFrames } from './event-page.ts';
import type { StoredAppend } from './event-storage.ts';
import type { CommittedAppend } from './event-writer.ts';
import { EMPTY_BYTES } from './proto-wire.ts';
import { encodeCheckpoint, type ReadStart } from './read-codec.ts';
import { firstVisibleRevision, type StreamState } from './stream-states.ts';

export type SubscriptionPage = {
  /** Framed messages to send; may be empty although more is to come. */
  readonly frames: Buffer;
  /** Nothing is stored beyond this page. */
  readonly isAtEnd: boolean;
};

export type SubscriptionSource = {
  /** The next stored events. */
  next(): SubscriptionPage;
  /** Events that have just been committed, directly behind all that was delivered. */
  offer(appends: readonly CommittedAppend[]): Buffer;
  /** What to send when all stored events have been delivered. */
  arrive(): Buffer;
  /** Whether the sequence has ended for good. */
  isOver(): boolean;
};

/** The events of one stream after a revision. Hidden events stay hidden while catching up; live ones all arrive. */
export class StreamSource implements SubscriptionSource {
  private readonly sources: EventSources;
  private readonly streamName: string;
  private readonly projection: FrameProjection;
  private readonly createdFromMs: number;
  private readonly pageSize = new PageSize();
  private nextRevision: number;

  constructor(sources: EventSources, state: StreamState, start: ReadStart, projection: FrameProjection) {
    this.sources = sources;
    this.streamName = state.streamName;
    this.projection = projection;
    this.createdFromMs = Date.now() - state.metadata.maxAgeMs;
    const first = start === 'start' ? 0 : start === 'end' ? state.lastRevision + 1 : start + 1;
    const visible = Math.max(first, Math.min(firstVisibleRevision(state), state.lastRevision + 1));
    this.nextRevision = Math.min(visible, TOMBSTONE_REVISION);
  }

  next(): SubscriptionPage {
    const { streamKey } = this.sources.states.of(this.streamName);
    if (streamKey === 0) return { frames: EMPTY_BYTES, isAtEnd: true };
    const limit = this.pageSize.rowCount;
    const rows = this.sources.storage.readStream(streamKey, { direction: 'forwards', from: this.nextRevision, limit });
    this.pageSize.adapt(rows);
    return { frames: this.take(rows), isAtEnd: rows.length < limit };
  }

  offer(appends: readonly CommittedAppend[]): Buffer {
    return this.take(appends.filter((append) => append.streamName === this.streamName));
  }

  arrive(): Buffer {
    return EMPTY_BYTES;
  }

  isOver(): boolean {
    return this.nextRevision > TOMBSTONE_REVISION;
  }

  private take(rows: readonly StoredAppend[]): Buffer {
    const chosen = rows.flatMap((row) => this.takeRow(row));
    return projectFrames(Buffer.concat(chosen), this.projection);
  }

  private takeRow(row: StoredAppend): Buffer[] {
    const frames = splitFrames(row.frames);
    const firstRevision = row.lastRevision - frames.length + 1;
    const fresh = frames.slice(Math.max(0, this.nextRevision - firstRevision));
    this.nextRevision = Math.max(this.nextRevision, row.lastRevision + 1);
    if (this.createdFromMs <= 0) return fresh;
    return fresh.filter((frame) => decodeFrame(frame).createdAtMs >= this.createdFromMs);
  }
}

/** The events of all streams after a position, filtered if asked for, with checkpoints if filtered. */
export class AllSource implements SubscriptionSource {
  private readonly sources: EventSources;
  private readonly filter: EventFilter | undefined;
  private readonly projection: FrameProjection;
  private readonly pageSize = new PageSize();
  private lastPosition: number;
  /** Whether `lastPosition` ends an append; only a start given by the caller can lie within one. */
  private isAtBoundary: boolean;
  private consideredCount = 0;

  constructor(sources: EventSources, start: ReadStart, filter: EventFilter | undefined, projection: FrameProjection) {
    this.sources = sources;
    this.filter = filter;
    this.projection = projection;
    this.lastPosition = start === 'start' ? 0 : start === 'end' ? sources.storage.lastPosition() : start;
    this.isAtBoundary = typeof start !== 'number';
  }

  next(): SubscriptionPage {
    const limit = this.pageSize.rowCount;
    const rows = this.sources.storage.readAll({ direction: 'forwards', from: this.lastPosition + 1, limit });
    this.pageSize.adapt(rows);
    return { frames: this.take(rows), isAtEnd: rows.length < limit };
  }

  offer(appends: readonly CommittedAppend[]): Buffer {
    return this.take(appends);
  }

  arrive(): Buffer {
    if (this.filter === undefined || this.lastPosition === 0) return EMPTY_BYTES;
    return encodeCheckpoint(this.lastPosition);
  }

  isOver(): boolean {
    return false;
  }

  private take(rows: readonly StoredAppend[]): Buffer {
    if (this.filter !== undefined) return Buffer.concat(rows.flatMap((row) => this.takeEvents(row)));
    return Buffer.concat(rows.flatMap((row) => this.takeRow(row)));
  }

  private takeRow(row: StoredAppend): Buffer[] {
    if (!this.isAtBoundary) return this.takeEvents(row);
    this.lastPosition = row.lastPosition;
    return [projectFrames(row.frames, this.projection)];
  }

  private takeEvents(row: StoredAppend): Buffer[] {
    this.isAtBoundary = true;
    const chosen: Buffer[] = [];
    for (const frame of splitFrames(row.frames)) {
      const event = decodeFrame(frame);
      if (event.position <= this.lastPosition) continue;
      this.lastPosition = event.position;
      if (isWanted(event, this.filter)) chosen.push(projectFrames(frame, this.projection));
      if (this.filter !== undefined && ++this.consideredCount % this.filter.checkpointEveryCount === 0) {
        chosen.push(encodeCheckpoint(event.position));
      }
    }
    return chosen;
  }
}
