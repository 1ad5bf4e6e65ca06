/**
 * Appends through one client, with time limits and repetition.
 *
 * A1 The client keeps the promises of all appends of the process in one place, and any broken call rejects them all. So
 *    there is one appender in a process, and after a break the next attempt waits until none of before is under way.
 * A2 Every attempt of an append has the same event ids and the same expected revision.
 * A3 Every append is settled at its deadline at the latest. The client itself never gives up.
 * A4 At most `queueLengthMax` appends are unsettled.
 * A5 The client writes `data` as JSON later than it takes it: events must not change after they were handed over.
 */
import type { EventData, EventStoreDBClient } from '@eventstore/db-client';
import type { Clock, Timer } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import { StoreConnection } from './eventstoredb-connection.ts';
import { actualRevision, appendSizeMaxOf, journalUnavailable, kindOfFault } from './eventstoredb-faults.ts';
import type { AppendOptions, AppendResult, ExpectedRevision, JournalStatus, NewEvent } from './journal.port.ts';
import { appendSizeBytes, appendTooLarge, writeEventTexts } from './prepare-events.ts';
import { retryDelayMs, wait, within } from './waits.ts';

export type AppenderOptions = {
  connectionString: string;
  attemptTimeoutMs: number;
  deadlineMs: number;
  queueLengthMax: number;
  clock: Clock;
  log: Log;
};

type AppendCallOptions = NonNullable<Parameters<EventStoreDBClient['appendToStream']>[2]>;

type PendingAppend = {
  stream: string;
  events: EventData[];
  callOptions: AppendCallOptions;
  deadlineAt: number;
  /** 0 while no attempt is under way. */
  attemptStartedAt: number;
  attemptCount: number;
  unknownFaultCount: number;
  lastFault: unknown;
  resolve(result: AppendResult): void;
  reject(fault: AppError): void;
};

/** The store's own limit (1 MiB by default) is its to enforce; beyond this one it would break the shared call. */
const appendSizeBytesHardMax = 15 * 1_048_576;
/** The store gives up earlier by itself. An absolute time goes over the wire: it must outlast the skew of the clocks. */
const callDeadlineMs = 600_000;
const sweepIntervalMs = 50;
const sweepLateMs = 1_000;
const quietWaitMaxMs = 1_000;
const unknownFaultCountMax = 5;

const textEncoder = new TextEncoder();
const callOptionsOfAny = newCallOptions('any');
const callOptionsOfNone = newCallOptions('no_stream');

export class EventStoreDbAppender {
  private readonly options: AppenderOptions;
  private readonly clock: Clock;
  private readonly connection: StoreConnection;
  private readonly pending = new Set<PendingAppend>();
  /** Counts the breaks. Attempts of earlier generations neither count nor break anything. */
  private generation = 0;
  private underWayCount = 0;
  private breaksInARow = 0;
  private isReady = false;
  private sweepTimer: Timer | undefined;
  private sweptAt = 0;
  private stopped: Promise<void> | undefined;
  /** Called when no attempt is under way any more. */
  private onQuiet: () => void = () => undefined;
  /** Called when no append is unsettled any more. */
  private onIdle: () => void = () => undefined;

  constructor(options: AppenderOptions) {
    this.options = options;
    this.clock = options.clock;
    this.connection = new StoreConnection(options);
    // It ends when the store answers or the appender stops, and handles its faults itself.
    void this.becomeReady();
  }

  status(): JournalStatus {
    return this.isReady && this.stopped === undefined ? 'connected' : 'away';
  }

  append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
    options: AppendOptions | undefined,
  ): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      if (this.stopped !== undefined) throw journalUnavailable('the journal was stopped', stream);
      if (options?.signal?.aborted) throw journalUnavailable('the caller aborted it', stream);
      if (this.pending.size >= this.options.queueLengthMax) throw overloaded(this.options.queueLengthMax);
      const append: PendingAppend = {
        stream,
        events: toClientEvents(stream, events),
        callOptions: callOptionsFor(expected),
        deadlineAt: this.clock.now() + (options?.deadlineMs ?? this.options.deadlineMs),
        attemptStartedAt: 0,
        attemptCount: 0,
        unknownFaultCount: 0,
        lastFault: undefined,
        resolve,
        reject,
      };
      if (options?.signal !== undefined) this.heed(options.signal, append);
      this.pending.add(append);
      if (this.sweepTimer === undefined) this.sweepLater();
      if (this.isReady) this.attempt(append);
    });
  }

  /** Idempotent: later calls wait for the first. */
  stop(deadlineMs: number): Promise<void> {
    this.stopped ??= this.finish(deadlineMs);
    return this.stopped;
  }

  private async finish(deadlineMs: number): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.onIdle = resolve;
    });
    if (this.pending.size > 0) await within(this.clock, deadlineMs, idle);
    this.isReady = false;
    for (const append of this.pending) this.fail(append, 'the journal was stopped');
    this.sweepTimer?.cancel();
    await this.connection.end();
  }

  private heed(signal: AbortSignal, append: PendingAppend): void {
    const { resolve, reject } = append;
    const abort = (): void => this.fail(append, 'the caller aborted it');
    append.resolve = (result) => {
      signal.removeEventListener('abort', abort);
      resolve(result);
    };
    append.reject = (fault) => {
      signal.removeEventListener('abort', abort);
      reject(fault);
    };
    signal.addEventListener('abort', abort);
  }

  private attempt(append: PendingAppend): void {
    const { generation } = this;
    append.attemptStartedAt = this.clock.now();
    append.attemptCount += 1;
    this.underWayCount += 1;
    this.connection.client.appendToStream(append.stream, append.events, append.callOptions).then(
      (answer) => {
        this.endAttempt(generation);
        this.breaksInARow = 0;
        this.settle(append, { kind: 'appended', revision: Number(answer.nextExpectedRevision) });
      },
      (fault: unknown) => {
        this.endAttempt(generation);
        this.takeFault(append, fault, generation);
      },
    );
  }

  private endAttempt(generation: number): void {
    if (generation !== this.generation) return;
    this.underWayCount -= 1;
    if (this.underWayCount === 0) this.onQuiet();
  }

  private takeFault(append: PendingAppend, fault: unknown, generation: number): void {
    append.lastFault = fault;
    switch (kindOfFault(fault)) {
      case 'conflict':
        this.settle(append, { kind: 'conflict', actual: actualRevision(fault) });
        break;
      case 'tooLarge':
        this.refuse(append, appendTooLarge(append.stream, { foundBytes: undefined, maxBytes: appendSizeMaxOf(fault) }));
        break;
      case 'refused':
        this.fail(append, 'it refuses the append');
        break;
      case 'unknown':
        append.unknownFaultCount += 1;
        if (append.unknownFaultCount < unknownFaultCountMax) this.repeatLater(append);
        else this.fail(append, 'it fails in an unknown way');
        break;
      case 'busy':
        this.repeatLater(append);
        break;
      case 'notLeader':
      case 'broken':
        this.breakOff(generation, { reason: String(fault), keepClient: true });
        break;
    }
  }

  private settle(append: PendingAppend, result: AppendResult): void {
    if (!this.pending.delete(append)) return;
    append.resolve(result);
    if (this.pending.size === 0) this.onIdle();
  }

  private refuse(append: PendingAppend, fault: AppError): void {
    if (!this.pending.delete(append)) return;
    append.reject(fault);
    if (this.pending.size === 0) this.onIdle();
  }

  private fail(append: PendingAppend, reason: string): void {
    const cause = append.lastFault ?? this.connection.lastFault;
    this.refuse(append, journalUnavailable(reason, append.stream, cause));
  }

  private repeatLater(append: PendingAppend): void {
    append.attemptStartedAt = 0;
    this.clock.after(retryDelayMs(append.attemptCount), () => {
      const isWaiting = this.pending.has(append) && append.attemptStartedAt === 0;
      if (isWaiting && this.isReady) this.attempt(append);
    });
  }

  /** Time limits of all appends in one timer. */
  private sweepLater(): void {
    this.sweptAt = this.clock.now();
    this.sweepTimer = this.clock.after(sweepIntervalMs, () => {
      this.sweepTimer = undefined;
      this.sweep(this.clock.now());
      if (this.pending.size > 0) this.sweepLater();
    });
  }

  private sweep(now: number): void {
    // After a pause of this process, answers that have arrived meanwhile are read first.
    if (now - this.sweptAt > sweepLateMs) return;
    let isSilent = false;
    for (const append of this.pending) {
      const isUnderWay = append.attemptStartedAt > 0;
      if (now >= append.deadlineAt) this.fail(append, 'the deadline of the append has passed');
      else isSilent ||= isUnderWay && now - append.attemptStartedAt >= this.options.attemptTimeoutMs;
    }
    if (isSilent) this.breakOff(this.generation, { reason: 'an append was not answered', keepClient: false });
  }

  /** All attempts under way count as lost; they are repeated once the store answers again (A1, A2). */
  private breakOff(generation: number, options: { reason: string; keepClient: boolean }): void {
    if (generation !== this.generation || !this.isReady) return;
    this.isReady = false;
    this.breaksInARow += 1;
    this.options.log.warn({ reason: options.reason, appendCount: this.pending.size }, 'The event store is away');
    // It ends when the store answers or the appender stops, and handles its faults itself.
    void this.recover(options.keepClient);
  }

  private async recover(keepClient: boolean): Promise<void> {
    if (!keepClient) await this.connection.replaceClient();
    await this.untilQuiet();
    if (keepClient && this.underWayCount > 0) await this.connection.replaceClient();
    this.generation += 1;
    this.underWayCount = 0;
    for (const append of this.pending) append.attemptStartedAt = 0;
    // A client that was kept needs a moment to make its new channel.
    await wait(this.clock, retryDelayMs(this.breaksInARow));
    await this.becomeReady();
  }

  private async becomeReady(): Promise<void> {
    if (!(await this.connection.connect())) return;
    this.isReady = true;
    this.options.log.info({ appendCount: this.pending.size }, 'The event store answers');
    for (const append of this.pending) {
      if (append.attemptStartedAt === 0) this.attempt(append);
    }
  }

  private async untilQuiet(): Promise<void> {
    if (this.underWayCount === 0) return;
    const quiet = new Promise<void>((resolve) => {
      this.onQuiet = resolve;
    });
    await within(this.clock, quietWaitMaxMs, quiet);
  }
}

function newCallOptions(expectedRevision: bigint | 'any' | 'no_stream'): AppendCallOptions {
  return { expectedRevision, requiresLeader: true, deadline: callDeadlineMs };
}

function callOptionsFor(expected: ExpectedRevision): AppendCallOptions {
  if (expected === 'none') return callOptionsOfNone;
  if (expected === 'any') return callOptionsOfAny;
  return newCallOptions(BigInt(expected));
}

/** Everything that could fail inside the client (and would then hang) is tried here. */
function toClientEvents(stream: string, events: readonly NewEvent[]): EventData[] {
  if (events.length === 0) throw new AppError('INTERNAL', `An append to "${stream}" must have at least one event.`);
  let sizeBytes = 0;
  const clientEvents = events.map((event): EventData => {
    const texts = writeEventTexts(event);
    sizeBytes += appendSizeBytes(event, texts);
    const metadata = textEncoder.encode(texts.metadataText);
    // The client's type for data asks for an index signature, which interfaces lack.
    const data = event.data as Record<string, unknown>;
    return { id: event.id, type: event.type, contentType: 'application/json', data, metadata };
  });
  if (sizeBytes <= appendSizeBytesHardMax) return clientEvents;
  throw appendTooLarge(stream, { foundBytes: sizeBytes, maxBytes: appendSizeBytesHardMax });
}

function overloaded(queueLengthMax: number): AppError {
  const message = `${queueLengthMax} appends wait for the event store; try again later.`;
  return new AppError('OVERLOADED', message, { details: { appendQueueLengthMax: queueLengthMax } });
}
