/**
 * The journal in memory: one store, any number of connections to it.
 *
 * M1 An append takes effect in one call of `schedule` and is answered in a later one.
 * M2 While the store is away nothing takes effect; an answer that falls into that time is lost, and the append repeated.
 */
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type {
  AppendOptions,
  AppendResult,
  ExpectedRevision,
  Journal,
  NewEvent,
  ReadOptions,
  RecordedEvent,
  SubscribeAllOptions,
  SubscriptionItem,
} from './journal.port.ts';
import { MemoryEventStreams, type PreparedEvent } from './memory-event-streams.ts';
import { appendSizeBytes, appendTooLarge, writeEventTexts } from './prepare-events.ts';

export type MemoryStoreOptions = {
  clock: Clock;
  /** Calls back later, once. Default: `setImmediate`. */
  schedule?: (callback: () => void) => void;
  /** Default 1,048,576, as in EventStoreDB. */
  appendSizeBytesMax?: number;
};

export type MemoryConnectOptions = {
  /** Default 30,000. */
  appendDeadlineMs?: number;
  /** Default 10,000. */
  appendQueueLengthMax?: number;
};

export type MemoryStore = {
  connect(options?: MemoryConnectOptions): Journal;
  setAway(isAway: boolean): void;
  /** The next answers to appends are lost after the events were written. */
  loseAnswers(count: number): void;
  streamNames(): string[];
  /** All events of a stream, at once. */
  eventsOf(stream: string): RecordedEvent[];
};

/** What all connections to one store share. */
type Store = Required<MemoryStoreOptions> & {
  streams: MemoryEventStreams;
  fault: { isAway: boolean; answersToLose: number };
};

type PendingAppend = {
  apply: () => AppendResult;
  resolve: (result: AppendResult) => void;
  reject: (fault: AppError) => void;
};

const repeatDelayMs = 50;
const checkpointIntervalEvents = 32;

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const store: Store = {
    clock: options.clock,
    schedule: options.schedule ?? ((callback) => void setImmediate(callback)),
    appendSizeBytesMax: options.appendSizeBytesMax ?? 1_048_576,
    streams: new MemoryEventStreams(),
    fault: { isAway: false, answersToLose: 0 },
  };
  return {
    connect: (connectOptions) => new MemoryJournal(store, connectOptions ?? {}),
    setAway: (isAway) => {
      store.fault.isAway = isAway;
      store.streams.wake();
    },
    loseAnswers: (count) => {
      store.fault.answersToLose = count;
    },
    streamNames: () => store.streams.streamNames(),
    eventsOf: (stream) => store.streams.eventsOf(stream),
  };
}

/** One connection to a store of its own. */
export function createMemoryJournal(options: MemoryStoreOptions & MemoryConnectOptions): Journal {
  return createMemoryStore(options).connect(options);
}

class MemoryJournal implements Journal {
  private readonly store: Store;
  private readonly appendDeadlineMs: number;
  private readonly appendQueueLengthMax: number;
  private readonly pending = new Set<PendingAppend>();
  private readonly stopping = new AbortController();
  private onIdle: (() => void) | undefined;

  constructor(store: Store, options: MemoryConnectOptions) {
    this.store = store;
    this.appendDeadlineMs = options.appendDeadlineMs ?? 30_000;
    this.appendQueueLengthMax = options.appendQueueLengthMax ?? 10_000;
  }

  async append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
    options: AppendOptions = {},
  ): Promise<AppendResult> {
    const prepared = this.prepare(stream, events);
    if (this.stopping.signal.aborted) throw unavailable(stream, 'the journal was stopped');
    if (this.pending.size >= this.appendQueueLengthMax) throw overloaded(this.appendQueueLengthMax);
    return new Promise((resolve, reject) => {
      const { clock, streams } = this.store;
      const append: PendingAppend = {
        apply: () => streams.append(stream, expected, prepared, clock.now()),
        resolve: (result) => settle(() => resolve(result)),
        reject: (fault) => settle(() => reject(fault)),
      };
      const settle = (conclude: () => void): void => {
        deadline.cancel();
        options.signal?.removeEventListener('abort', abort);
        if (!this.pending.delete(append)) return;
        conclude();
        if (this.pending.size === 0) this.onIdle?.();
      };
      const abort = (): void => append.reject(unavailable(stream, 'the caller aborted it'));
      const expire = (): void => append.reject(unavailable(stream, 'its deadline has passed'));
      const deadline = clock.after(options.deadlineMs ?? this.appendDeadlineMs, expire);
      this.pending.add(append);
      options.signal?.addEventListener('abort', abort);
      if (options.signal?.aborted) abort();
      else this.attempt(append);
    });
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncGenerator<RecordedEvent> {
    const { streams } = this.store;
    const step = options.direction === 'backwards' ? -1 : 1;
    await this.untilStoreAnswers(stream, options.signal);
    let revision = step > 0 ? (options.from ?? 0) : Math.min(options.from ?? Infinity, streams.lastRevision(stream));
    for (let count = 0; count < (options.limit ?? Infinity); count += 1) {
      if (count > 0 && this.store.fault.isAway) await this.untilStoreAnswers(stream, options.signal);
      const event = streams.eventAt(stream, revision);
      if (event === undefined) return;
      yield event;
      revision += step;
    }
  }

  async *subscribeAll(options: SubscribeAllOptions): AsyncGenerator<SubscriptionItem> {
    const { streams, fault } = this.store;
    const signal = AbortSignal.any([options.signal, this.stopping.signal]);
    let index = streams.indexAfter(options.after);
    let unsaidCount = 0;
    let isLive = false;
    while (!signal.aborted) {
      if (fault.isAway || (isLive && index === streams.eventCount)) {
        isLive &&= !fault.isAway;
        await streams.nextWrite(signal);
        await this.turn();
      } else if (index < streams.eventCount) {
        const event = streams.filteredAt(index, options.filter);
        index += 1;
        unsaidCount = event === undefined ? unsaidCount + 1 : 0;
        if (event !== undefined) yield { kind: 'event', event };
        if (unsaidCount < checkpointIntervalEvents) continue;
        unsaidCount = 0;
        yield { kind: 'checkpoint', position: streams.positionAt(index - 1) };
      } else {
        if (unsaidCount > 0) yield { kind: 'checkpoint', position: streams.positionAt(index - 1) };
        unsaidCount = 0;
        isLive = true;
        yield { kind: 'caughtUp' };
      }
    }
  }

  status(): 'connected' | 'away' {
    return this.store.fault.isAway || this.stopping.signal.aborted ? 'away' : 'connected';
  }

  async stop(deadlineMs: number): Promise<void> {
    this.stopping.abort();
    if (this.pending.size === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = this.store.clock.after(deadlineMs, resolve);
      this.onIdle = () => {
        deadline.cancel();
        resolve();
      };
    });
    for (const append of this.pending) append.reject(unavailable('', 'the journal was stopped'));
  }

  private prepare(stream: string, events: readonly NewEvent[]): PreparedEvent[] {
    let sizeBytes = 0;
    const prepared = events.map((event) => {
      const texts = writeEventTexts(event);
      sizeBytes += appendSizeBytes(event, texts);
      return { id: event.id, type: event.type, ...texts };
    });
    const maxBytes = this.store.appendSizeBytesMax;
    if (sizeBytes > maxBytes) throw appendTooLarge(stream, { foundBytes: sizeBytes, maxBytes });
    return prepared;
  }

  private attempt(append: PendingAppend): void {
    const { schedule, fault, clock } = this.store;
    const repeatLater = (): void => void clock.after(repeatDelayMs, () => this.attempt(append));
    schedule(() => {
      if (!this.pending.has(append)) return;
      if (fault.isAway) return repeatLater();
      const result = append.apply();
      schedule(() => {
        if (fault.isAway) return repeatLater();
        if (fault.answersToLose === 0) return append.resolve(result);
        fault.answersToLose -= 1;
        repeatLater();
      });
    });
  }

  private async untilStoreAnswers(stream: string, signal: AbortSignal | undefined): Promise<void> {
    await this.turn();
    while (this.store.fault.isAway && !this.stopping.signal.aborted && !signal?.aborted) {
      await this.store.streams.nextWrite(signal);
    }
    if (this.stopping.signal.aborted) throw unavailable(stream, 'the journal was stopped');
    if (signal?.aborted) throw unavailable(stream, 'the caller aborted it');
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.store.schedule(resolve));
  }
}

function unavailable(stream: string, reason: string): AppError {
  return new AppError('JOURNAL_UNAVAILABLE', `The stream "${stream}" could not be reached: ${reason}.`, {
    details: { stream },
  });
}

function overloaded(queueLengthMax: number): AppError {
  return new AppError('OVERLOADED', `${queueLengthMax} appends wait for the event store; try again later.`, {
    details: { appendQueueLengthMax: queueLengthMax },
  });
}
