/** The seam between the node's rules and the file: everything is synchronous, reads see the open transaction. */

/** Events appended together, as one piece of frames. */
export type StoredAppend = {
  /** Revision of the last event. */
  readonly lastRevision: number;
  /** Position of the last event. */
  readonly lastPosition: number;
  readonly frames: Buffer;
};

export type NewAppend = StoredAppend & {
  readonly streamKey: number;
  /** The index keys of those event ids by which a repeat can be found. */
  readonly eventIdKeys: readonly number[];
};

export type StreamHead = { readonly streamKey: number; readonly lastRevision: number };

export type ReadPageOptions = {
  readonly direction: 'forwards' | 'backwards';
  /** First revision or position wanted, inclusive. The page may start in the middle of an append. */
  readonly from: number;
  readonly limit: number;
};

export type EventStorage = {
  /** Runs the work in one transaction and makes it durable before returning. Throws with nothing written. */
  commit(work: () => void): void;
  insertStream(streamName: string): number;
  insertAppend(append: NewAppend): void;
  streamHead(streamName: string): StreamHead | undefined;
  /** Appends of a stream that hold the wanted revisions, in reading order. */
  readStream(streamKey: number, page: ReadPageOptions): StoredAppend[];
  /** Appends of all streams that hold the wanted positions, in reading order; `lastRevision` is not filled (-1). */
  readAll(page: ReadPageOptions): StoredAppend[];
  /** The append that may hold the event with this id key in the stream. */
  findEventId(streamKey: number, eventIdKey: number): StoredAppend | undefined;
  /** 0 when nothing was written yet. */
  lastPosition(): number;
  /** Moves committed pages into the main file as far as that is possible without waiting. */
  checkpoint(): void;
  close(): void;
};
