/**
 * Executes writes inside the open transaction of a flush: appends, deletes, tombstones.
 *
 * Invariants:
 * I1. Revisions of a stream are dense from 0, in commit order; positions rise strictly over all streams.
 * I2. The states seen here include everything written earlier in the same transaction.
 * I3. The first id of every append is indexed. The others are where a repeat may begin in the middle of an append,
 *     that is where the writer names no revision; with a revision the stored events there tell without an index.
 * I4. If the transaction fails, `forget` drops every state and position learnt in it.
 */
import { randomUUID } from 'node:crypto';
import type { ReceivedEvent } from './append-codec.ts';
import { decideAppend, type StoredEventPlace, type StoredEvents, wrongVersion } from './append-decision.ts';
import { type AppendOutcome, type AppendRejection, MAX_APPEND_SIZE_BYTES } from './append-outcome.ts';
import {
  decodeFrame,
  encodeAppend,
  type ProposedEvent,
  splitFrames,
  TOMBSTONE_REVISION,
  ticksOf,
} from './event-frame.ts';
import type { EventStorage, StoredAppend } from './event-storage.ts';
import { eventIdKey } from './event-uuid.ts';
import { EMPTY_BYTES } from './proto-wire.ts';
import {
  isMetastream,
  isValidStreamName,
  METADATA_EVENT_TYPE,
  metastreamOf,
  SOFT_DELETE_METADATA,
  streamOfMetastream,
  TOMBSTONE_EVENT_TYPE,
  truncateBeforeMetadata,
} from './stream-metadata.ts';
import { isSoftDeleted, isTombstoned, type StreamState, type StreamStates } from './stream-states.ts';
import type { ExpectedRevision, StreamTarget } from './stream-target.ts';

/** An append as its readers get to know of it. */
export type CommittedAppend = StoredAppend & { readonly streamName: string };

const POSITION_BEFORE_FIRST = 4096;
const JSON_CONTENT_TYPE = Buffer.from('application/json');
const ASCII_MAX = 0x7f;

export class EventWriter {
  private readonly storage: EventStorage;
  private readonly states: StreamStates;
  private position: number;
  private written: CommittedAppend[] = [];

  constructor(storage: EventStorage, states: StreamStates) {
    this.storage = storage;
    this.states = states;
    this.position = storage.lastPosition() || POSITION_BEFORE_FIRST;
  }

  append(target: StreamTarget, received: readonly ReceivedEvent[]): AppendOutcome {
    const rejection = rejectionOf(target, received);
    if (rejection !== undefined) return rejection;
    const events = received as readonly ProposedEvent[]; // `rejectionOf` has seen every field.
    const state = this.states.of(target.streamName);
    const deleted = this.tombstonedSubject(state);
    if (deleted !== undefined) return deleted;
    const ids = events.map((event) => event.id);
    const decision = decideAppend(state, target.expected, ids, this.storedEvents(state));
    if (decision.kind !== 'append') return decision;
    if (events.length === 0) return { kind: 'written', lastRevision: state.lastRevision, lastPosition: undefined };
    if (isSoftDeleted(state)) this.beginAnew(state);
    return this.write(state, events, state.lastRevision + 1, indexedEvents(target.expected, events));
  }

  /** Hides all events of the stream; numbering goes on if it is written to again. */
  softDelete(target: StreamTarget): AppendOutcome {
    const state = this.states.of(target.streamName);
    const rejection = this.rejectionOfDelete(state, target.expected);
    if (rejection !== undefined) return rejection;
    if (target.expected === 'any' && state.lastRevision < 0 && !state.metadata.isPresent) return wrongVersion(state);
    return this.writeMetadata(target.streamName, SOFT_DELETE_METADATA);
  }

  /** Ends the stream for good: its name can never be used again. */
  tombstone(target: StreamTarget): AppendOutcome {
    const state = this.states.of(target.streamName);
    const rejection = this.rejectionOfDelete(state, target.expected);
    if (rejection !== undefined) return rejection;
    return this.write(state, [systemEvent(TOMBSTONE_EVENT_TYPE, EMPTY_BYTES)], TOMBSTONE_REVISION);
  }

  /** The appends written since the last call, in commit order. */
  takeWritten(): readonly CommittedAppend[] {
    const written = this.written;
    this.written = [];
    return written;
  }

  /** After a failed transaction (I4). */
  forget(): void {
    this.written = [];
    this.states.clear();
    this.position = this.storage.lastPosition() || POSITION_BEFORE_FIRST;
  }

  private rejectionOfDelete(state: StreamState, expected: ExpectedRevision): AppendRejection | undefined {
    if (!isValidStreamName(state.streamName)) return invalid(`"${state.streamName}" is no stream name`);
    if (isMetastream(state.streamName)) return invalid('a metadata stream cannot be deleted');
    if (isTombstoned(state)) return { kind: 'streamDeleted', streamName: state.streamName };
    if (expected === 'any') return undefined;
    const isExisting = state.lastRevision >= 0 || state.metadata.isPresent;
    if (expected === 'stream_exists') return isExisting ? undefined : wrongVersion(state);
    if (expected === 'no_stream') return state.lastRevision < 0 ? undefined : wrongVersion(state);
    return expected === state.lastRevision ? undefined : wrongVersion(state);
  }

  /** A metadata stream goes with its stream. */
  private tombstonedSubject(state: StreamState): AppendRejection | undefined {
    if (!isMetastream(state.streamName)) return undefined;
    const subject = streamOfMetastream(state.streamName);
    return isTombstoned(this.states.of(subject)) ? { kind: 'streamDeleted', streamName: subject } : undefined;
  }

  /** The first append after a soft delete hides what came before it, and only that. */
  private beginAnew(state: StreamState): void {
    this.writeMetadata(state.streamName, truncateBeforeMetadata(state.lastRevision + 1));
  }

  private writeMetadata(streamName: string, content: Buffer): AppendOutcome {
    const metastream = this.states.of(metastreamOf(streamName));
    return this.write(metastream, [systemEvent(METADATA_EVENT_TYPE, content)], metastream.lastRevision + 1);
  }

  private write(
    state: StreamState,
    events: readonly ProposedEvent[],
    firstRevision: number,
    indexed: readonly ProposedEvent[] = events,
  ): AppendOutcome {
    if (state.streamKey === 0) state.streamKey = this.storage.insertStream(state.streamName);
    const place = { streamNameBytes: state.streamNameBytes, firstRevision, createdTicks: ticksOf(Date.now()) };
    const { frames, lastPosition } = encodeAppend(events, place, this.position);
    const lastRevision = firstRevision === TOMBSTONE_REVISION ? firstRevision : firstRevision + events.length - 1;
    const eventIdKeys = indexed.map((event) => eventIdKey(event.id));
    this.storage.insertAppend({ streamKey: state.streamKey, lastRevision, lastPosition, frames, eventIdKeys });
    this.position = lastPosition;
    state.lastRevision = lastRevision;
    if (isMetastream(state.streamName)) this.takeOverMetadata(state.streamName, events);
    this.written.push({ streamName: state.streamName, lastRevision, lastPosition, frames });
    return { kind: 'written', lastRevision, lastPosition };
  }

  private takeOverMetadata(metastreamName: string, events: readonly ProposedEvent[]): void {
    const last = events.at(-1);
    if (last !== undefined) this.states.setMetadata(streamOfMetastream(metastreamName), last.data);
  }

  private storedEvents(state: StreamState): StoredEvents {
    const { streamKey } = state;
    return {
      from: (revision, count) => {
        const rows = this.storage.readStream(streamKey, { direction: 'forwards', from: revision, limit: count });
        return placesIn(rows)
          .filter((place) => place.revision >= revision)
          .slice(0, count);
      },
      byId: (id) => {
        const row = this.storage.findEventId(streamKey, eventIdKey(id));
        return row && placesIn([row]).find((place) => place.id === id);
      },
    };
  }
}

/** The events whose ids are indexed (I3). */
const indexedEvents = (expected: ExpectedRevision, events: readonly ProposedEvent[]): readonly ProposedEvent[] =>
  expected === 'any' || expected === 'stream_exists' ? events : events.slice(0, 1);

const placesIn = (rows: readonly StoredAppend[]): StoredEventPlace[] =>
  rows.flatMap((row) => splitFrames(row.frames)).map(decodeFrame);

const invalid = (reason: string): AppendRejection => ({ kind: 'invalidEvent', reason });

const systemEvent = (type: string, data: Buffer): ProposedEvent => ({
  id: randomUUID(),
  type: Buffer.from(type),
  contentType: JSON_CONTENT_TYPE,
  customMetadata: EMPTY_BYTES,
  data,
});

const rejectionOf = (target: StreamTarget, events: readonly ReceivedEvent[]): AppendRejection | undefined => {
  if (target.deadlineAtMs !== undefined && target.deadlineAtMs < Date.now()) return { kind: 'timedOut' };
  if (!isValidStreamName(target.streamName)) return invalid(`"${target.streamName}" is no stream name`);
  if (appendSizeBytes(events) > MAX_APPEND_SIZE_BYTES) return { kind: 'appendTooLarge' };
  for (const event of events) {
    if (event.id === undefined) return invalid('an event has no valid id; a UUID is expected');
    if (event.type === undefined || event.contentType === undefined) {
      return { kind: 'missingMetadata', reason: 'an event lacks the metadata "type" or "content-type"' };
    }
    if (event.type.length === 0) return { kind: 'missingMetadata', reason: 'the type of an event is empty' };
  }
  return undefined;
};

/** The size that counts against the limit of one append. */
export const appendSizeBytes = (events: readonly ReceivedEvent[]): number => {
  let sizeBytes = 0;
  for (const event of events) {
    sizeBytes += (event.data?.length ?? 0) + (event.customMetadata?.length ?? 0) + 2 * characterCount(event.type);
  }
  return sizeBytes;
};

const characterCount = (text: Buffer | undefined): number => {
  if (text === undefined) return 0;
  for (const byte of text) if (byte > ASCII_MAX) return text.toString('utf8').length;
  return text.length;
};
