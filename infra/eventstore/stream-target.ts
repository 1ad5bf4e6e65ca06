/** The part that append, batch append, delete and tombstone requests share: which stream, in which state. */
import { WireFormatError, type WireReader } from './proto-wire.ts';

/** What the caller believes of the stream: its last revision, or one of the three named states. */
export type ExpectedRevision = number | 'any' | 'no_stream' | 'stream_exists';

export type StreamTarget = {
  readonly streamName: string;
  readonly expected: ExpectedRevision;
  /** Wall-clock time after which the append may no longer be written. */
  readonly deadlineAtMs: number | undefined;
};

const FIELD = { stream: 1, revision: 2, noStream: 3, any: 4, streamExists: 5, deadline: 6, deadlineAfter: 7 } as const;

export const decodeStreamTarget = (options: WireReader, nowMs: number): StreamTarget => {
  let streamName: string | undefined;
  let expected: ExpectedRevision = 'any';
  let deadlineAtMs: number | undefined;
  while (options.next()) {
    if (options.field === FIELD.stream) streamName = decodeStreamName(options.message());
    else if (options.field === FIELD.revision) expected = options.uint();
    else if (options.field === FIELD.deadline) deadlineAtMs = decodeSpanMs(options.message());
    else if (options.field === FIELD.deadlineAfter) deadlineAtMs = nowMs + decodeSpanMs(options.message());
    else {
      if (options.field === FIELD.noStream) expected = 'no_stream';
      else if (options.field === FIELD.any) expected = 'any';
      else if (options.field === FIELD.streamExists) expected = 'stream_exists';
      options.skip();
    }
  }
  if (streamName === undefined) throw new WireFormatError('the request names no stream');
  return { streamName, expected, deadlineAtMs };
};

/** StreamIdentifier{3 stream_name}. */
export const decodeStreamName = (identifier: WireReader): string => {
  let name = '';
  while (identifier.next()) {
    if (identifier.field === 3) name = identifier.text();
    else identifier.skip();
  }
  return name;
};

/** Timestamp and Duration have the same layout: seconds and nanoseconds. */
const decodeSpanMs = (span: WireReader): number => {
  let seconds = 0;
  let nanos = 0;
  while (span.next()) {
    if (span.field === 1) seconds = Number(span.int64());
    else if (span.field === 2) nanos = Number(span.int64());
    else span.skip();
  }
  return seconds * 1000 + nanos / 1e6;
};
