/** A bounded read of $all, page by page, in either direction. Positions: forwards inclusive, backwards exclusive. */

import type { EventFilter } from './event-filter.ts';
import { countFrames, decodeFrame, type RecordedEvent, splitFrames } from './event-frame.ts';
import { type EventSources, frameProjection, PageSize, projectFrames } from './event-page.ts';
import type { StoredAppend } from './event-storage.ts';
import type { ReadRequest } from './read-codec.ts';

/** Yields framed events ready to send. */
export function* readAllPages(sources: EventSources, request: ReadRequest, limit: number): Generator<Buffer, void> {
  const projection = frameProjection(sources, request);
  const pageSize = new PageSize();
  let cursor: Cursor = { bound: firstBound(request), remaining: limit, isAtBoundary: request.start === 'start' };
  while (cursor.remaining > 0 && cursor.bound > 0) {
    const rowLimit = Math.min(pageSize.rowCount, cursor.remaining);
    const rows = sources.storage.readAll({ direction: request.direction, from: cursor.bound, limit: rowLimit });
    pageSize.adapt(rows);
    const page = isWholesale(rows, cursor, request) ? takeRows(rows, cursor) : takeEvents(rows, cursor, request);
    if (page.cursor.bound === cursor.bound) return;
    cursor = page.cursor;
    if (page.frames.length > 0) yield projectFrames(Buffer.concat(page.frames), projection);
  }
}

/** `isAtBoundary`: no append reaches over the bound. */
type Cursor = { readonly bound: number; readonly remaining: number; readonly isAtBoundary: boolean };
type Page = { readonly frames: readonly Buffer[]; readonly cursor: Cursor };

/** Whether all appends can go out as they are stored, without a look at their events. */
const isWholesale = (rows: readonly StoredAppend[], cursor: Cursor, request: ReadRequest): boolean =>
  cursor.isAtBoundary &&
  request.direction === 'forwards' &&
  request.filter === undefined &&
  countEvents(rows) <= cursor.remaining;

const countEvents = (rows: readonly StoredAppend[]): number =>
  rows.reduce((count, row) => count + countFrames(row.frames), 0);

const takeRows = (rows: readonly StoredAppend[], cursor: Cursor): Page => {
  const bound = (rows.at(-1)?.lastPosition ?? cursor.bound - 1) + 1;
  const remaining = cursor.remaining - countEvents(rows);
  return { frames: rows.map((row) => row.frames), cursor: { bound, remaining, isAtBoundary: true } };
};

const takeEvents = (rows: readonly StoredAppend[], cursor: Cursor, request: ReadRequest): Page => {
  const isForwards = request.direction === 'forwards';
  const frames: Buffer[] = [];
  let bound = cursor.bound;
  for (const { frame, event } of eventsIn(rows, isForwards)) {
    if (isForwards ? event.position < cursor.bound : event.position >= cursor.bound) continue;
    bound = isForwards ? event.position + 1 : event.position;
    if (isWanted(event, request.filter)) frames.push(frame);
    if (frames.length === cursor.remaining) break;
  }
  return { frames, cursor: { bound, remaining: cursor.remaining - frames.length, isAtBoundary: true } };
};

/** Whether a filter lets an event through. */
export const isWanted = (event: RecordedEvent, filter: EventFilter | undefined): boolean =>
  filter === undefined || filter.accepts(filter.subject === 'streamName' ? event.streamName : event.type);

type FramedEvent = { readonly frame: Buffer; readonly event: RecordedEvent };

function* eventsIn(rows: readonly StoredAppend[], isForwards: boolean): Generator<FramedEvent, void> {
  for (const row of rows) {
    const frames = splitFrames(row.frames);
    for (const frame of isForwards ? frames : frames.reverse()) yield { frame, event: decodeFrame(frame) };
  }
}

const firstBound = ({ start, direction }: ReadRequest): number => {
  const isForwards = direction === 'forwards';
  if (start === 'start') return isForwards ? 1 : 0;
  if (start === 'end') return isForwards ? 0 : Number.MAX_SAFE_INTEGER;
  return isForwards ? Math.max(1, start) : start;
};
