/**
 * Buckets over NATS KV; works with nats-server 2.9 and newer.
 *
 * A removed key leaves a mark of one small message, for watches to see. In a bucket without time limit whoever removed
 * the key deletes the mark a minute later; the marks of a process that died first stay, and new watches read past them.
 */
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import type { NatsLink } from '../transport/nats-link.ts';
import type { Bucket, BucketChange, BucketEntry, BucketStore, BucketWriteResult } from './bucket.port.ts';
import { RemovalMarks } from './nats-bucket-marks.ts';
import { BucketStream } from './nats-bucket-stream.ts';
import { followBucket } from './nats-bucket-watch.ts';

export type NatsBucketStoreOptions = {
  link: NatsLink;
  log: Log;
  /** Longest time of one call, repetitions included. Default 5,000. */
  deadlineMs?: number;
  /** How long the marks of removed keys stay in buckets without time limit. Default 60,000. */
  markRetentionMs?: number;
};

const deadlineDefaultMs = 5_000;
const markRetentionDefaultMs = 60_000;
const createAttemptCountMax = 5;
const keyPattern = /^[-/=\w]+(\.[-/=\w]+)*$/;

export function createNatsBucketStore(options: NatsBucketStoreOptions): BucketStore {
  const deadlineMs = options.deadlineMs ?? deadlineDefaultMs;
  const retentionMs = options.markRetentionMs ?? markRetentionDefaultMs;
  return {
    open: async (name, { ttlMs, replicas }) => {
      const stream = new BucketStream({ link: options.link, name, ttlMs, replicas, deadlineMs, log: options.log });
      await stream.ensure();
      const deleteMessage = (revision: number): Promise<void> => stream.deleteMessage(revision);
      const marks = new RemovalMarks({ deleteMessage, retentionMs, log: options.log });
      return new NatsBucket(stream, { name, deadlineMs, log: options.log, marks: ttlMs === 0 ? marks : undefined });
    },
  };
}

type NatsBucketOptions = { name: string; deadlineMs: number; log: Log; marks: RemovalMarks | undefined };

class NatsBucket implements Bucket {
  private readonly stream: BucketStream;
  private readonly marks: RemovalMarks | undefined;
  private readonly name: string;
  private readonly deadlineMs: number;
  private readonly log: Log;

  constructor(stream: BucketStream, options: NatsBucketOptions) {
    this.stream = stream;
    this.marks = options.marks;
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
    const result = await this.stream.write(checkedKey(key), undefined, revision);
    if (result.kind === 'written') this.marks?.add(result.revision);
    return result;
  }

  entries(keyPrefix = ''): Promise<BucketEntry[]> {
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
      this.follow(take, { signal: done.signal, onCurrent, keyPrefix });
    });
  }

  watch(listener: (change: BucketChange) => void, options: { signal: AbortSignal; onCurrent?: () => void }): void {
    const { signal, onCurrent = () => undefined } = options;
    this.follow(listener, { signal, onCurrent, keyPrefix: '' });
  }

  private follow(
    listener: (change: BucketChange) => void,
    options: { signal: AbortSignal; onCurrent: () => void; keyPrefix: string },
  ): void {
    // It ends with the signal and handles its faults itself.
    void followBucket({ stream: this.stream, listener, log: this.log, ...options });
  }
}

/** What NATS takes in a subject. @throws AppError BAD_REQUEST for other keys. */
function checkedKey(key: string): string {
  if (keyPattern.test(key)) return key;
  throw new AppError('BAD_REQUEST', `The key "${key}" has other characters than letters, digits and "-_=/.".`);
}
