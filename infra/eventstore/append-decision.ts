/** Whether an append may be written, from the stream's state and the ids of its stored events. Pure. */
import type { AppendOutcome, AppendRejection } from './append-outcome.ts';
import { isSoftDeleted, isTombstoned, type StreamState } from './stream-states.ts';
import type { ExpectedRevision } from './stream-target.ts';

export type StoredEventPlace = { readonly id: string; readonly revision: number; readonly position: number };

/** How the decision looks at what is stored in the stream. */
export type StoredEvents = {
  /** At most `count` events from a revision upwards. */
  readonly from: (revision: number, count: number) => readonly StoredEventPlace[];
  readonly byId: (id: string) => StoredEventPlace | undefined;
};

export type AppendDecision = { readonly kind: 'append' } | AppendOutcome;

const APPEND: AppendDecision = { kind: 'append' };

export const decideAppend = (
  state: StreamState,
  expected: ExpectedRevision,
  ids: readonly string[],
  stored: StoredEvents,
): AppendDecision => {
  if (isTombstoned(state)) return { kind: 'streamDeleted', streamName: state.streamName };
  if (expected === 'any') return isSoftDeleted(state) ? APPEND : decideById(state, ids, stored);
  if (expected === 'stream_exists') return decideStreamExists(state, ids, stored);
  if (expected === 'no_stream') return decideNoStream(state, ids, stored);
  if (expected === state.lastRevision) return APPEND;
  if (expected > state.lastRevision) return wrongVersion(state);
  return isRepeat(stored.from(expected + 1, ids.length), ids) ?? wrongVersion(state);
};

/** What the caller gets to see as the current revision: a stream without events has none. */
export const wrongVersion = (state: StreamState): AppendRejection => ({
  kind: 'wrongExpectedVersion',
  current: state.lastRevision < 0 ? undefined : state.lastRevision,
});

const decideStreamExists = (state: StreamState, ids: readonly string[], stored: StoredEvents): AppendDecision => {
  if (isSoftDeleted(state)) return { kind: 'streamDeleted', streamName: state.streamName };
  if (state.lastRevision < 0 && !state.metadata.isPresent) return wrongVersion(state);
  return decideById(state, ids, stored);
};

const decideNoStream = (state: StreamState, ids: readonly string[], stored: StoredEvents): AppendDecision => {
  if (state.lastRevision < 0 || isSoftDeleted(state)) return APPEND;
  const { truncateBefore } = state.metadata;
  const repeat = isRepeat(stored.from(0, ids.length), ids);
  // A stream that was begun anew after a soft delete has its first events at the truncation mark.
  const later =
    repeat === undefined && truncateBefore > 0 ? isRepeat(stored.from(truncateBefore, ids.length), ids) : repeat;
  return later ?? wrongVersion(state);
};

/** Without a revision to go by, the ids tell: all new, all known, or a mixture that cannot be right. */
const decideById = (state: StreamState, ids: readonly string[], stored: StoredEvents): AppendDecision => {
  const [first] = ids;
  if (first === undefined || state.lastRevision < 0) return APPEND;
  const place = stored.byId(first);
  if (place === undefined) return APPEND;
  const places = stored.from(place.revision, ids.length);
  return isRepeat(places, ids) ?? isRepeat(ids.map(stored.byId).filter(isKnown), ids) ?? wrongVersion(state);
};

const isKnown = (place: StoredEventPlace | undefined): place is StoredEventPlace => place !== undefined;

const isRepeat = (places: readonly StoredEventPlace[], ids: readonly string[]): AppendDecision | undefined => {
  const last = places.at(-1);
  if (last === undefined || places.length !== ids.length) return undefined;
  if (!places.every((place, index) => place.id === ids[index])) return undefined;
  return { kind: 'written', lastRevision: last.revision, lastPosition: last.position };
};
