/**
 * A bucket of keys with revisions, for membership and claims. Entries may expire. It may lose or roll back entries when
 * its server fails: nothing here is truth, the journal is.
 */

export type BucketEntry = {
  key: string;
  /** Parsed JSON. */
  value: unknown;
  /** Grows with each change of the bucket. */
  revision: number;
};

export type BucketWriteResult =
  | { kind: 'written'; revision: number }
  /** The key exists already (create) or has another revision (update, remove). */
  | { kind: 'conflict' };

export type BucketChange = { kind: 'put'; entry: BucketEntry } | { kind: 'removed'; key: string; revision: number };

export interface Bucket {
  get(key: string): Promise<BucketEntry | undefined>;
  /** Writes only if the key does not exist or was removed. */
  create(key: string, value: unknown): Promise<BucketWriteResult>;
  /** Writes only if the key has this revision. */
  update(key: string, value: unknown, revision: number): Promise<BucketWriteResult>;
  put(key: string, value: unknown): Promise<number>;
  /** Removes the key; with a revision only if it has not changed since. */
  remove(key: string, revision?: number): Promise<BucketWriteResult>;
  /** @param keyPrefix ends with a dot. Default: all entries of now */
  entries(keyPrefix?: string): Promise<BucketEntry[]>;
  /**
   * Calls the listener with every entry of now, then `onCurrent`, then with every change, until the signal aborts. Goes
   * on by itself after NATS was away, and then tells all entries again. Expiry of an entry may not be told: entries that
   * must be renewed carry their own time limit at the reader.
   */
  watch(listener: (change: BucketChange) => void, options: { signal: AbortSignal; onCurrent?: () => void }): void;
}

export interface BucketStore {
  /** Opens the bucket, or makes it: entries vanish `ttlMs` after their last write (0: never). */
  open(name: string, options: { ttlMs: number; replicas: number }): Promise<Bucket>;
}
