/**
 * NATS KV as the bucket's port promises it: compare-and-set by revision, silent expiry, watches in order. Its server may
 * roll back to an older state, or lose a bucket.
 *
 * B1 A write whose answer was lost is repeated; if the key then holds just what was to be written, it counts as done.
 * B2 A watch may miss changes that were rolled back; after a break it hears all entries again, and what is gone.
 */
import type { Bucket, BucketChange, BucketEntry, BucketWriteResult } from '../../src/buckets/bucket.port.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { Link } from './sim-link.ts';
import { type Life, never, type SimWorld } from './sim-world.ts';

type Stored = { text: string; revision: number; writtenAt: number };
type Expected = number | 'none' | undefined;

const attemptTimeoutMs = 2_000;
const deadlineMs = 5_000;
const undoCountMax = 200;

export class SimBucketServer {
  readonly name: string;
  readonly world: SimWorld;
  readonly #ttlMs: number;
  readonly #watchers = new Set<SimWatcher>();
  readonly #undoes: { key: string; before: Stored | undefined }[] = [];
  #records = new Map<string, Stored>();
  #revision = 0;

  constructor(name: string, world: SimWorld, options: { ttlMs: number }) {
    this.name = name;
    this.world = world;
    this.#ttlMs = options.ttlMs;
  }

  connect(link: Link): SimBucket {
    return new SimBucket(this, link);
  }

  living(key: string): Stored | undefined {
    const record = this.#records.get(key);
    if (record === undefined || this.#ttlMs === 0 || this.world.now < record.writtenAt + this.#ttlMs) return record;
    this.#records.delete(key);
    return undefined;
  }

  entry(key: string): BucketEntry | undefined {
    const record = this.living(key);
    return record && { key, value: JSON.parse(record.text), revision: record.revision };
  }

  entries(): BucketEntry[] {
    return [...this.#records.keys()].map((key) => this.entry(key)).filter((entry) => entry !== undefined);
  }

  /** Without a text the key is removed. */
  write(key: string, text: string | undefined, expected: Expected): BucketWriteResult {
    const before = this.living(key);
    if (expected === 'none' && before !== undefined) return { kind: 'conflict' };
    if (typeof expected === 'number' && before?.revision !== expected) return { kind: 'conflict' };
    this.#undoes.push({ key, before });
    if (this.#undoes.length > undoCountMax) this.#undoes.shift();
    this.#revision += 1;
    const revision = this.#revision;
    if (text === undefined) this.#records.delete(key);
    else this.#records.set(key, { text, revision, writtenAt: this.world.now });
    for (const watcher of this.#watchers) watcher.tell(key, text, revision);
    return { kind: 'written', revision };
  }

  rollBack(changeCount: number): void {
    for (let count = 0; count < changeCount; count += 1) {
      const undo = this.#undoes.pop();
      if (undo === undefined) return;
      if (undo.before === undefined) this.#records.delete(undo.key);
      else this.#records.set(undo.key, undo.before);
      this.#revision -= 1;
    }
  }

  /** Somebody deleted the bucket; the next call makes it again, empty. */
  clear(): void {
    this.#records = new Map();
    this.#undoes.length = 0;
    this.#revision = 0;
    this.tellAllAgain();
  }

  tellAllAgain(): void {
    for (const watcher of this.#watchers) watcher.tellAll();
  }

  add(watcher: SimWatcher): void {
    this.#watchers.add(watcher);
    watcher.tellAll();
  }

  remove(watcher: SimWatcher): void {
    this.#watchers.delete(watcher);
  }
}

export class SimBucket implements Bucket {
  readonly link: Link;
  readonly #server: SimBucketServer;
  readonly #life: Life;

  constructor(server: SimBucketServer, link: Link) {
    this.#server = server;
    this.link = link;
    this.#life = link.life;
  }

  get(key: string): Promise<BucketEntry | undefined> {
    return this.#call(() => this.#server.entry(key));
  }

  create(key: string, value: unknown): Promise<BucketWriteResult> {
    return this.#write(key, JSON.stringify(value), 'none');
  }

  update(key: string, value: unknown, revision: number): Promise<BucketWriteResult> {
    return this.#write(key, JSON.stringify(value), revision);
  }

  async put(key: string, value: unknown): Promise<number> {
    const result = await this.#write(key, JSON.stringify(value), undefined);
    if (result.kind === 'written') return result.revision;
    throw new Error('a write without condition was refused');
  }

  remove(key: string, revision?: number): Promise<BucketWriteResult> {
    return this.#write(key, undefined, revision);
  }

  entries(keyPrefix = ''): Promise<BucketEntry[]> {
    return this.#call(() => this.#server.entries().filter(({ key }) => key.startsWith(keyPrefix)));
  }

  watch(listener: (change: BucketChange) => void, options: { signal: AbortSignal; onCurrent?: () => void }): void {
    if (options.signal.aborted || this.#life.isDead) return;
    const watcher = new SimWatcher(this.#server, this.link, { listener, onCurrent: options.onCurrent });
    const end = () => {
      watcher.end();
      this.#server.remove(watcher);
    };
    this.#server.add(watcher);
    this.#life.onEnd(end);
    options.signal.addEventListener('abort', end, { once: true });
    this.link.onStatus((status) => {
      if (status === 'connected') watcher.tellAll();
    });
  }

  #write(key: string, text: string | undefined, expected: Expected): Promise<BucketWriteResult> {
    let isRepeated = false;
    return this.#call(() => {
      const result = this.#server.write(key, text, expected);
      if (result.kind === 'written' || !isRepeated) {
        isRepeated = true;
        return result;
      }
      const found = this.#server.living(key);
      const isOurs = found !== undefined && found.text === text; // B1.
      return isOurs ? { kind: 'written', revision: found.revision } : result;
    });
  }

  #call<T>(act: () => T): Promise<T> {
    if (!this.#life.acts()) return never();
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const giveUpAt = this.#server.world.now + deadlineMs;
      const attempt = (): void => {
        if (isSettled) return;
        if (this.#server.world.now > giveUpAt) {
          isSettled = true;
          reject(
            new AppError('NATS_UNAVAILABLE', `The bucket "${this.#server.name}" gave no answer. Try again later.`),
          );
          return;
        }
        const again = this.#life.after(attemptTimeoutMs, attempt);
        this.link.toServer(() => {
          const result = act();
          this.link.toLife(() => {
            if (isSettled) return;
            isSettled = true;
            again.cancel();
            resolve(result);
          });
        });
      };
      attempt();
    });
  }
}

type WatcherOptions = { listener: (change: BucketChange) => void; onCurrent: (() => void) | undefined };

class SimWatcher {
  readonly #server: SimBucketServer;
  readonly #link: Link;
  readonly #options: WatcherOptions;
  /** Keys that were told as put, with the revision told last. */
  readonly #told = new Map<string, number>();
  #arrivedAt = 0;
  #hasEnded = false;
  /** A change was lost on the way: it is found by telling all again. */
  #isRepairing = false;

  constructor(server: SimBucketServer, link: Link, options: WatcherOptions) {
    this.#server = server;
    this.#link = link;
    this.#options = options;
  }

  tell(key: string, text: string | undefined, revision: number): void {
    this.#send(() => {
      if (text === undefined) this.#tellRemoved(key, revision);
      else this.#tellPut({ key, value: JSON.parse(text), revision });
    });
  }

  tellAll(): void {
    const entries = this.#server.entries();
    this.#send(() => {
      const living = new Set(entries.map(({ key }) => key));
      const gone = [...this.#told].filter(([key]) => !living.has(key));
      for (const entry of entries) this.#tellPut(entry);
      for (const [key, revision] of gone) this.#tellRemoved(key, revision);
      this.#options.onCurrent?.();
    });
  }

  end(): void {
    this.#hasEnded = true;
  }

  /** A consumer notices a gap within a heartbeat and begins anew. */
  #send(deliver: () => void): void {
    if (this.#link.life.isDead || this.#hasEnded) return;
    if (this.#link.isLost()) {
      this.#repair();
      return;
    }
    this.#arrivedAt = this.#link.toLifeSafely(() => {
      if (!this.#hasEnded) deliver();
    }, this.#arrivedAt);
  }

  #repair(): void {
    if (this.#isRepairing) return;
    this.#isRepairing = true;
    this.#server.world.post(2_000, this.#link.life, () => {
      this.#isRepairing = false;
      this.tellAll();
    });
  }

  #tellPut(entry: BucketEntry): void {
    this.#told.set(entry.key, entry.revision);
    this.#options.listener({ kind: 'put', entry });
  }

  #tellRemoved(key: string, revision: number): void {
    this.#told.delete(key);
    this.#options.listener({ kind: 'removed', key, revision });
  }
}
