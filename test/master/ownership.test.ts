/** Several masters over the memory twins: who owns what, and what happens when one goes, comes or is cut off. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import type { Receipt } from '../../schemas/messages/client.messages.ts';
import { chainOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
});

afterEach(() => cluster.stop());

type Owned = { epoch: number; master: string; reason: string; evidence?: string };

const ownersOf = (instance: InstanceId): Owned[] =>
  cluster
    .eventsOf(instance)
    .filter(({ type }) => type === 'OwnershipTaken')
    .map(({ data }) => data as Owned);

const startsOf = (instance: InstanceId) =>
  cluster.eventsOf(instance).filter(({ type }) => type === 'TaskAssigned').length;

/** Runs whose task lasts long enough to see its owner go. */
async function submitSleepers(count: number, sleepSeconds: number): Promise<Receipt[]> {
  const sleeper = taskOf('a');
  sleeper.settings = { type: 'shell', command: `sleep ${sleepSeconds}`, graceMs: 100 };
  await cluster.register(workflowOf([sleeper, taskOf('b', ['a'])]));
  const receipts = await Promise.all(Array.from({ length: count }, () => cluster.submit('tested')));
  for (const { instance } of receipts) {
    await expect.poll(async () => (await cluster.show(instance)).tasks[0]?.status).toBe('running');
  }
  return receipts;
}

test('survivors share the runs of a killed master, which is seen at once, and nothing runs twice', async () => {
  for (const id of ['m1', 'm2', 'm3']) await cluster.startMaster(id);
  await cluster.startWorker('w1', { slots: 40 });
  const receipts = await submitSleepers(24, 2);
  const ofFirst = receipts.filter(({ instance }) => ownersOf(instance).at(-1)?.master === 'm1');
  expect(ofFirst.length).toBeGreaterThan(0);
  const killedAt = Date.now();
  cluster.kill('m1');
  for (const { instance } of ofFirst) {
    await expect.poll(() => ownersOf(instance).length, { interval: 5 }).toBeGreaterThan(1);
  }
  expect(Date.now() - killedAt).toBeLessThan(1_500);
  const ended = await Promise.all(receipts.map(({ instance }) => cluster.whenEnded(instance)));
  expect(ended.every(({ run }) => run.status === 'succeeded')).toBe(true);
  for (const { instance } of receipts) expect(startsOf(instance)).toBe(2);
  const evidence = ofFirst.map(({ instance }) => ownersOf(instance)[1]?.evidence ?? '');
  expect(evidence.every((text) => text.includes('m1') && text.includes('last heartbeat'))).toBe(true);
});

test('a drained master hands its runs over before it goes, and nothing runs twice', async () => {
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  const receipts = await submitSleepers(4, 1);
  await cluster.startMaster('m2');
  await cluster.whenKnown(2);
  await cluster.stopMaster('m1');
  for (const { instance } of receipts) {
    expect(ownersOf(instance).at(-1)).toMatchObject({ master: 'm2', reason: 'handedOver' });
  }
  const ended = await Promise.all(receipts.map(({ instance }) => cluster.whenEnded(instance)));
  expect(ended.every(({ run }) => run.status === 'succeeded')).toBe(true);
  for (const { instance } of receipts) expect(startsOf(instance)).toBe(2);
});

test('a master that joins gets its share', async () => {
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { slots: 40 });
  const receipts = await submitSleepers(20, 2);
  await cluster.startMaster('m2');
  const shareOfSecond = () => receipts.filter(({ instance }) => ownersOf(instance).at(-1)?.master === 'm2').length;
  await expect.poll(shareOfSecond).toBeGreaterThan(3);
  expect(shareOfSecond()).toBeLessThan(17);
  const ended = await Promise.all(receipts.map(({ instance }) => cluster.whenEnded(instance)));
  expect(ended.every(({ run }) => run.status === 'succeeded')).toBe(true);
  for (const { instance } of receipts) expect(startsOf(instance)).toBe(2);
});

test('a master that was cut off and comes back writes nothing more to runs that were taken over', async () => {
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  await cluster.startWorker('w2');
  const [receipt] = await submitSleepers(1, 1);
  const { instance } = receipt as Receipt;
  await cluster.startMaster('m2');
  await expect.poll(() => ownersOf(instance).length).toBeLessThan(3);
  const owner = ownersOf(instance).at(-1)?.master as string;
  cluster.network.setAway(owner, true);
  await expect.poll(() => ownersOf(instance).at(-1)?.master).not.toBe(owner);
  cluster.network.setAway(owner, false);
  expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
  const epochs = ownersOf(instance).map(({ epoch }) => epoch);
  expect(epochs).toEqual(epochs.map((_, index) => index + 1));
  expect(startsOf(instance)).toBe(2);
});

test('many runs of a killed master go on at the survivor', async () => {
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { slots: 4 });
  await cluster.register(chainOf(20));
  const receipts = await Promise.all(Array.from({ length: 50 }, () => cluster.submit('tested')));
  await cluster.startMaster('m2');
  cluster.kill('m1');
  const ended = await Promise.all(receipts.map(({ instance }) => cluster.whenEnded(instance)));
  expect(ended.every(({ run }) => run.status === 'succeeded')).toBe(true);
  expect(ended.every(({ tasks }) => tasks.every(({ attempts }) => attempts === 1))).toBe(true);
});
