/** What every bucket store must do. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Bucket, BucketChange, BucketStore } from '../../src/buckets/bucket.port.ts';

export type BucketContract = {
  open(): Promise<BucketStore>;
  /** Lets time pass for the expiry of entries. */
  pass(ms: number): Promise<void>;
};

export function bucketContract(name: string, contract: BucketContract): void {
  describe(`the bucket contract: ${name}`, () => {
    let store: BucketStore;
    let bucket: Bucket;
    beforeAll(async () => {
      store = await contract.open();
      bucket = await store.open(newName(), { ttlMs: 0, replicas: 1 });
    });

    values(() => bucket);
    conflicts(() => bucket);
    watches(() => store);
    sharing(() => store, contract);
  });
}

const newName = (): string => `contract_${randomUUID().slice(0, 8)}`;
const newKey = (): string => `kind.${randomUUID()}`;

function values(bucket: () => Bucket): void {
  it('gives back what was put, as JSON', async () => {
    const key = newKey();
    const value = { text: 'Mühlgraben ✓', list: [1, null, { deep: true }] };
    const revision = await bucket().put(key, value);
    expect(await bucket().get(key)).toEqual({ key, value, revision });
  });

  it('knows nothing of a key that was never written', async () => {
    expect(await bucket().get(newKey())).toBeUndefined();
  });

  it('counts revisions up over all keys', async () => {
    const [one, two] = [newKey(), newKey()];
    const first = await bucket().put(one, 1);
    const second = await bucket().put(two, 2);
    const third = await bucket().put(one, 3);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });

  it('forgets a removed key', async () => {
    const key = newKey();
    await bucket().put(key, 1);
    expect(await bucket().remove(key)).toMatchObject({ kind: 'written' });
    expect(await bucket().get(key)).toBeUndefined();
    expect((await bucket().entries()).map((entry) => entry.key)).not.toContain(key);
  });

  it('lists all entries of now', async () => {
    const [one, two] = [newKey(), newKey()];
    await bucket().put(one, 1);
    await bucket().put(two, 1);
    const revision = await bucket().put(two, 2);
    const entries = await bucket().entries();
    expect(entries).toEqual(
      expect.arrayContaining([expect.objectContaining({ key: one }), { key: two, value: 2, revision }]),
    );
    expect(entries.filter((entry) => entry.key === two)).toHaveLength(1);
  });

  it('lists the entries of one prefix', async () => {
    const [one, other] = [newKey(), newKey()];
    await bucket().put(`${one}.a`, 1);
    await bucket().put(`${one}.b`, 2);
    await bucket().put(`${other}.a`, 3);
    await bucket().remove(`${one}.b`);
    expect((await bucket().entries(`${one}.`)).map(({ key, value }) => ({ key, value }))).toEqual([
      { key: `${one}.a`, value: 1 },
    ]);
    expect(await bucket().entries(`${newKey()}.`)).toEqual([]);
  });
}

function conflicts(bucket: () => Bucket): void {
  it('creates a key once', async () => {
    const key = newKey();
    expect(await bucket().create(key, 1)).toMatchObject({ kind: 'written' });
    expect(await bucket().create(key, 2)).toEqual({ kind: 'conflict' });
    expect((await bucket().get(key))?.value).toBe(1);
  });

  it('creates a key again after it was removed', async () => {
    const key = newKey();
    await bucket().create(key, 1);
    await bucket().remove(key);
    const created = await bucket().create(key, 2);
    expect(created).toMatchObject({ kind: 'written' });
    expect(await bucket().create(key, 3)).toEqual({ kind: 'conflict' });
    expect(await bucket().get(key)).toMatchObject({ value: 2 });
  });

  it('lets exactly one of many create a key', async () => {
    const key = newKey();
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => bucket().create(key, index)));
    expect(results.filter((result) => result.kind === 'written')).toHaveLength(1);
  });

  it('updates only at the revision that it has', async () => {
    const key = newKey();
    const first = await bucket().put(key, 1);
    const updated = await bucket().update(key, 2, first);
    expect(updated).toMatchObject({ kind: 'written' });
    expect(await bucket().update(key, 3, first)).toEqual({ kind: 'conflict' });
    expect(await bucket().get(key)).toMatchObject({ value: 2 });
  });

  it('does not update a key that does not exist', async () => {
    expect(await bucket().update(newKey(), 1, 0)).toEqual({ kind: 'conflict' });
    expect(await bucket().update(newKey(), 1, 1)).toEqual({ kind: 'conflict' });
  });

  it('removes only at the revision that it has', async () => {
    const key = newKey();
    const first = await bucket().put(key, 1);
    const second = await bucket().put(key, 2);
    expect(await bucket().remove(key, first)).toEqual({ kind: 'conflict' });
    expect(await bucket().get(key)).toMatchObject({ value: 2 });
    expect(await bucket().remove(key, second)).toMatchObject({ kind: 'written' });
    expect(await bucket().get(key)).toBeUndefined();
  });
}

function watches(store: () => BucketStore): void {
  it('tells all entries, then that they are current, then changes in order', async () => {
    const bucket = await store().open(newName(), { ttlMs: 0, replicas: 1 });
    await bucket.put('one', 1);
    await bucket.put('gone', 1);
    await bucket.remove('gone');
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    expect(watched.told).toEqual(['one=1', 'current']);
    await bucket.put('two', 2);
    await bucket.put('one', 3);
    await bucket.remove('two');
    await watched.until((told) => told.includes('two removed'));
    expect(watched.told.slice(2)).toEqual(['two=2', 'one=3', 'two removed']);
    watched.end();
  });

  it('tells of an empty bucket that it is current', async () => {
    const bucket = await store().open(newName(), { ttlMs: 0, replicas: 1 });
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    expect(watched.told).toEqual(['current']);
    watched.end();
  });

  it('tells nothing after its signal aborted', async () => {
    const bucket = await store().open(newName(), { ttlMs: 0, replicas: 1 });
    const [ended, other] = [watch(bucket), watch(bucket)];
    await ended.until((told) => told.includes('current'));
    ended.end();
    await bucket.put('one', 1);
    await other.until((told) => told.includes('one=1'));
    expect(ended.told).toEqual(['current']);
    other.end();
  });

  it('tells every one of many removals at once', async () => {
    const bucket = await store().open(newName(), { ttlMs: 0, replicas: 1 });
    const keys = Array.from({ length: 500 }, (_, index) => `key.${index}`);
    await Promise.all(keys.map((key) => bucket.put(key, 1)));
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    await Promise.all(keys.map((key) => bucket.remove(key)));
    await watched.until((told) => told.length === 1_001);
    expect(new Set(watched.told.slice(501))).toEqual(new Set(keys.map((key) => `${key} removed`)));
    watched.end();
  });

  it('ends with the last values of keys that change fast', async () => {
    const bucket = await store().open(newName(), { ttlMs: 0, replicas: 1 });
    const watched = watch(bucket);
    const keys = Array.from({ length: 20 }, (_, index) => `key.${index}`);
    for (let value = 0; value < 50; value += 1) await Promise.all(keys.map((key) => bucket.put(key, value)));
    await watched.until((told) => keys.every((key) => told.includes(`${key}=49`)));
    watched.end();
  });

  it('tells a thousand entries', async () => {
    const bucket = await store().open(newName(), { ttlMs: 0, replicas: 1 });
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => bucket.put(`key.${index}`, index)));
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    expect(new Set(watched.told).size).toBe(1_001);
    expect(await bucket.entries()).toHaveLength(1_000);
    watched.end();
  });
}

function sharing(store: () => BucketStore, contract: BucketContract): void {
  it('shares a bucket between all who open it', async () => {
    const name = newName();
    const options = { ttlMs: 0, replicas: 1 };
    const [one, two] = [await store().open(name, options), await store().open(name, options)];
    await one.put('key', 1);
    expect(await two.get('key')).toMatchObject({ value: 1 });
  });

  it('lets entries expire that are not written again, and creates them anew', async () => {
    const bucket = await store().open(newName(), { ttlMs: 1_000, replicas: 1 });
    const { revision } = (await bucket.create('short', 1)) as { revision: number };
    await bucket.create('kept', 1);
    await contract.pass(700);
    await bucket.put('kept', 2);
    await contract.pass(700);
    expect(await bucket.get('short')).toBeUndefined();
    expect(await bucket.get('kept')).toMatchObject({ value: 2 });
    expect(await bucket.update('short', 2, revision)).toEqual({ kind: 'conflict' });
    expect(await bucket.create('short', 3)).toMatchObject({ kind: 'written' });
  });
}

/** A watch that notes what it is told, in words. */
export function watch(bucket: Bucket) {
  const abort = new AbortController();
  const told: string[] = [];
  let wake: () => void = () => undefined;
  const note = (line: string): void => {
    told.push(line);
    wake();
  };
  bucket.watch((change) => note(inWords(change)), { signal: abort.signal, onCurrent: () => note('current') });
  const until = async (isReached: (told: string[]) => boolean): Promise<void> => {
    while (!isReached(told)) {
      await Promise.race([
        new Promise<void>((resolve) => {
          wake = resolve;
        }),
        sleep(1_000),
      ]);
    }
  };
  return { told, until, end: () => abort.abort() };
}

function inWords(change: BucketChange): string {
  return change.kind === 'put' ? `${change.entry.key}=${JSON.stringify(change.entry.value)}` : `${change.key} removed`;
}
