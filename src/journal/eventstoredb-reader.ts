/**
 * Reads and subscriptions, over a connection apart from that of the appends, so that neither breaks the other.
 *
 * R1 At most `readCountMax` reads run at once; others wait for their turn.
 * R2 A read goes on after the last event that it gave, a subscription after the last event or checkpoint.
 * R3 The end of a call is the end of the stream only while its client is in use: a client that is replaced ends its calls as if
 *    there were no more, and who took that for the end would fold half a run.
 */
import { setMaxListeners } from 'node:events';
import {
  type AllStreamSubscription,
  BACKWARDS,
  END,
  type EventStoreDBClient,
  eventTypeFilter,
  type Filter,
  FORWARDS,
  type Position,
  START,
  streamNameFilter,
} from '@eventstore/db-client';
import type { Clock } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';
import { StoreCall } from './eventstoredb-call.ts';
import { StoreConnection } from './eventstoredb-connection.ts';
import { type StoredEvent, toJournalPosition, toRecordedEvent, toStorePosition } from './eventstoredb-events.ts';
import { isStreamMissing, journalUnavailable, kindOfFault } from './eventstoredb-faults.ts';
import type {
  AllFilter,
  JournalPosition,
  ReadOptions,
  RecordedEvent,
  SubscribeAllOptions,
  SubscriptionItem,
} from './journal.port.ts';
import { Turns } from './turns.ts';
import { linkSignals, retryDelayMs, wait } from './waits.ts';

export type ReaderOptions = {
  connectionString: string;
  /** Longest silence of the store while a read waits for it. */
  attemptTimeoutMs: number;
  /** A read fails that got nothing for this long. */
  deadlineMs: number;
  clock: Clock;
  log: Log;
};

/** Where a read is: changed with each event that it gives (R2). */
type ReadPlace = {
  stream: string;
  isBackwards: boolean;
  from: number | undefined;
  remainingCount: number;
  signal: AbortSignal;
  /** The call under way, and whose it is (R3). */
  call: StoreCall<ResolvedEvent> | undefined;
  client: EventStoreDBClient | undefined;
  attempt: number;
  servedAt: number;
};

type SubscribePlace = { after: JournalPosition | undefined; filter: AllFilter; signal: AbortSignal };

type ResolvedEvent = { event?: StoredEvent };
type Note = Exclude<SubscriptionItem, { kind: 'event' }>;

const readCountMax = 64;
const faultsInARowMax = 5;
/** A checkpoint after each 8 * 32 events at the latest, passed by the filter or not. */
const checkpointIntervalCount = 8;

export class EventStoreDbReader {
  private readonly options: ReaderOptions;
  private readonly connection: StoreConnection;
  private readonly turns = new Turns(readCountMax);
  private readonly stopping = new AbortController();
  private faultsInARow = 0;

  constructor(options: ReaderOptions) {
    this.options = options;
    this.connection = new StoreConnection(options);
    setMaxListeners(0, this.stopping.signal);
  }

  async *read(stream: string, options: ReadOptions): AsyncGenerator<RecordedEvent> {
    const { signal, unlink } = linkSignals(this.stopping.signal, options.signal);
    const giveBack = await this.turns.take();
    const place: ReadPlace = {
      stream,
      isBackwards: options.direction === 'backwards',
      from: options.from,
      remainingCount: options.limit ?? Number.MAX_SAFE_INTEGER,
      signal,
      call: undefined,
      client: undefined,
      attempt: 1,
      servedAt: this.options.clock.now(),
    };
    try {
      for (let events = await this.next(place); events.length > 0; events = await this.next(place)) {
        for (const event of events) yield event;
      }
    } finally {
      place.call?.leave();
      giveBack();
      unlink();
    }
  }

  async *subscribeAll(options: SubscribeAllOptions): AsyncGenerator<SubscriptionItem> {
    const { signal, unlink } = linkSignals(this.stopping.signal, options.signal);
    const place: SubscribePlace = { after: options.after, filter: options.filter, signal };
    try {
      for (let attempt = 1; !signal.aborted; attempt += 1) {
        try {
          for await (const item of this.subscribeOnce(place)) {
            attempt = 0;
            yield item;
          }
        } catch (fault) {
          if (kindOfFault(fault) === 'refused') throw journalUnavailable('it refuses the subscription', '$all', fault);
          await this.recover({ attempt, fault, signal });
        }
      }
    } finally {
      unlink();
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.connection.end();
  }

  /** The events that have come, at least one; none at the end. A call that failed is made again from there (R2). */
  private async next(place: ReadPlace): Promise<RecordedEvent[]> {
    const { clock, deadlineMs } = this.options;
    while (place.remainingCount > 0) {
      if (place.signal.aborted) throw journalUnavailable('the read was aborted', place.stream);
      try {
        const events = await this.arrived(place);
        if (events.length === 0 && place.signal.aborted) continue;
        place.attempt = 0;
        place.servedAt = clock.now();
        return events;
      } catch (fault) {
        if (isStreamMissing(fault)) return [];
        const isLate = clock.now() - place.servedAt >= deadlineMs;
        if (isLate || kindOfFault(fault) === 'refused') throw journalUnavailable(String(fault), place.stream, fault);
        place.call?.leave();
        place.call = undefined;
        await this.recover({ attempt: place.attempt, fault, signal: place.signal });
        place.attempt += 1;
      }
    }
    return [];
  }

  private async arrived(place: ReadPlace): Promise<RecordedEvent[]> {
    const { clock, attemptTimeoutMs } = this.options;
    const step = place.isBackwards ? -1 : 1;
    place.call ??= this.openRead(place);
    const { call, signal } = place;
    const events: RecordedEvent[] = [];
    while (!signal.aborted) {
      for (let taken = call.take(); taken !== undefined; taken = call.take()) {
        if (!('item' in taken) || taken.item.event === undefined) continue;
        const event = toRecordedEvent(taken.item.event);
        place.from = event.revision + step;
        place.remainingCount = place.from < 0 ? 0 : place.remainingCount - 1;
        events.push(event);
      }
      if (events.length > 0) {
        this.faultsInARow = 0;
        break;
      }
      if (await call.more({ clock, signal, silenceMaxMs: attemptTimeoutMs })) continue;
      if (place.client !== this.connection.client) throw new Error('the client of the read was replaced'); // R3.
      break;
    }
    return events;
  }

  private openRead(place: ReadPlace): StoreCall<ResolvedEvent> {
    const { stream, isBackwards, from, remainingCount } = place;
    const { client } = this.connection;
    place.client = client;
    return new StoreCall(
      client.readStream(stream, {
        direction: isBackwards ? BACKWARDS : FORWARDS,
        fromRevision: from === undefined ? (isBackwards ? END : START) : BigInt(from),
        maxCount: remainingCount,
        requiresLeader: true,
      }),
    );
  }

  private async *subscribeOnce(place: SubscribePlace): AsyncGenerator<SubscriptionItem> {
    const { clock } = this.options;
    const call = this.openSubscription(place);
    try {
      while (!place.signal.aborted) {
        const taken = call.take();
        if (taken === undefined) {
          const isOpen = await call.more({ clock, signal: place.signal });
          if (!isOpen) throw new Error('the store ended the subscription');
          continue;
        }
        this.faultsInARow = 0;
        const item = 'item' in taken ? toSubscriptionItem(taken.item) : taken.note;
        if (item === undefined) continue;
        place.after = placeAfter(item) ?? place.after;
        yield item;
      }
    } finally {
      call.leave();
    }
  }

  private openSubscription(place: SubscribePlace): StoreCall<ResolvedEvent, Note> {
    let call: StoreCall<ResolvedEvent, Note> | undefined;
    const checkpointReached = (_: unknown, position: Position): void =>
      call?.note({ kind: 'checkpoint', position: toJournalPosition(position) });
    const subscription: AllStreamSubscription = this.connection.client.subscribeToAll({
      fromPosition: place.after === undefined ? START : toStorePosition(place.after),
      filter: toStoreFilter(place.filter, checkpointReached),
    });
    call = new StoreCall(subscription);
    subscription.on('caughtUp', () => call.note({ kind: 'caughtUp' }));
    return call;
  }

  /** A client that fails again and again is replaced; that ends all that runs on it, which recovers in the same way. */
  private async recover(failed: { attempt: number; fault: unknown; signal: AbortSignal }): Promise<void> {
    const { attempt, signal } = failed;
    this.options.log.warn({ attempt, fault: String(failed.fault) }, 'A read of the event store begins again');
    this.faultsInARow += 1;
    if (this.faultsInARow % faultsInARowMax === 0) await this.connection.replaceClient();
    await wait(this.options.clock, retryDelayMs(attempt), signal);
  }
}

function toStoreFilter(filter: AllFilter, checkpointReached: (_: unknown, position: Position) => void): Filter {
  const options = { prefixes: [...filter.prefixes], checkpointInterval: checkpointIntervalCount, checkpointReached };
  return filter.kind === 'streamPrefix' ? streamNameFilter(options) : eventTypeFilter(options);
}

function toSubscriptionItem(resolved: ResolvedEvent): SubscriptionItem | undefined {
  return resolved.event && { kind: 'event', event: toRecordedEvent(resolved.event) };
}

function placeAfter(item: SubscriptionItem): JournalPosition | undefined {
  switch (item.kind) {
    case 'event':
      return item.event.position;
    case 'checkpoint':
      return item.position;
    case 'caughtUp':
      return undefined;
  }
}
