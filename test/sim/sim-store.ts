/**
 * The event store: the streams of the journal's memory twin behind connections that may be slow, break, or leave the
 * outcome of an append unknown.
 *
 * S1 An append is repeated with the same ids until it is answered or its deadline is over. Any of its tries may arrive,
 *    also after a later try was answered, and also when the process that sent it is dead.
 * S2 A reader may be behind, never wrong: it sees a prefix, in order. A subscription repeats a little after a break; nothing comes
 *    by a former connection any more.
 */
import { AppError } from '../../src/errors/app-error.ts';
import type {
  AllFilter,
  AppendOptions,
  AppendResult,
  ExpectedRevision,
  Journal,
  NewEvent,
  ReadOptions,
  RecordedEvent,
  SubscribeAllOptions,
  SubscriptionItem,
} from '../../src/journal/journal.port.ts';
import { MemoryEventStreams, type PreparedEvent } from '../../src/journal/memory-event-streams.ts';
import { appendSizeBytes, appendTooLarge, writeEventTexts } from '../../src/journal/prepare-events.ts';
import type { Link, Service } from './sim-link.ts';
import { type Life, never, type SimWorld } from './sim-world.ts';

/** Rates at which the store leaves its callers in doubt. */
export type StoreFaults = {
  /** The try never arrives. */
  requestLostRate: number;
  /** It was written, and nobody is told. */
  answerLostRate: number;
  /** The connection breaks at once: the caller hears of an error, the event may be written. */
  brokenRate: number;
};

export type AppendObserver = (
  stream: string,
  firstRevision: number,
  events: readonly PreparedEvent[],
  by: Life,
) => void;

const appendDeadlineMs = 30_000;
const attemptTimeoutMs = 3_000;
const repeatDelayMs = 100;
const readTimeoutMs = 3_000;
const appendSizeBytesMax = 1_048_576;

export class SimStore {
  readonly world: SimWorld;
  readonly service: Service;
  readonly streams = new MemoryEventStreams();
  readonly faults: StoreFaults = { requestLostRate: 0, answerLostRate: 0, brokenRate: 0 };
  observe: AppendObserver = () => {};
  readonly #subscriptions = new Set<SimSubscription>();

  constructor(world: SimWorld, service: Service) {
    this.world = world;
    this.service = service;
  }

  connect(link: Link): SimJournal {
    return new SimJournal(this, link);
  }

  append(stream: string, expected: ExpectedRevision, events: readonly PreparedEvent[], by: Life): AppendResult {
    const before = this.streams.lastRevision(stream);
    const result = this.streams.append(stream, expected, events, Math.floor(this.world.now));
    if (this.streams.lastRevision(stream) === before) return result;
    for (const { type, id } of events) this.world.trace.note('append', `${stream} ${type} ${id}`);
    this.observe(stream, before + 1, events, by);
    for (const subscription of this.#subscriptions) subscription.tell();
    return result;
  }

  subscribe(subscription: SimSubscription): void {
    this.#subscriptions.add(subscription);
    subscription.tell();
  }

  unsubscribe(subscription: SimSubscription): void {
    this.#subscriptions.delete(subscription);
  }
}

export class SimJournal implements Journal {
  readonly link: Link;
  readonly #store: SimStore;
  readonly #life: Life;
  readonly #subscriptions = new Set<SimSubscription>();

  constructor(store: SimStore, link: Link) {
    this.#store = store;
    this.link = link;
    this.#life = link.life;
    this.#life.onEnd(() => {
      for (const subscription of this.#subscriptions) store.unsubscribe(subscription);
    });
    link.onStatus((status) => {
      if (status === 'connected') for (const subscription of this.#subscriptions) subscription.resume();
    });
  }

  append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly NewEvent[],
    options: AppendOptions = {},
  ): Promise<AppendResult> {
    if (!this.#life.acts()) return never();
    const prepared = prepare(stream, events);
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (conclude: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        deadline.cancel();
        conclude();
      };
      const deadline = this.#life.after(options.deadlineMs ?? appendDeadlineMs, () =>
        settle(() => reject(unavailable(stream, 'its deadline has passed'))),
      );
      const attempt = (): void => {
        if (isSettled || this.#life.isDead) return;
        let isOver = false;
        const again = (): void => {
          if (isOver) return;
          isOver = true;
          this.#life.after(repeatDelayMs, attempt);
        };
        const timer = this.#life.after(attemptTimeoutMs, again);
        const isBroken = this.#try(
          () => this.#store.append(stream, expected, prepared, this.#life),
          (result) => {
            isOver = true;
            timer.cancel();
            settle(() => resolve(result));
          },
        );
        if (isBroken) this.link.toLife(again);
      };
      attempt();
    });
  }

  /** One try of an append (S1). True when its connection breaks at once. */
  #try(apply: () => AppendResult, answer: (result: AppendResult) => void): boolean {
    const { world, faults } = this.#store;
    const isBroken = world.random.chance(faults.brokenRate);
    if (world.random.chance(faults.requestLostRate)) return isBroken;
    this.link.toServer(() => {
      const result = apply();
      if (isBroken || world.random.chance(faults.answerLostRate)) return;
      this.link.toLife(() => answer(result));
    });
    return isBroken;
  }

  async *read(stream: string, options: ReadOptions = {}): AsyncGenerator<RecordedEvent> {
    const { streams, world } = this.#store;
    const isForwards = options.direction !== 'backwards';
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let from = options.from;
    while (left > 0) {
      const wanted = Math.min(left, world.random.pick([2, 10, 100]));
      const page = await this.#ask(() => pageOf(streams, stream, { from, isForwards, limit: wanted }));
      for (const event of page) yield event;
      const last = page.at(-1);
      if (last === undefined || page.length < wanted) return;
      left -= page.length;
      from = last.revision + (isForwards ? 1 : -1);
      if (from < 0) return;
    }
  }

  async *subscribeAll(options: SubscribeAllOptions): AsyncGenerator<SubscriptionItem> {
    const subscription = new SimSubscription(this.#store, this.link, options);
    this.#subscriptions.add(subscription);
    options.signal.addEventListener('abort', () => {
      this.#store.unsubscribe(subscription);
      this.#subscriptions.delete(subscription);
      subscription.end();
    });
    this.#store.subscribe(subscription);
    while (!options.signal.aborted) {
      const items = await subscription.next();
      for (const item of items) {
        if (options.signal.aborted) return;
        yield item;
      }
    }
  }

  status(): 'connected' | 'away' {
    return this.link.status;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** Repeats a question until it is answered. */
  #ask<T>(question: () => T): Promise<T> {
    if (!this.#life.acts()) return never();
    return new Promise((resolve) => {
      let isAnswered = false;
      const ask = (): void => {
        if (isAnswered) return;
        const again = this.#life.after(readTimeoutMs, ask);
        this.link.toServer(() => {
          const answer = question();
          this.link.toLife(() => {
            isAnswered = true;
            again.cancel();
            resolve(answer);
          });
        });
      };
      ask();
    });
  }
}

/** The server's side and the queue of one subscription. */
class SimSubscription {
  /** Place after the last event that was sent, and after the last one that arrived. */
  index = 0;
  #arrivedIndex = 0;
  /** Grows with each break. */
  #connection = 0;
  readonly #store: SimStore;
  readonly #link: Link;
  readonly #filter: AllFilter;
  #isTelling = false;
  #isLive = false;
  #hasEnded = false;
  #arrivedAt = 0;
  #queue: SubscriptionItem[] = [];
  #wake: (() => void) | undefined;

  constructor(store: SimStore, link: Link, options: SubscribeAllOptions) {
    this.#store = store;
    this.#link = link;
    this.#filter = options.filter;
    this.index = store.streams.indexAfter(options.after);
    this.#arrivedIndex = this.index;
  }

  /** There may be something new for it. What cannot be sent now is found again when the link is up. */
  tell(): void {
    if (this.#isTelling || this.#link.state === 'away' || this.#store.service.isAway) return;
    const items = this.#collect();
    if (items.length === 0) return;
    this.#isTelling = true;
    const connection = this.#connection;
    const { index } = this;
    const take = () => {
      if (connection === this.#connection) this.#take(items, index);
    };
    this.#arrivedAt = this.#link.toLife(take, this.#arrivedAt);
  }

  /** S2: a few events come twice. */
  resume(): void {
    this.#connection += 1;
    this.#isTelling = false;
    this.#isLive = false;
    this.index = Math.max(0, this.#arrivedIndex - this.#store.world.random.integer(0, 3));
    this.tell();
  }

  async next(): Promise<SubscriptionItem[]> {
    if (this.#queue.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const items = this.#queue;
    this.#queue = [];
    return items;
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  #collect(): SubscriptionItem[] {
    const { streams } = this.#store;
    const items: SubscriptionItem[] = [];
    const begin = this.index;
    for (; this.index < streams.eventCount; this.index += 1) {
      const event = streams.filteredAt(this.index, this.#filter);
      if (event !== undefined) items.push({ kind: 'event', event });
    }
    if (!this.#isLive) {
      if (this.index > begin) items.push({ kind: 'checkpoint', position: streams.positionAt(this.index - 1) });
      items.push({ kind: 'caughtUp' });
    }
    this.#isLive = true;
    return items;
  }

  #take(items: SubscriptionItem[], index: number): void {
    this.#isTelling = false;
    this.#arrivedIndex = index;
    this.#queue.push(...items);
    this.#wake?.();
    this.tell();
  }
}

function prepare(stream: string, events: readonly NewEvent[]): PreparedEvent[] {
  let sizeBytes = 0;
  const prepared = events.map((event) => {
    const texts = writeEventTexts(event);
    sizeBytes += appendSizeBytes(event, texts);
    return { id: event.id, type: event.type, ...texts };
  });
  if (sizeBytes > appendSizeBytesMax) {
    throw appendTooLarge(stream, { foundBytes: sizeBytes, maxBytes: appendSizeBytesMax });
  }
  return prepared;
}

type Page = { from: number | undefined; isForwards: boolean; limit: number };

function pageOf(streams: MemoryEventStreams, stream: string, { from, isForwards, limit }: Page): RecordedEvent[] {
  const page: RecordedEvent[] = [];
  const last = streams.lastRevision(stream);
  let revision = isForwards ? (from ?? 0) : Math.min(from ?? last, last);
  for (; page.length < limit; revision += isForwards ? 1 : -1) {
    const event = streams.eventAt(stream, revision);
    if (event === undefined) break;
    page.push(event);
  }
  return page;
}

function unavailable(stream: string, reason: string): AppError {
  return new AppError('JOURNAL_UNAVAILABLE', `The stream "${stream}" could not be reached: ${reason}.`);
}
