/** A bounded read of $all, page by page, in either direction. Positions: forwards inclusive, backwards exclusive. */

import type { EventFilter } from './event-filter.ts';
import type { RecordedEvent } from './event-frame.ts';
import { decodeFrame, splitFrames } from './event-frame.ts';
import { type EventSources, frameProjection, PageSize, projectFrames } from './event-page.ts';
import type { StoredAppend } from './event-storage.ts';
import type { ReadRequest } from './read-codec.ts';

/** Yields framed events ready to send. */
export function* readAllPages(sources: EventSources, request: ReadRequest, limit: number): Generator<Buffer, void> {
  const projection = frameProjection(sources, request);
  const pageSize = new PageSize();
  const isForwards = request.direction === 'forwards';
  let bound = firstBound(request);
  let remaining = limit;
  while (remaining > 0 && bound > 0) {
    const rowLimit = Math.min(pageSize.rowCount, remaining);
    const rows = sources.storage.readAll({ direction: request.direction, from: bound, limit: rowLimit });
    pageSize.adapt(rows);
    const chosen: Buffer[] = [];
    let nextBound = bound;
    for (const { frame, event } of eventsIn(rows, isForwards)) {
      if (isForwards ? event.position < bound : event.position >= bound) continue;
      nextBound = isForwards ? event.position + 1 : event.position;
      if (isWanted(event, request.filter)) chosen.push(frame);
      if (chosen.length === remaining) break;
    }
    remaining -= chosen.length;
    if (nextBound === bound) return;
    bound = nextBound;
    if (chosen.length > 0) yield projectFrames(Buffer.concat(chosen), projection);
  }
}

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
