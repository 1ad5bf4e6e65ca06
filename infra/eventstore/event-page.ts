/** Choosing events from stored appends, and turning their frames into what the reader asked for. */
import {
  decodeFrame,
  encodeLinkFrame,
  frameMessage,
  type RecordedEvent,
  recordBytesOf,
  splitFrames,
  withStructuredId,
} from './event-frame.ts';
import type { EventStorage, StoredAppend } from './event-storage.ts';
import { delimitedField, varintField } from './proto-wire.ts';
import type { ReadRequest } from './read-codec.ts';
import { LINK_EVENT_TYPE } from './stream-metadata.ts';
import { firstVisibleRevision, isTombstoned, type StreamStates } from './stream-states.ts';

export type EventSources = { readonly storage: EventStorage; readonly states: StreamStates };

/** Turns a stored frame into the frame to send; undefined when frames go out as they are stored. */
export type FrameProjection = ((frame: Buffer) => Buffer) | undefined;

const ROWS_FIRST = 16;
const ROWS_MAX = 256;
const PAGE_SIZE_BYTES_AIM = 64 * 1024;

/** How many appends to read next: few at first, then as many as make a page of the aimed size. */
export class PageSize {
  rowCount = ROWS_FIRST;

  /** Learns from the page just read. */
  adapt(rows: readonly StoredAppend[]): void {
    let sizeBytes = 0;
    for (const row of rows) sizeBytes += row.frames.length;
    if (sizeBytes > 4 * PAGE_SIZE_BYTES_AIM) this.rowCount = Math.max(1, this.rowCount >> 2);
    else if (sizeBytes < PAGE_SIZE_BYTES_AIM) this.rowCount = Math.min(ROWS_MAX, this.rowCount * 2);
  }
}

export const frameProjection = (
  sources: EventSources,
  request: Pick<ReadRequest, 'resolveLinks' | 'uuidForm'>,
): FrameProjection => {
  const { resolveLinks, uuidForm } = request;
  if (!resolveLinks && uuidForm === 'text') return undefined;
  const inForm = (record: Buffer): Buffer => (uuidForm === 'text' ? record : withStructuredId(record));
  return (frame) => {
    const event = decodeFrame(frame);
    const record = inForm(recordBytesOf(frame));
    if (resolveLinks && event.type === LINK_EVENT_TYPE) {
      const target = linkTarget(sources, event);
      return encodeLinkFrame({ record, position: event.position }, target && inForm(target));
    }
    if (uuidForm === 'text') return frame;
    return frameMessage(delimitedField(1, Buffer.concat([delimitedField(1, record), varintField(3, event.position)])));
  };
};

/** Runs every frame of a page through the projection. */
export const projectFrames = (frames: Buffer, projection: FrameProjection): Buffer =>
  projection === undefined ? frames : Buffer.concat(splitFrames(frames).map(projection));

/** The record a link points to: data is `revision@stream`. Hidden or missing targets give undefined. */
const linkTarget = (sources: EventSources, link: RecordedEvent): Buffer | undefined => {
  const text = link.data.toString('utf8');
  const separator = text.indexOf('@');
  const revision = Number(text.slice(0, separator));
  if (separator < 1 || !Number.isSafeInteger(revision)) return undefined;
  const state = sources.states.of(text.slice(separator + 1));
  if (isTombstoned(state) || revision < firstVisibleRevision(state) || revision > state.lastRevision) return undefined;
  const [row] = sources.storage.readStream(state.streamKey, { direction: 'forwards', from: revision, limit: 1 });
  const frame = row && splitFrames(row.frames).find((candidate) => decodeFrame(candidate).revision === revision);
  return frame && recordBytesOf(frame);
};
