/**
 * KV buckets in memory, shared by all who open them from one store. Values pass through JSON.
 *
 * M1 A call takes effect in a later call of `schedule`, and is answered in that same call.
 * M2 Expiry is by the clock and silent, as in NATS: watchers are not told.
 */
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { Bucket, BucketChange, BucketEntry, BucketStore, BucketWriteResult } from './bucket.port.ts';

export type MemoryBucketStoreOptions = {
  clock: Clock;
  /** Calls back later, once. Default: `setImmediate`. */
  schedule?: (callback: () => void) => void;
};

export type MemoryBucketStore = BucketStore & {
  /** While away every call fails with NATS_UNAVAILABLE; afterwards watchers are told all entries again. */
  setAway(isAway: boolean): void;
  /** Undoes the last changes of a bucket, as a server does that loses what it had not yet synced. Nobody is told. */
  rollBack(name: string, changeCount: number): void;
};

type Stored = { valueText: string; revision: number; writtenAt: number };
type Watcher = {
  listener: (change: BucketChange) => void;
  onCurrent: (() => void) | undefined;
  /** Keys that were told as put, with the revision told last. */
  told: Map<string, number>;
};
type Undo = { key: string; before: Stored | undefined };

export function createMemoryBucketStore(options: MemoryBucketStoreOptions): MemoryBucketStore {
  const buckets = new Map<string, MemoryBucket>();
  const availability = { isAway: false };
  return {
    open: async (name, { ttlMs }) => {
      const bucket = buckets.get(name) ?? new MemoryBucket(name, ttlMs, { ...options, availability });
      buckets.set(name, bucket);
      return bucket;
    },
    setAway: (isAway) => {
      if (availability.isAway === isAway) return;
      availability.isAway = isAway;
      if (isAway) return;
      for (const bucket of buckets.values()) bucket.tellAllAgain();
    },
    rollBack: (name, changeCount) => buckets.get(name)?.rollBack(changeCount),
  };
}

class MemoryBucket implements Bucket {
  private readonly name: string;
  private readonly ttlMs: number;
  private readonly clock: Clock;
  private readonly schedule: (callback: () => void) => void;
  private readonly availability: { isAway: boolean };
  private readonly records = new Map<string, Stored>();
  private readonly watchers = new Set<Watcher>();
  private readonly undoes: Undo[] = [];
  private revision = 0;

  constructor(name: string, ttlMs: number, options: MemoryBucketStoreOptions & { availability: { isAway: boolean } }) {
    this.name = name;
    this.ttlMs = ttlMs;
    this.clock = options.clock;
    this.schedule = options.schedule ?? ((callback) => void setImmediate(callback));
    this.availability = options.availability;
  }

  get(key: string): Promise<BucketEntry | undefined> {
    return this.later(() => this.entryOf(key));
  }

  create(key: string, value: unknown): Promise<BucketWriteResult> {
    const valueText = JSON.stringify(value);
    return this.later(() => (this.living(key) ? { kind: 'conflict' } : this.write(key, valueText)));
  }

  update(key: string, value: unknown, revision: number): Promise<BucketWriteResult> {
    const valueText = JSON.stringify(value);
    return this.later(() =>
      this.living(key)?.revision === revision ? this.write(key, valueText) : { kind: 'conflict' },
    );
  }

  put(key: string, value: unknown): Promise<number> {
    const valueText = JSON.stringify(value);
    return this.later(() => this.write(key, valueText).revision);
  }

  remove(key: string, revision?: number): Promise<BucketWriteResult> {
    return this.later(() => {
      if (revision !== undefined && this.living(key)?.revision !== revision) return { kind: 'conflict' };
      this.change(key, undefined);
      this.tell({ kind: 'removed', key, revision: this.revision });
      return { kind: 'written', revision: this.revision };
    });
  }

  entries(keyPrefix = ''): Promise<BucketEntry[]> {
    return this.later(() => this.livingEntries().filter(({ key }) => key.startsWith(keyPrefix)));
  }

  watch(listener: (change: BucketChange) => void, options: { signal: AbortSignal; onCurrent?: () => void }): void {
    if (options.signal.aborted) return;
    const watcher: Watcher = { listener, onCurrent: options.onCurrent, told: new Map() };
    options.signal.addEventListener('abort', () => this.watchers.delete(watcher), { once: true });
    this.watchers.add(watcher);
    this.tellAll(watcher);
  }

  tellAllAgain(): void {
    for (const watcher of this.watchers) this.tellAll(watcher);
  }

  rollBack(changeCount: number): void {
    for (let count = 0; count < changeCount; count += 1) {
      const undo = this.undoes.pop();
      if (undo === undefined) return;
      if (undo.before === undefined) this.records.delete(undo.key);
      else this.records.set(undo.key, undo.before);
      this.revision -= 1;
    }
  }

  private write(key: string, valueText: string): { kind: 'written'; revision: number } {
    this.change(key, { valueText, revision: this.revision + 1, writtenAt: this.clock.now() });
    this.tell({ kind: 'put', entry: { key, value: JSON.parse(valueText), revision: this.revision } });
    return { kind: 'written', revision: this.revision };
  }

  private change(key: string, record: Stored | undefined): void {
    this.undoes.push({ key, before: this.records.get(key) });
    if (this.undoes.length > undoCountMax) this.undoes.shift();
    this.revision += 1;
    if (record === undefined) this.records.delete(key);
    else this.records.set(key, record);
  }

  private living(key: string): Stored | undefined {
    const record = this.records.get(key);
    if (record === undefined || this.ttlMs === 0 || this.clock.now() < record.writtenAt + this.ttlMs) return record;
    this.records.delete(key);
    return undefined;
  }

  private entryOf(key: string): BucketEntry | undefined {
    const record = this.living(key);
    return record && { key, value: JSON.parse(record.valueText), revision: record.revision };
  }

  private livingEntries(): BucketEntry[] {
    return [...this.records.keys()].map((key) => this.entryOf(key)).filter((entry) => entry !== undefined);
  }

  /** All entries of now; then, as removed, those told before which are gone. */
  private tellAll(watcher: Watcher): void {
    this.schedule(() => {
      if (this.availability.isAway) return;
      const entries = this.livingEntries();
      const living = new Set(entries.map((entry) => entry.key));
      const gone = [...watcher.told].filter(([key]) => !living.has(key));
      for (const entry of entries) this.tellOne(watcher, { kind: 'put', entry });
      for (const [key, revision] of gone) this.tellOne(watcher, { kind: 'removed', key, revision });
      if (this.watchers.has(watcher)) watcher.onCurrent?.();
    });
  }

  private tell(change: BucketChange): void {
    for (const watcher of this.watchers) {
      this.schedule(() => {
        if (!this.availability.isAway) this.tellOne(watcher, structuredClone(change));
      });
    }
  }

  private tellOne(watcher: Watcher, change: BucketChange): void {
    if (!this.watchers.has(watcher)) return;
    if (change.kind === 'put') watcher.told.set(change.entry.key, change.entry.revision);
    else watcher.told.delete(change.key);
    watcher.listener(change);
  }

  private later<T>(act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.schedule(() => {
        if (this.availability.isAway) reject(awayError(this.name));
        else resolve(act());
      });
    });
  }
}

const undoCountMax = 1_000;

function awayError(name: string): AppError {
  return new AppError('NATS_UNAVAILABLE', `The bucket "${name}" cannot be reached; try again later.`);
}
