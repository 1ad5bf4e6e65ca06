/**
 * The stored form of an event: the very bytes a read answers with, that is a gRPC frame (flag, length) around
 * ReadResp{event: ReadEvent{event: RecordedEvent, commit_position}}. An append stores its frames in one piece, so a
 * read hands pages to the socket without decoding them.
 */
import { encodeStructuredUuid, UUID_TEXT_SIZE_BYTES } from './event-uuid.ts';
import {
  delimitedField,
  delimitedSizeBytes,
  varintField,
  varintSizeBytes,
  WireReader,
  writeVarint,
} from './proto-wire.ts';

/** An event as the client proposes it; the byte fields are slices of the received message. */
export type ProposedEvent = {
  readonly id: string;
  readonly type: Buffer;
  readonly contentType: Buffer;
  readonly customMetadata: Buffer;
  readonly data: Buffer;
};

/** What is the same for all events of an append. */
export type AppendPlace = {
  readonly streamNameBytes: Buffer;
  readonly firstRevision: number;
  readonly createdTicks: string;
};

export type EncodedAppend = { readonly frames: Buffer; readonly lastPosition: number };

/** What the node itself needs to know of a stored event. */
export type RecordedEvent = {
  readonly id: string;
  readonly streamName: string;
  readonly revision: number;
  readonly position: number;
  readonly type: string;
  readonly createdAtMs: number;
  readonly data: Buffer;
};

const GRPC_HEADER_SIZE_BYTES = 5;
/** Positions grow by the payload plus this, so they have gaps and nobody can count with them. */
const POSITION_STEP_MIN = 64;
/** `$streamDeleted` carries the highest revision; a stored one above 2^53 is this one. */
export const TOMBSTONE_REVISION: number = Number.MAX_SAFE_INTEGER;
const TOMBSTONE_VARINT = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
const TICKS_PER_MS = 10_000;
const ID_FIELD_SIZE_BYTES = 2 + 2 + UUID_TEXT_SIZE_BYTES;
const TYPE_KEY = Buffer.from('type');
const CONTENT_TYPE_KEY = Buffer.from('content-type');
const CREATED_KEY = Buffer.from('created');

export const ticksOf = (atMs: number): string => `${atMs}0000`;

/** Encodes the events of one append behind `previousPosition`. */
export const encodeAppend = (
  events: readonly ProposedEvent[],
  place: AppendPlace,
  previousPosition: number,
): EncodedAppend => {
  const sizes: number[] = [];
  const positions: number[] = [];
  let position = previousPosition;
  let totalSizeBytes = 0;
  const created = Buffer.from(place.createdTicks, 'latin1');
  events.forEach((event, index) => {
    position += POSITION_STEP_MIN + event.data.length + event.customMetadata.length;
    const sizeBytes = recordSizeBytes(event, place, created, { position, revision: revisionAt(place, index) });
    positions.push(position);
    sizes.push(sizeBytes);
    totalSizeBytes += frameSizeBytes(sizeBytes, position);
  });
  const frames = Buffer.allocUnsafe(totalSizeBytes);
  let offset = 0;
  events.forEach((event, index) => {
    const at = { position: positions[index] as number, revision: revisionAt(place, index) };
    const recordBytes = sizes[index] as number;
    offset = writeFrameHead(frames, offset, recordBytes, at.position);
    offset = writeRecord(frames, offset, { event, place, created, at });
    frames[offset] = 0x18;
    offset = writeVarint(frames, offset + 1, at.position);
  });
  return { frames, lastPosition: position };
};

/** A gRPC frame around a message. */
export const frameMessage = (message: Buffer): Buffer => {
  const frame = Buffer.allocUnsafe(GRPC_HEADER_SIZE_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, GRPC_HEADER_SIZE_BYTES);
  return frame;
};

/** The offset behind the frame that starts at `offset`. */
const frameEnd = (frames: Buffer, offset: number): number =>
  offset + GRPC_HEADER_SIZE_BYTES + frames.readUInt32BE(offset + 1);

/** The frames of an append, in order, as slices. */
export const splitFrames = (frames: Buffer): Buffer[] => {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < frames.length; ) {
    const end = frameEnd(frames, offset);
    parts.push(frames.subarray(offset, end));
    offset = end;
  }
  return parts;
};

export const countFrames = (frames: Buffer): number => {
  let count = 0;
  for (let offset = 0; offset < frames.length; offset = frameEnd(frames, offset)) count++;
  return count;
};

/** Decodes the event in a single stored frame. */
export const decodeFrame = (frame: Buffer): RecordedEvent => decodeRecord(recordBytesOf(frame));

/** The RecordedEvent message inside a stored frame. */
export const recordBytesOf = (frame: Buffer): Buffer => {
  const response = new WireReader(frame, GRPC_HEADER_SIZE_BYTES, frame.length);
  response.next();
  const readEvent = response.message();
  readEvent.next();
  return readEvent.delimited();
};

/** The frame of a link: the event it points to if there is one, the link itself, and the link's position. */
export const encodeLinkFrame = (
  link: { readonly record: Buffer; readonly position: number },
  target: Buffer | undefined,
): Buffer => {
  const parts = [delimitedField(2, link.record), varintField(3, link.position)];
  if (target !== undefined) parts.unshift(delimitedField(1, target));
  return frameMessage(delimitedField(1, Buffer.concat(parts)));
};

/** The same record with its id in the structured form, for readers that ask for it. */
export const withStructuredId = (record: Buffer): Buffer => {
  const { id } = decodeRecord(record);
  return Buffer.concat([delimitedField(1, encodeStructuredUuid(id)), record.subarray(ID_FIELD_SIZE_BYTES)]);
};

const revisionAt = (place: AppendPlace, index: number): number =>
  place.firstRevision === TOMBSTONE_REVISION ? TOMBSTONE_REVISION : place.firstRevision + index;

const revisionSizeBytes = (revision: number): number =>
  revision === TOMBSTONE_REVISION ? TOMBSTONE_VARINT.length : varintSizeBytes(revision);

type EventPlace = { readonly position: number; readonly revision: number };

const mapEntrySizeBytes = (key: Buffer, value: Buffer): number =>
  delimitedSizeBytes(key.length) + delimitedSizeBytes(value.length);

const optionalSizeBytes = (bytes: Buffer): number => (bytes.length === 0 ? 0 : delimitedSizeBytes(bytes.length));

const recordSizeBytes = (event: ProposedEvent, place: AppendPlace, created: Buffer, at: EventPlace): number =>
  ID_FIELD_SIZE_BYTES +
  delimitedSizeBytes(delimitedSizeBytes(place.streamNameBytes.length)) +
  1 +
  revisionSizeBytes(at.revision) +
  2 * (1 + varintSizeBytes(at.position)) +
  delimitedSizeBytes(mapEntrySizeBytes(TYPE_KEY, event.type)) +
  delimitedSizeBytes(mapEntrySizeBytes(CONTENT_TYPE_KEY, event.contentType)) +
  delimitedSizeBytes(mapEntrySizeBytes(CREATED_KEY, created)) +
  optionalSizeBytes(event.customMetadata) +
  optionalSizeBytes(event.data);

const readEventSizeBytes = (recordBytes: number, position: number): number =>
  delimitedSizeBytes(recordBytes) + 1 + varintSizeBytes(position);

const frameSizeBytes = (recordBytes: number, position: number): number =>
  GRPC_HEADER_SIZE_BYTES + delimitedSizeBytes(readEventSizeBytes(recordBytes, position));

const writeFrameHead = (target: Buffer, offset: number, recordBytes: number, position: number): number => {
  const readEventBytes = readEventSizeBytes(recordBytes, position);
  target[offset] = 0;
  target.writeUInt32BE(delimitedSizeBytes(readEventBytes), offset + 1);
  target[offset + GRPC_HEADER_SIZE_BYTES] = 0x0a;
  const inner = writeVarint(target, offset + GRPC_HEADER_SIZE_BYTES + 1, readEventBytes);
  target[inner] = 0x0a;
  return writeVarint(target, inner + 1, recordBytes);
};

const writeDelimited = (target: Buffer, offset: number, tag: number, bytes: Buffer): number => {
  target[offset] = tag;
  const start = writeVarint(target, offset + 1, bytes.length);
  bytes.copy(target, start);
  return start + bytes.length;
};

const writeMapEntry = (target: Buffer, offset: number, key: Buffer, value: Buffer): number => {
  target[offset] = 0x32;
  const start = writeVarint(target, offset + 1, mapEntrySizeBytes(key, value));
  return writeDelimited(target, writeDelimited(target, start, 0x0a, key), 0x12, value);
};

const writeRevision = (target: Buffer, offset: number, revision: number): number => {
  target[offset] = 0x18;
  if (revision !== TOMBSTONE_REVISION) return writeVarint(target, offset + 1, revision);
  TOMBSTONE_VARINT.copy(target, offset + 1);
  return offset + 1 + TOMBSTONE_VARINT.length;
};

type RecordParts = { event: ProposedEvent; place: AppendPlace; created: Buffer; at: EventPlace };

const writeRecord = (target: Buffer, start: number, { event, place, created, at }: RecordParts): number => {
  target[start] = 0x0a;
  target[start + 1] = UUID_TEXT_SIZE_BYTES + 2;
  target[start + 2] = 0x12;
  target[start + 3] = UUID_TEXT_SIZE_BYTES;
  target.write(event.id, start + 4, UUID_TEXT_SIZE_BYTES, 'latin1');
  target[start + ID_FIELD_SIZE_BYTES] = 0x12;
  const nameSize = delimitedSizeBytes(place.streamNameBytes.length);
  let offset = writeVarint(target, start + ID_FIELD_SIZE_BYTES + 1, nameSize);
  offset = writeDelimited(target, offset, 0x1a, place.streamNameBytes);
  offset = writeRevision(target, offset, at.revision);
  target[offset] = 0x20;
  offset = writeVarint(target, offset + 1, at.position);
  target[offset] = 0x28;
  offset = writeVarint(target, offset + 1, at.position);
  offset = writeMapEntry(target, offset, TYPE_KEY, event.type);
  offset = writeMapEntry(target, offset, CONTENT_TYPE_KEY, event.contentType);
  offset = writeMapEntry(target, offset, CREATED_KEY, created);
  if (event.customMetadata.length > 0) offset = writeDelimited(target, offset, 0x3a, event.customMetadata);
  if (event.data.length > 0) offset = writeDelimited(target, offset, 0x42, event.data);
  return offset;
};

const decodeRecord = (record: Buffer): RecordedEvent => {
  const reader = new WireReader(record);
  const metadata = new Map<string, string>();
  const event = { id: '', streamName: '', revision: 0, position: 0, data: Buffer.alloc(0) as Buffer };
  while (reader.next()) {
    if (reader.field === 1) event.id = innerText(reader.message(), 2);
    else if (reader.field === 2) event.streamName = innerText(reader.message(), 3);
    else if (reader.field === 3) event.revision = Math.min(reader.uint(), TOMBSTONE_REVISION);
    else if (reader.field === 5) event.position = reader.uint();
    else if (reader.field === 6) readMapEntry(reader.message(), metadata);
    else if (reader.field === 8) event.data = reader.delimited();
    else reader.skip();
  }
  return {
    ...event,
    type: metadata.get('type') ?? '',
    createdAtMs: Number(metadata.get('created') ?? 0) / TICKS_PER_MS,
  };
};

const innerText = (message: WireReader, field: number): string => {
  let text = '';
  while (message.next()) {
    if (message.field === field) text = message.text();
    else message.skip();
  }
  return text;
};

const readMapEntry = (entry: WireReader, into: Map<string, string>): void => {
  let key = '';
  let value = '';
  while (entry.next()) {
    if (entry.field === 1) key = entry.text();
    else if (entry.field === 2) value = entry.text();
    else entry.skip();
  }
  into.set(key, value);
};
