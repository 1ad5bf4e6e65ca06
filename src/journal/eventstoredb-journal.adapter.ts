/** The journal over EventStoreDB, KurrentDB or the embedded node. */
import type { Clock } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';
import { EventStoreDbAppender } from './eventstoredb-appender.ts';
import { guardAgainstClientRejections } from './eventstoredb-faults.ts';
import { EventStoreDbReader } from './eventstoredb-reader.ts';
import type { Journal } from './journal.port.ts';

export type EventStoreDbJournalOptions = {
  /** `esdb://...` */
  connectionString: string;
  /** Longest wait for one answer before an append is repeated with the same ids. */
  appendAttemptTimeoutMs: number;
  /** Longest time of an append in all. A read fails that got nothing for as long. */
  appendDeadlineMs: number;
  /** Most appends that may wait; more are refused as OVERLOADED. */
  appendQueueLengthMax: number;
  clock: Clock;
  log: Log;
};

/**
 * Opens the one journal of this process (the client cannot have two that append). It connects by itself; until then
 * appends and reads wait, and `status` is `away`.
 * @throws AppError BAD_CONFIGURATION when the connection string cannot be read.
 */
export function openEventStoreDbJournal(options: EventStoreDbJournalOptions): Journal {
  const { connectionString, clock, log } = options;
  const attemptTimeoutMs = options.appendAttemptTimeoutMs;
  const deadlineMs = options.appendDeadlineMs;
  const shared = { connectionString, attemptTimeoutMs, deadlineMs, clock, log };
  const appender = new EventStoreDbAppender({ ...shared, queueLengthMax: options.appendQueueLengthMax });
  const reader = new EventStoreDbReader(shared);
  const unguard = guardAgainstClientRejections(log);
  let stopped: Promise<void> | undefined;
  const stop = async (deadlineMs: number): Promise<void> => {
    await Promise.all([appender.stop(deadlineMs), reader.stop()]);
    unguard();
  };
  return {
    append: (stream, expected, events, appendOptions) => appender.append(stream, expected, events, appendOptions),
    read: (stream, readOptions = {}) => reader.read(stream, readOptions),
    subscribeAll: (subscribeOptions) => reader.subscribeAll(subscribeOptions),
    status: () => appender.status(),
    stop: (deadlineMs) => {
      stopped ??= stop(deadlineMs);
      return stopped;
    },
  };
}
