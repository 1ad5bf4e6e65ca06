/**
 * What is known of each stream: key, last revision, metadata. A bounded cache over the storage; nothing is scanned
 * at the start. The writer updates the states inside its transaction and clears them if that fails.
 */
import { decodeFrame, splitFrames, TOMBSTONE_REVISION } from './event-frame.ts';
import type { EventStorage } from './event-storage.ts';
import {
  isMetastream,
  METASTREAM_METADATA,
  metastreamOf,
  NO_METADATA,
  parseStreamMetadata,
  type StreamMetadata,
} from './stream-metadata.ts';

export type StreamState = {
  readonly streamName: string;
  readonly streamNameBytes: Buffer;
  /** 0 while the stream has no events. */
  streamKey: number;
  /** -1 while the stream has no events; TOMBSTONE_REVISION once it is deleted for good. */
  lastRevision: number;
  metadata: StreamMetadata;
};

export const isTombstoned = (state: StreamState): boolean => state.lastRevision === TOMBSTONE_REVISION;
export const isSoftDeleted = (state: StreamState): boolean =>
  state.metadata.truncateBefore === Number.POSITIVE_INFINITY && !isTombstoned(state);

/** The first revision a read may see. */
export const firstVisibleRevision = (state: StreamState): number =>
  Math.max(state.metadata.truncateBefore, state.lastRevision - state.metadata.maxCount + 1, 0);

const CACHED_COUNT_MAX = 50_000;

export class StreamStates {
  private readonly states = new Map<string, StreamState>();
  private readonly storage: EventStorage;

  constructor(storage: EventStorage) {
    this.storage = storage;
  }

  of(streamName: string): StreamState {
    const known = this.states.get(streamName);
    if (known !== undefined) return known;
    const state = this.load(streamName);
    if (this.states.size >= CACHED_COUNT_MAX) this.dropOldest();
    this.states.set(streamName, state);
    return state;
  }

  /** Takes over the content of a metadata event that has just been written. */
  setMetadata(streamName: string, content: Buffer): void {
    const state = this.states.get(streamName);
    if (state !== undefined) state.metadata = parseStreamMetadata(content);
  }

  clear(): void {
    this.states.clear();
  }

  private load(streamName: string): StreamState {
    const head = this.storage.streamHead(streamName);
    return {
      streamName,
      streamNameBytes: Buffer.from(streamName, 'utf8'),
      streamKey: head?.streamKey ?? 0,
      lastRevision: head?.lastRevision ?? -1,
      metadata: isMetastream(streamName) ? METASTREAM_METADATA : this.loadMetadata(streamName),
    };
  }

  private loadMetadata(streamName: string): StreamMetadata {
    const head = this.storage.streamHead(metastreamOf(streamName));
    if (head === undefined) return NO_METADATA;
    const [row] = this.storage.readStream(head.streamKey, { direction: 'forwards', from: head.lastRevision, limit: 1 });
    const frame = row === undefined ? undefined : splitFrames(row.frames).at(-1);
    return frame === undefined ? NO_METADATA : parseStreamMetadata(decodeFrame(frame).data);
  }

  /** Entries age in the order of loading; a stream in use that is dropped is simply loaded again. */
  private dropOldest(): void {
    const oldest = this.states.keys().next();
    if (!oldest.done) this.states.delete(oldest.value);
  }
}
