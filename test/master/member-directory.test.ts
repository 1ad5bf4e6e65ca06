/** Who counts as gone, by the clock of the one who looks. */
import { expect, test, vi } from 'vitest';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
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
  let hidden: object | undefined;
  const { entries } = bucket;
  vi.spyOn(bucket, 'entries').mockImplementation(async () => {
    const read = await entries.call(bucket);
    return hidden === undefined ? read : read.map((one) => ({ ...one, value: hidden }));
  });
  const directory = new MemberDirectory({ bucket, clock, ttlMs, log: silentLog });
  const load = { cpu: 0, memory: 0 };
  const life = { id: 'm1', incarnation: testIds.uuid(), host: 'here', pid: 1, startedAt: 0, state: 'active' };
  const entry = { kind: 'master', ...life, actorCount: 0, incidentCount: 0, load };
  await bucket.put('master.m1', entry);
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
  /** The entry of a restarted master, of which the watch has not told yet. */
  const addBehindTheWatch = (incarnation: Incarnation): void => {
    hidden = { ...entry, incarnation };
  };
  return { world, directory, isKnown, freeze, addBehindTheWatch };
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

test('a life that was never seen is looked for before it counts as gone', async () => {
  const { directory, addBehindTheWatch } = await watching();
  const restarted = testIds.uuid() as Incarnation;
  const unknown = testIds.uuid() as Incarnation;
  addBehindTheWatch(restarted);
  expect(directory.isMasterAlive('m1' as MasterId, restarted)).toBe(false);
  expect(await directory.isMasterGone('m1' as MasterId, restarted)).toBe(false);
  expect(directory.isMasterAlive('m1' as MasterId, restarted)).toBe(true);
  expect(await directory.isMasterGone('m1' as MasterId, unknown)).toBe(true);
  directory.stop();
});

test('a life that was declared gone is not brought back by its last entry', async () => {
  const { directory } = await watching();
  const [member] = directory.masters();
  if (member === undefined) throw new Error('there is one master');
  directory.declareGone(member, 'nobody answered');
  expect(await directory.isMasterGone(member.id, member.incarnation)).toBe(true);
  expect([...directory.masters()]).toEqual([]);
  directory.stop();
});
