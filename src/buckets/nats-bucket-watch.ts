/**
 * Follows a bucket through a consumer of its own.
 *
 * W1 Whatever goes wrong (the server was away, a message is missing, heartbeats stay out, the bucket was deleted), it
 *    begins again with all entries. It never goes on from a place: a bucket made again counts from 1.
 * W2 After each beginning, keys that were told before and are no more are told as removed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createInbox, type Msg } from 'nats';
import type { Log } from '../telemetry/log.ts';
import type { BucketChange } from './bucket.port.ts';
import { type BucketStream, isRemovalMark } from './nats-bucket-stream.ts';

export type BucketWatchOptions = {
  stream: BucketStream;
  listener: (change: BucketChange) => void;
  onCurrent: () => void;
  signal: AbortSignal;
  /** Ends with a dot; empty for all keys. */
  keyPrefix: string;
  log: Log;
};

/** Heartbeats come each second. */
const silenceMaxMs = 3_500;
const silenceCheckMs = 500;
const retryDelayMinMs = 50;
const retryDelayMaxMs = 2_000;
const statusCode = 100;

/** Runs until the signal aborts. */
export async function followBucket(options: BucketWatchOptions): Promise<void> {
  const told = new Map<string, number>();
  let failureCount = 0;
  while (!options.signal.aborted) {
    const pass = new WatchPass(options, told);
    const reason = await pass.run();
    failureCount = pass.isCurrent ? 0 : failureCount + 1;
    if (options.signal.aborted) return;
    options.log.info({ reason, failureCount }, 'A watch of a bucket begins again');
    const delayMs = Math.min(retryDelayMaxMs, retryDelayMinMs * 2 ** Math.min(failureCount, 10));
    // An abort ends the loop.
    await sleep(delayMs * (0.5 + Math.random()), undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** From one beginning to the first thing that goes wrong. */
class WatchPass {
  isCurrent = false;
  private readonly options: BucketWatchOptions;
  /** Revision of each key that the listener was told as put, over all passes. */
  private readonly told: Map<string, number>;
  private readonly seen = new Set<string>();
  private deliveredCount = 0;
  private heardAt = Date.now();
  private end: (reason: string) => void = () => undefined;

  constructor(options: BucketWatchOptions, told: Map<string, number>) {
    this.options = options;
    this.told = told;
  }

  async run(): Promise<string> {
    const { stream, signal, keyPrefix } = this.options;
    const { link } = stream;
    if (link.status() === 'away') return 'NATS is away';
    const ended = new Promise<string>((resolve) => {
      this.end = resolve;
    });
    const inbox = createInbox();
    const subscription = link.connection.subscribe(inbox, { callback: (_, message) => this.guard(message) });
    const unlisten = link.onStatus(() => this.end('NATS was away'));
    const abort = (): void => this.end('aborted');
    signal.addEventListener('abort', abort);
    const timer = setInterval(() => this.checkSilence(), silenceCheckMs);
    let consumerName: string | undefined;
    try {
      const consumer = await stream.startConsumer(inbox, keyPrefix);
      consumerName = consumer.name;
      if (consumer.pendingCount === 0) this.becomeCurrent();
      return await ended;
    } catch (fault) {
      return String(fault);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', abort);
      unlisten();
      subscription.unsubscribe();
      if (consumerName !== undefined) stream.endConsumer(consumerName);
      this.end = () => undefined;
    }
  }

  /** A fault in here would end the client's reading loop. */
  private guard(message: Msg): void {
    if (this.options.signal.aborted) return;
    this.heardAt = Date.now();
    try {
      if (message.headers?.code === statusCode && message.data.length === 0) this.takeStatus(message);
      else this.takeEntry(message);
    } catch (fault) {
      this.options.log.error({ fault }, 'A change of a bucket could not be handled');
      this.end(String(fault));
    }
  }

  private takeStatus(message: Msg): void {
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    if (stalled) this.options.stream.link.connection.publish(stalled);
    if (message.reply) message.respond();
    const lastText = message.headers?.get('Nats-Last-Consumer');
    if (!lastText) return;
    if (Number(lastText) !== this.deliveredCount) this.end('a change is missing');
    else this.becomeCurrent();
  }

  private takeEntry(message: Msg): void {
    const { revision, deliveredCount, pendingCount } = readPlace(message.reply ?? '');
    if (deliveredCount !== this.deliveredCount + 1) {
      this.end('a change is missing');
      return;
    }
    this.deliveredCount = deliveredCount;
    const key = message.subject.slice(this.options.stream.subjectPrefix.length);
    const isRemoval = message.headers !== undefined && isRemovalMark(headerText(message));
    if (isRemoval) this.tellRemoved(key, revision);
    else this.tellPut(key, revision, message);
    if (pendingCount === 0) this.becomeCurrent();
  }

  private tellPut(key: string, revision: number, message: Msg): void {
    if (!this.isCurrent) this.seen.add(key);
    this.told.set(key, revision);
    this.options.listener({ kind: 'put', entry: { key, value: parseValue(message), revision } });
  }

  /** Marks of keys that were never told are of no interest. */
  private tellRemoved(key: string, revision: number): void {
    this.seen.delete(key);
    if (this.told.delete(key)) this.options.listener({ kind: 'removed', key, revision });
  }

  private becomeCurrent(): void {
    if (this.isCurrent) return;
    this.isCurrent = true;
    for (const [key, revision] of this.told) {
      if (!this.seen.has(key)) this.tellRemoved(key, revision);
    }
    this.seen.clear();
    this.options.onCurrent();
  }

  private checkSilence(): void {
    if (Date.now() - this.heardAt > silenceMaxMs) this.end('heartbeats stay out');
  }
}

/** `$JS.ACK[.domain.account].stream.consumer.tries.revision.delivered.time.pending[.random]` */
function readPlace(reply: string): { revision: number; deliveredCount: number; pendingCount: number } {
  const tokens = reply.split('.');
  const first = tokens.length > 9 ? 7 : 5;
  const [revision, deliveredCount, , pendingCount] = tokens.slice(first, first + 4).map(Number);
  if (revision === undefined || deliveredCount === undefined || pendingCount === undefined) {
    throw new Error(`a message of a consumer should name its place in its reply subject, found "${reply}"`);
  }
  return { revision, deliveredCount, pendingCount };
}

function headerText(message: Msg): string {
  const lines = message.headers?.keys().map((name) => `${name}: ${message.headers?.get(name)}`);
  return lines?.join('\n') ?? '';
}

/** What is no JSON was written by others; the reader's schema refuses it. */
function parseValue(message: Msg): unknown {
  try {
    return JSON.parse(Buffer.from(message.data).toString());
  } catch {
    return undefined;
  }
}
