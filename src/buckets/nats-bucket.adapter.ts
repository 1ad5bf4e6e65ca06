/**
 * Buckets over NATS KV; works with nats-server 2.9 and newer.
 *
 * A removed key leaves one small message behind (until its time limit, if the bucket has one), which every new watch
 * reads past. A bucket without limit grows by one such message for each key ever used.
 */
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import type { NatsLink } from '../transport/nats-link.ts';
import type { Bucket, BucketChange, BucketEntry, BucketStore, BucketWriteResult } from './bucket.port.ts';
import { BucketStream } from './nats-bucket-stream.ts';
import { followBucket } from './nats-bucket-watch.ts';

export type NatsBucketStoreOptions = {
  link: NatsLink;
  log: Log;
  /** Longest time of one call, repetitions included. Default 5,000. */
  deadlineMs?: number;
};

const deadlineDefaultMs = 5_000;
const createAttemptCountMax = 5;
const keyPattern = /^[-/=\w]+(\.[-/=\w]+)*$/;

export function createNatsBucketStore(options: NatsBucketStoreOptions): BucketStore {
  const deadlineMs = options.deadlineMs ?? deadlineDefaultMs;
  return {
    open: async (name, { ttlMs, replicas }) => {
      const stream = new BucketStream({ link: options.link, name, ttlMs, replicas, deadlineMs, log: options.log });
      await stream.ensure();
      return new NatsBucket(stream, { name, deadlineMs, log: options.log });
    },
  };
}

class NatsBucket implements Bucket {
  private readonly stream: BucketStream;
  private readonly name: string;
  private readonly deadlineMs: number;
  private readonly log: Log;

  constructor(stream: BucketStream, options: { name: string; deadlineMs: number; log: Log }) {
    this.stream = stream;
    this.name = options.name;
    this.deadlineMs = options.deadlineMs;
    this.log = options.log.child({ bucket: options.name });
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    const found = await this.stream.last(checkedKey(key));
    if (found?.valueText === undefined) return undefined;
    return { key, value: JSON.parse(found.valueText), revision: found.revision };
  }

  /** A removed key stands at the revision of its mark; then that one is expected. */
  async create(key: string, value: unknown): Promise<BucketWriteResult> {
    const valueText = JSON.stringify(value);
    let expected = 0;
    for (let attempt = 1; attempt <= createAttemptCountMax; attempt += 1) {
      const result = await this.stream.write(checkedKey(key), valueText, expected);
      if (result.kind === 'written') return result;
      const found = await this.stream.last(key);
      if (found?.valueText !== undefined) return result;
      expected = found?.revision ?? 0;
    }
    return { kind: 'conflict' };
  }

  async update(key: string, value: unknown, revision: number): Promise<BucketWriteResult> {
    if (revision <= 0) return { kind: 'conflict' };
    return this.stream.write(checkedKey(key), JSON.stringify(value), revision);
  }

  async put(key: string, value: unknown): Promise<number> {
    const result = await this.stream.write(checkedKey(key), JSON.stringify(value), undefined);
    if (result.kind === 'written') return result.revision;
    throw new AppError('INTERNAL', `A write of "${key}" without condition was refused by the bucket "${this.name}".`);
  }

  async remove(key: string, revision?: number): Promise<BucketWriteResult> {
    if (revision !== undefined && revision <= 0) return { kind: 'conflict' };
    return this.stream.write(checkedKey(key), undefined, revision);
  }

  entries(): Promise<BucketEntry[]> {
    const entries = new Map<string, BucketEntry>();
    const done = new AbortController();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        done.abort();
        reject(new AppError('NATS_UNAVAILABLE', `The bucket "${this.name}" could not be read; try again later.`));
      }, this.deadlineMs);
      const take = (change: BucketChange): void => {
        if (change.kind === 'put') entries.set(change.entry.key, change.entry);
        else entries.delete(change.key);
      };
      const onCurrent = (): void => {
        clearTimeout(timer);
        done.abort();
        resolve([...entries.values()]);
      };
      this.watch(take, { signal: done.signal, onCurrent });
    });
  }

  watch(listener: (change: BucketChange) => void, options: { signal: AbortSignal; onCurrent?: () => void }): void {
    const { signal, onCurrent = () => undefined } = options;
    // It ends with the signal and handles its faults itself.
    void followBucket({ stream: this.stream, listener, onCurrent, signal, log: this.log });
  }
}

/** What NATS takes in a subject. @throws AppError BAD_REQUEST for other keys. */
function checkedKey(key: string): string {
  if (keyPattern.test(key)) return key;
  throw new AppError('BAD_REQUEST', `The key "${key}" has other characters than letters, digits and "-_=/.".`);
}
