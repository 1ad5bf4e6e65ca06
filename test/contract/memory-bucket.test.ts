import { describe, expect, it } from 'vitest';
import { createMemoryBucketStore } from '../../src/buckets/memory-bucket.adapter.ts';
import type { Clock } from '../../src/clock/clock.port.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { bucketContract, watch } from './bucket.contract.ts';

let skewMs = 0;
const skewedClock: Clock = { ...systemClock, now: () => Date.now() + skewMs };

bucketContract('memory', {
  open: async () => createMemoryBucketStore({ clock: skewedClock }),
  pass: async (ms) => {
    skewMs += ms;
  },
});

describe('buckets in memory', () => {
  it('fail while away, and tell watchers all again afterwards, with what is gone', async () => {
    const store = createMemoryBucketStore({ clock: systemClock });
    const bucket = await store.open('claims', { ttlMs: 0, replicas: 1 });
    await bucket.put('kept', 1);
    await bucket.put('lost', 1);
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    store.setAway(true);
    await expect(bucket.get('kept')).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    store.rollBack('claims', 1);
    store.setAway(false);
    await watched.until((told) => told.filter((line) => line === 'current').length === 2);
    expect(watched.told.slice(-3)).toEqual(['kept=1', 'lost removed', 'current']);
    watched.end();
  });
});
