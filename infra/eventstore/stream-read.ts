/** A bounded read of one stream, page by page, in either direction. */
import { decodeFrame, splitFrames } from './event-frame.ts';
import { type EventSources, frameProjection, PageSize, projectFrames } from './event-page.ts';
import type { StoredAppend } from './event-storage.ts';
import type { ReadRequest } from './read-codec.ts';
import { firstVisibleRevision, type StreamState } from './stream-states.ts';

/** The revisions and the age that a read may see. */
type Visible = { readonly from: number; readonly to: number; readonly createdFromMs: number };

/** Yields framed events ready to send. */
export function* readStreamPages(
  sources: EventSources,
  state: StreamState,
  request: ReadRequest,
  limit: number,
): Generator<Buffer, void> {
  const projection = frameProjection(sources, request);
  const pageSize = new PageSize();
  const isForwards = request.direction === 'forwards';
  let visible = visibleRange(state, request);
  let remaining = limit;
  while (remaining > 0 && visible.from <= visible.to) {
    const from = isForwards ? visible.from : visible.to;
    const rowLimit = Math.min(pageSize.rowCount, remaining);
    const rows = sources.storage.readStream(state.streamKey, { direction: request.direction, from, limit: rowLimit });
    if (rows.length === 0) return;
    pageSize.adapt(rows);
    const chosen: Buffer[] = [];
    for (const row of rows) {
      const frames = framesIn(row, visible, isForwards).slice(0, remaining);
      remaining -= frames.length;
      chosen.push(...frames);
    }
    visible = beyond(rows, visible, isForwards);
    if (chosen.length > 0) yield projectFrames(Buffer.concat(chosen), projection);
  }
}

const visibleRange = (state: StreamState, request: ReadRequest): Visible => {
  const first = firstVisibleRevision(state);
  const last = state.lastRevision;
  const createdFromMs = Date.now() - state.metadata.maxAgeMs;
  const { start } = request;
  if (request.direction === 'forwards') {
    const from = start === 'start' ? 0 : start === 'end' ? last + 1 : start;
    return { from: Math.max(first, from), to: last, createdFromMs };
  }
  const to = start === 'start' ? 0 : start === 'end' ? last : Math.min(start, last);
  return { from: first, to, createdFromMs };
};

/** The visible events of an append, in reading order. */
const framesIn = (row: StoredAppend, visible: Visible, isForwards: boolean): Buffer[] => {
  const frames = splitFrames(row.frames);
  const firstRevision = row.lastRevision - frames.length + 1;
  const start = Math.max(0, visible.from - firstRevision);
  let chosen = frames.slice(start, visible.to - firstRevision + 1);
  if (visible.createdFromMs > 0) {
    chosen = chosen.filter((frame) => decodeFrame(frame).createdAtMs >= visible.createdFromMs);
  }
  return isForwards ? chosen : chosen.reverse();
};

const beyond = (rows: readonly StoredAppend[], visible: Visible, isForwards: boolean): Visible => {
  const last = rows.at(-1) as StoredAppend; // The caller has seen that there is one.
  if (isForwards) return { ...visible, from: last.lastRevision + 1 };
  return { ...visible, to: last.lastRevision - splitFrames(last.frames).length };
};
