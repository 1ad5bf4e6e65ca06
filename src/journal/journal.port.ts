/**
 * The journal: streams of events with optimistic concurrency. All durable truth is here.
 *
 * J1 An append is atomic: all events get contiguous revisions, or none is written.
 * J2 A resolved append is durable.
 * J3 Repeating an append with the same event ids and expected revision after a lost answer gives the same result.
 * J4 Revisions of a stream begin at 0 and have no gaps.
 */
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { EventId } from '../../schemas/ids.ts';

/** `none`: the stream has no event yet. A number: its last revision. `any`: not checked. */
export type ExpectedRevision = number | 'none' | 'any';

/** An event to write. `data` and `metadata` are plain JSON objects. */
export type NewEvent = {
  id: EventId;
  type: string;
  data: object;
  metadata: EventMetadata;
};

/** An event as it was read. `data` and `metadata` are parsed JSON, not yet checked against a schema. */
export type RecordedEvent = {
  stream: string;
  revision: number;
  id: EventId;
  type: string;
  data: unknown;
  metadata: unknown;
  /** The store's clock, milliseconds since 1970. */
  recordedAt: number;
  /** Opaque place in the order of all streams; undefined where the store did not give it. */
  position: JournalPosition | undefined;
};

/** Opaque; ordered only by the store that made it. A decimal string, so that it is plain JSON. */
export type JournalPosition = string;

export type AppendResult =
  | { kind: 'appended'; revision: number }
  /** The stream is not where it was expected; nothing was written. `actual` is undefined when it does not exist. */
  | { kind: 'conflict'; actual: number | undefined };

export type AppendOptions = {
  /** Longest time in all, repetitions included. Default: the journal's own. */
  deadlineMs?: number;
  signal?: AbortSignal;
};

export type ReadOptions = {
  /** First revision. Default: 0 forwards, the last one backwards. */
  from?: number;
  direction?: 'forwards' | 'backwards';
  /** Most events to read. Default: all. */
  limit?: number;
  signal?: AbortSignal;
};

export type AllFilter =
  | { kind: 'streamPrefix'; prefixes: readonly string[] }
  | { kind: 'eventTypePrefix'; prefixes: readonly string[] };

export type SubscribeAllOptions = {
  /** Events after this position. Default: from the beginning. */
  after?: JournalPosition;
  filter: AllFilter;
  signal: AbortSignal;
};

/** What a subscription delivers, in order. It goes on by itself after the store was away. */
export type SubscriptionItem =
  | { kind: 'event'; event: RecordedEvent }
  /** All before this place has been considered; safe to store as the place to go on from. */
  | { kind: 'checkpoint'; position: JournalPosition }
  /** Everything that existed has been delivered; what follows is live. May come again. */
  | { kind: 'caughtUp' };

export type JournalStatus = 'connected' | 'away';

export interface Journal {
  /**
   * Writes events at the end of a stream. Waits and repeats (same ids) while the store is away, within the deadline.
   * @throws AppError JOURNAL_UNAVAILABLE after the deadline: the outcome is unknown until read again.
   * @throws AppError APPEND_TOO_LARGE when the events exceed the store's largest append.
   * @throws AppError OVERLOADED when too many appends wait.
   */
  append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<AppendResult>;

  /** Events of one stream in order; nothing when it does not exist. Goes on where it was after the store was away. */
  read(stream: string, options?: ReadOptions): AsyncIterable<RecordedEvent>;

  /** Every event of all streams that passes the filter, then live ones, until the signal aborts. At least once. */
  subscribeAll(options: SubscribeAllOptions): AsyncIterable<SubscriptionItem>;

  /** Whether the store answers now. */
  status(): JournalStatus;

  /** Idempotent. Appends under way are finished or fail with JOURNAL_UNAVAILABLE. */
  stop(deadlineMs: number): Promise<void>;
}
