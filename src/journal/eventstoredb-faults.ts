/** What the store client's errors mean for us. */
import { ErrorType } from '@eventstore/db-client';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';

/**
 * conflict, tooLarge: an answer. refused: will not get better. busy: the store answered that it could not in time; the
 * connection is sound. notLeader: the client has turned to the leader. broken: the connection or the client's state.
 */
export type StoreFaultKind = 'conflict' | 'tooLarge' | 'refused' | 'busy' | 'notLeader' | 'broken' | 'unknown';

const cancelled = 1;
const deadlineExceeded = 4;
const aborted = 10;
const unavailable = 14;

export function kindOfFault(fault: unknown): StoreFaultKind {
  switch (property(fault, 'type')) {
    case ErrorType.WRONG_EXPECTED_VERSION:
      return 'conflict';
    case ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED:
      return 'tooLarge';
    case ErrorType.ACCESS_DENIED:
    case ErrorType.STREAM_DELETED:
    case ErrorType.INVALID_ARGUMENT:
      return 'refused';
    case ErrorType.NOT_LEADER:
      return 'notLeader';
    case ErrorType.DEADLINE_EXCEEDED:
    case ErrorType.TIMEOUT:
      return 'busy';
    default:
      return kindOfCode(property(fault, 'code'));
  }
}

/** The last revision of the stream that another had; undefined when the stream does not exist. */
export function actualRevision(fault: unknown): number | undefined {
  const actual = property(fault, 'actualVersion');
  return typeof actual === 'bigint' && actual >= 0n ? Number(actual) : undefined;
}

export function appendSizeMaxOf(fault: unknown): number {
  return Number(property(fault, 'maxAppendSize') ?? 0);
}

export function isStreamMissing(fault: unknown): boolean {
  return property(fault, 'type') === ErrorType.STREAM_NOT_FOUND;
}

export function journalUnavailable(reason: string, stream: string, cause?: unknown): AppError {
  const message = `The event store did not serve the stream "${stream}": ${reason}.`;
  return new AppError('JOURNAL_UNAVAILABLE', message, { cause, details: { stream } });
}

/**
 * The client leaves rejected promises behind when its connection breaks under writes (nobody could handle them), and
 * answers that come after such a break throw inside it. Both would end the process; the appends concerned are repeated
 * anyway. Other rejections keep Node's default: they are thrown. Returns how to take the guard off.
 */
export function guardAgainstClientRejections(log: Log): () => void {
  const guard = (reason: unknown): void => {
    if (isOfClient(reason)) {
      log.debug({ reason: String(reason) }, 'The store client left a rejected promise behind');
      return;
    }
    if (process.listenerCount('unhandledRejection') === 1) throw reason;
  };
  process.on('unhandledRejection', guard);
  return () => process.off('unhandledRejection', guard);
}

function kindOfCode(code: unknown): StoreFaultKind {
  if (code === deadlineExceeded || code === aborted) return 'busy';
  return code === cancelled || code === unavailable ? 'broken' : 'unknown';
}

function isOfClient(reason: unknown): boolean {
  const stack = reason instanceof Error ? (reason.stack ?? '') : '';
  return /@eventstore[\\/]db-client|@grpc[\\/]grpc-js/.test(stack);
}

function property(fault: unknown, name: string): unknown {
  return typeof fault === 'object' && fault !== null ? Reflect.get(fault, name) : undefined;
}
