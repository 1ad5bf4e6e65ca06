/** Requests and answers of Append and BatchAppend, from their field numbers. */
import { type AppendOutcome, type AppendRejection, MAX_APPEND_SIZE_BYTES } from './append-outcome.ts';
import type { ProposedEvent } from './event-frame.ts';
import { frameMessage } from './event-frame.ts';
import { decodeUuid } from './event-uuid.ts';
import {
  delimitedField,
  EMPTY_BYTES,
  varintField,
  varintSizeBytes,
  WireFormatError,
  WireReader,
  writeVarint,
} from './proto-wire.ts';
import { decodeStreamTarget, type ExpectedRevision, type StreamTarget } from './stream-target.ts';

/** A proposal as received: what is missing stays undefined, the writer judges it. */
export type ReceivedEvent = { readonly [Key in keyof ProposedEvent]: ProposedEvent[Key] | undefined };

export type AppendMessage =
  | { readonly kind: 'options'; readonly target: StreamTarget }
  | { readonly kind: 'event'; readonly event: ReceivedEvent };

export type BatchAppendMessage = {
  /** The UUID message as sent, echoed in the answer. */
  readonly correlation: Buffer;
  readonly target: StreamTarget | undefined;
  readonly events: ReceivedEvent[];
  readonly isFinal: boolean;
};

const CODE = { unknown: 2, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, alreadyExists: 6 } as const;
const ANY_TYPE_PREFIX = 'type.googleapis.com/event_store.client.';

/** AppendReq{1 options | 2 proposed_message}. */
export const decodeAppendRequest = (bytes: Buffer): AppendMessage => {
  const reader = new WireReader(bytes);
  let message: AppendMessage | undefined;
  while (reader.next()) {
    if (reader.field === 1) message = { kind: 'options', target: decodeStreamTarget(reader.message(), Date.now()) };
    else if (reader.field === 2) message = { kind: 'event', event: decodeProposal(reader.message()) };
    else reader.skip();
  }
  if (message === undefined) throw new WireFormatError('an append message has neither options nor an event');
  return message;
};

/** BatchAppendReq{1 correlation_id, 2 options, 3 proposed_messages, 4 is_final}. */
export const decodeBatchAppendRequest = (bytes: Buffer): BatchAppendMessage => {
  const reader = new WireReader(bytes);
  let correlation = EMPTY_BYTES;
  let target: StreamTarget | undefined;
  let isFinal = false;
  const events: ReceivedEvent[] = [];
  while (reader.next()) {
    if (reader.field === 1) correlation = reader.delimited();
    else if (reader.field === 2) target = decodeStreamTarget(reader.message(), Date.now());
    else if (reader.field === 3) events.push(decodeProposal(reader.message()));
    else if (reader.field === 4) isFinal = reader.uint() !== 0;
    else reader.skip();
  }
  return { correlation, target, events, isFinal };
};

/** The framed AppendResp of a success or a wrong expected version; other rejections travel as gRPC statuses. */
export const encodeAppendResponse = (
  outcome: Extract<AppendOutcome, { kind: 'written' | 'wrongExpectedVersion' }>,
  expected: ExpectedRevision,
): Buffer => {
  if (outcome.kind === 'written') return frameMessage(delimitedField(1, encodeSuccess(outcome)));
  const current = outcome.current === undefined ? delimitedField(7, EMPTY_BYTES) : varintField(6, outcome.current);
  const expectation = encodeExpectation(expected, { position: 8, any: 9, exists: 10, noStream: 11 });
  return frameMessage(delimitedField(2, Buffer.concat([current, expectation])));
};

/** The framed BatchAppendResp of any outcome. */
export const encodeBatchAppendResponse = (
  correlation: Buffer,
  target: Pick<StreamTarget, 'streamName' | 'expected'>,
  outcome: AppendOutcome,
): Buffer => {
  if (outcome.kind === 'written') return encodeBatchSuccess(correlation, outcome);
  const identifier = delimitedField(4, delimitedField(3, target.streamName));
  const error = delimitedField(2, encodeStatus(outcome, target));
  return frameMessage(Buffer.concat([delimitedField(1, correlation), error, identifier]));
};

type Written = Extract<AppendOutcome, { kind: 'written' }>;

const decodeProposal = (message: WireReader): ReceivedEvent => {
  let id: string | undefined;
  let type: Buffer | undefined;
  let contentType: Buffer | undefined;
  let customMetadata = EMPTY_BYTES;
  let data = EMPTY_BYTES;
  while (message.next()) {
    if (message.field === 1) id = decodeUuid(message.message());
    else if (message.field === 2) {
      const [key, value] = decodeMapEntry(message.message());
      if (key === 'type') type = value;
      else if (key === 'content-type') contentType = value;
    } else if (message.field === 3) customMetadata = message.delimited();
    else if (message.field === 4) data = message.delimited();
    else message.skip();
  }
  return { id, type, contentType, customMetadata, data };
};

const decodeMapEntry = (entry: WireReader): [string, Buffer] => {
  let key = '';
  let value = EMPTY_BYTES;
  while (entry.next()) {
    if (entry.field === 1) key = entry.text();
    else if (entry.field === 2) value = entry.delimited();
    else entry.skip();
  }
  return [key, value];
};

const encodeSuccess = (outcome: Written): Buffer => {
  const revision = outcome.lastRevision < 0 ? delimitedField(2, EMPTY_BYTES) : varintField(1, outcome.lastRevision);
  if (outcome.lastPosition === undefined) return Buffer.concat([revision, delimitedField(4, EMPTY_BYTES)]);
  const position = Buffer.concat([varintField(1, outcome.lastPosition), varintField(2, outcome.lastPosition)]);
  return Buffer.concat([revision, delimitedField(3, position)]);
};

/** The answer to nearly every append, therefore written into one buffer instead of being put together. */
const encodeBatchSuccess = (correlation: Buffer, outcome: Written): Buffer => {
  if (outcome.lastRevision < 0 || outcome.lastPosition === undefined) {
    return frameMessage(Buffer.concat([delimitedField(1, correlation), delimitedField(3, encodeSuccess(outcome))]));
  }
  const positionSize = 2 * (1 + varintSizeBytes(outcome.lastPosition));
  const successSize = 1 + varintSizeBytes(outcome.lastRevision) + 2 + positionSize;
  const messageSize = 1 + varintSizeBytes(correlation.length) + correlation.length + 2 + successSize;
  const frame = Buffer.allocUnsafe(5 + messageSize);
  frame[0] = 0;
  frame.writeUInt32BE(messageSize, 1);
  frame[5] = 0x0a;
  let offset = writeVarint(frame, 6, correlation.length);
  offset += correlation.copy(frame, offset);
  frame[offset++] = 0x1a;
  frame[offset++] = successSize;
  frame[offset++] = 0x08;
  offset = writeVarint(frame, offset, outcome.lastRevision);
  frame[offset++] = 0x1a;
  frame[offset++] = positionSize;
  frame[offset++] = 0x08;
  offset = writeVarint(frame, offset, outcome.lastPosition);
  frame[offset++] = 0x10;
  writeVarint(frame, offset, outcome.lastPosition);
  return frame;
};

/** google.rpc.Status{1 code, 2 message, 3 details} with one Any{1 type_url, 2 value}. */
const encodeStatus = (rejection: AppendRejection, target: Pick<StreamTarget, 'streamName' | 'expected'>): Buffer => {
  const { code, text, type, value } = statusParts(rejection, target);
  const any = Buffer.concat([delimitedField(1, ANY_TYPE_PREFIX + type), delimitedField(2, value)]);
  return Buffer.concat([varintField(1, code), delimitedField(2, text), delimitedField(3, any)]);
};

type StatusParts = { readonly code: number; readonly text: string; readonly type: string; readonly value: Buffer };

const statusParts = (
  rejection: AppendRejection,
  target: Pick<StreamTarget, 'streamName' | 'expected'>,
): StatusParts => {
  switch (rejection.kind) {
    case 'wrongExpectedVersion': {
      const current =
        rejection.current === undefined ? delimitedField(2, EMPTY_BYTES) : varintField(1, rejection.current);
      const expectation = encodeExpectation(target.expected, { position: 3, any: 4, exists: 5, noStream: 6 });
      const value = Buffer.concat([current, expectation]);
      return { code: CODE.alreadyExists, text: 'WrongExpectedVersion', type: 'WrongExpectedVersion', value };
    }
    case 'streamDeleted': {
      const value = delimitedField(1, delimitedField(3, rejection.streamName));
      return { code: CODE.notFound, text: 'StreamDeleted', type: 'StreamDeleted', value };
    }
    case 'appendTooLarge': {
      const value = varintField(1, MAX_APPEND_SIZE_BYTES);
      const type = 'MaximumAppendSizeExceeded';
      return { code: CODE.invalidArgument, text: type, type, value };
    }
    case 'timedOut':
      return { code: CODE.deadlineExceeded, text: 'Timeout', type: 'Timeout', value: EMPTY_BYTES };
    case 'invalidEvent':
    case 'missingMetadata':
      return { code: CODE.invalidArgument, text: rejection.reason, type: 'BadRequest', value: EMPTY_BYTES };
  }
};

type ExpectationFields = Readonly<Record<'position' | 'any' | 'exists' | 'noStream', number>>;

const encodeExpectation = (expected: ExpectedRevision, fields: ExpectationFields): Buffer => {
  if (typeof expected === 'number') return varintField(fields.position, Math.min(expected, Number.MAX_SAFE_INTEGER));
  if (expected === 'any') return delimitedField(fields.any, EMPTY_BYTES);
  if (expected === 'stream_exists') return delimitedField(fields.exists, EMPTY_BYTES);
  return delimitedField(fields.noStream, EMPTY_BYTES);
};
