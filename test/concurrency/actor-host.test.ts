/** Taking an actor while others may take it too. */
import { randomUUID } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
import { ActorHost } from '../../src/actor-host/actor-host.ts';
import { createMemoryBucketStore } from '../../src/buckets/memory-bucket.adapter.ts';
import { createClaimBookOf } from '../../src/claims/claim-book.ts';
import { systemClock as clock } from '../../src/clock/system-clock.adapter.ts';
import { taskGroupKind } from '../../src/concurrency/task-groups.ts';
import type { AppendResult } from '../../src/journal/journal.port.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.adapter.ts';
import { MemberDirectory } from '../../src/membership/member-directory.ts';
import { silentLog as log } from '../../src/telemetry/log.ts';
import { testIds as ids } from '../worker/stepped-clock.ts';

const permanent = { ttlMs: 0, replicas: 1 };
const other = randomUUID() as Incarnation;
let stop = () => {};
afterEach(() => stop());

/** A master whose appends are durable at once, and answered when the test says so. */
async function createHost() {
  const journal = createMemoryJournal({ clock });
  const answers: (() => void)[] = [];
  const append = journal.append.bind(journal);
  vi.spyOn(journal, 'append').mockImplementation(async (...args) => {
    const result = await append(...args);
    return new Promise<AppendResult>((resolve) => answers.push(() => resolve(result)));
  });
  const buckets = createMemoryBucketStore({ clock });
  const members = new MemberDirectory({ bucket: await buckets.open('members', permanent), clock, ttlMs: 1_000, log });
  const host = new ActorHost({
    kind: taskGroupKind,
    master: 'm1' as MasterId,
    incarnation: randomUUID() as Incarnation,
    host: 'here',
    journal,
    claims: createClaimBookOf(await buckets.open('claims', permanent), 'taskGroup'),
    members,
    clock,
    ids,
    log,
    answer: () => undefined,
    runEffect: () => {},
  });
  stop = () => void host.stop();
  return { host, answers };
}

/** The actor is being taken; `told` says who has it while the answer to the fence is on the way. */
async function takenWhile(told: { epoch: number }) {
  const { host, answers } = await createHost();
  const place = host.locate('scarce');
  await expect.poll(() => answers.length).toBe(1);
  host.ownershipTaken('scarce', { incarnation: other, ...told });
  answers[0]?.();
  return { host, place: await place };
}

test('who hears of a later owner before the answer to its own fence is no owner (H3)', async () => {
  const { host, place } = await takenWhile({ epoch: 2 });
  expect(place).toEqual({ kind: 'elsewhere', owner: undefined });
  expect(host.find('scarce')).toBeUndefined();
});

test('what was known of earlier owners does not hinder a fence', async () => {
  const { host, place } = await takenWhile({ epoch: 0 });
  expect(place).toMatchObject({ kind: 'live' });
  host.ownershipTaken('scarce', { incarnation: other, epoch: 2 });
  expect(host.find('scarce')).toBeUndefined();
});
