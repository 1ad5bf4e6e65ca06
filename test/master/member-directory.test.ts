/** Who counts as gone, by the clock of the one who looks. */
import { expect, test } from 'vitest';
import { buckets } from '../../schemas/messages/subjects.ts';
import { createMemoryBucketStore } from '../../src/buckets/memory-bucket.adapter.ts';
import type { Clock } from '../../src/clock/clock.port.ts';
import { MemberDirectory } from '../../src/membership/member-directory.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createSteppedClock, testIds } from '../worker/stepped-clock.ts';
import { settle } from '../worker/worker-harness.ts';

const ttlMs = 1_000;

/** A directory that knows one master; its process may stand still while the world goes on. */
async function watching() {
  const world = createSteppedClock();
  let frozen: (() => void)[] | undefined;
  const clock: Clock = {
    now: world.now,
    after: (delayMs, callback) =>
      world.after(delayMs, () => (frozen === undefined ? callback() : void frozen.push(callback))),
  };
  const bucket = await createMemoryBucketStore({ clock: world }).open(buckets.members, { ttlMs: 0, replicas: 1 });
  const directory = new MemberDirectory({ bucket, clock, ttlMs, log: silentLog });
  const load = { cpu: 0, memory: 0 };
  const life = { id: 'm1', incarnation: testIds.uuid(), host: 'here', pid: 1, startedAt: 0, state: 'active' };
  await bucket.put('master.m1', { kind: 'master', ...life, actorCount: 0, incidentCount: 0, load });
  directory.start();
  await settle();
  const isKnown = () => [...directory.masters()].length === 1;
  const freeze = (durationMs: number): void => {
    frozen = [];
    world.advance(durationMs);
    const due = frozen;
    frozen = undefined;
    for (const callback of due) callback();
  };
  return { world, directory, isKnown, freeze };
}

test('a member that is silent for the whole time has gone', async () => {
  const { world, directory, isKnown } = await watching();
  world.advance(ttlMs);
  expect(isKnown()).toBe(true);
  world.advance(ttlMs / 2);
  expect(isKnown()).toBe(false);
  directory.stop();
});

test('time in which the observer stood still does not count: renewals of that time are still to be read', async () => {
  const { world, directory, isKnown, freeze } = await watching();
  freeze(45_000);
  expect(isKnown()).toBe(true);
  world.advance(ttlMs);
  expect(isKnown()).toBe(true);
  world.advance(ttlMs / 2);
  expect(isKnown()).toBe(false);
  directory.stop();
});
