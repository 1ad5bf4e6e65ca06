/** The outcome of a call: a gRPC status with the trailers from which the client builds its typed error. */
import type { AppendRejection } from './append-outcome.ts';
import { MAX_APPEND_SIZE_BYTES } from './append-outcome.ts';
import type { ExpectedRevision } from './stream-target.ts';

export const GRPC_CODE = {
  ok: 0,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

export type GrpcStatus = {
  readonly code: number;
  readonly message: string;
  readonly trailers?: Readonly<Record<string, string>>;
};

export const STATUS_OK: GrpcStatus = { code: GRPC_CODE.ok, message: '' };

export const unavailable = (message: string): GrpcStatus => ({ code: GRPC_CODE.unavailable, message });
export const invalidArgument = (message: string): GrpcStatus => ({ code: GRPC_CODE.invalidArgument, message });

export const streamDeletedStatus = (streamName: string): GrpcStatus => ({
  code: GRPC_CODE.failedPrecondition,
  message: `The stream "${streamName}" is deleted for good.`,
  trailers: { exception: 'stream-deleted', 'stream-name': trailerText(streamName) },
});

/** The status for a write that was refused; `target` is what the caller asked for. */
export const statusOfRejection = (
  rejection: AppendRejection,
  target: { readonly streamName: string; readonly expected: ExpectedRevision },
): GrpcStatus => {
  switch (rejection.kind) {
    case 'streamDeleted':
      return streamDeletedStatus(rejection.streamName);
    case 'wrongExpectedVersion':
      return wrongVersionStatus(rejection.current, target);
    case 'appendTooLarge':
      return {
        code: GRPC_CODE.invalidArgument,
        message: `The append exceeds ${MAX_APPEND_SIZE_BYTES} bytes.`,
        trailers: {
          exception: 'maximum-append-size-exceeded',
          'maximum-append-size': String(MAX_APPEND_SIZE_BYTES),
        },
      };
    case 'missingMetadata':
      return {
        code: GRPC_CODE.invalidArgument,
        message: rejection.reason,
        trailers: {
          exception: 'missing-required-metadata-property',
          'required-metadata-properties': 'type,content-type',
        },
      };
    case 'timedOut':
      return { code: GRPC_CODE.deadlineExceeded, message: 'The deadline passed before the write began.' };
    case 'invalidEvent':
      return invalidArgument(rejection.reason);
  }
};

const EXPECTED_CODES = { no_stream: '-1', any: '-2', stream_exists: '-4' } as const;

const wrongVersionStatus = (
  current: number | undefined,
  target: { readonly streamName: string; readonly expected: ExpectedRevision },
): GrpcStatus => {
  const { streamName, expected } = target;
  const expectedText = typeof expected === 'number' ? BigInt(expected).toString() : EXPECTED_CODES[expected];
  return {
    code: GRPC_CODE.failedPrecondition,
    message: `The stream "${streamName}" is at ${current ?? 'no stream'}, not at ${expectedText}.`,
    trailers: {
      exception: 'wrong-expected-version',
      'stream-name': trailerText(streamName),
      'expected-version': expectedText,
      'actual-version': current === undefined ? '' : String(current),
    },
  };
};

/** Trailer values are printable ASCII; anything else is percent-encoded. */
const trailerText = (text: string): string =>
  text.replace(/[^\x20-\x7e]/gu, (character) => encodeURIComponent(character));

/** `grpc-message` is percent-encoded, the percent sign included. */
export const encodeStatusMessage = (message: string): string =>
  message.replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));
