/** A takeover goes by the owners that the journal has told of; their claims still decide. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Incarnation, InstanceId, MasterId } from '../../schemas/ids.ts';
import { claimKey } from '../../schemas/messages/subjects.ts';
import { KnownOwners } from '../../src/master/known-owners.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startMaster('m2');
  await cluster.whenKnown(2);
});
afterEach(() => cluster.stop());

type Owner = { master: MasterId; incarnation: Incarnation; host: string; epoch: number; claimRevision: number };

const ownersOf = (instance: InstanceId) =>
  cluster.eventsOf(instance).flatMap(({ type, data }) => (type === 'OwnershipTaken' ? [data as Owner] : []));

const lastOwnerOf = (instance: InstanceId) => ownersOf(instance).at(-1) as Owner;

const claimOf = (instance: InstanceId) => claimKey('workflowInstance', instance);

/** Runs without a worker, of both masters; those of `m1` first. */
async function submitIdle(count: number): Promise<{ ofFirst: InstanceId[]; ofSecond: InstanceId[] }> {
  await cluster.register(workflowOf([taskOf('a')]));
  const receipts = await Promise.all(Array.from({ length: count }, () => cluster.submit('tested')));
  const of = (master: string) =>
    receipts.map(({ instance }) => instance).filter((id) => lastOwnerOf(id).master === master);
  const runs = { ofFirst: of('m1'), ofSecond: of('m2') };
  expect(Math.min(runs.ofFirst.length, runs.ofSecond.length)).toBeGreaterThan(2);
  // What the survivor is to know it has heard.
  for (const id of runs.ofFirst) await eventually('it is listed', async () => (await cluster.show(id)).run.status);
  return runs;
}

test('runs of a killed master are taken over without a list of all claims', async () => {
  const { ofFirst } = await submitIdle(40);
  const entries = vi.spyOn(cluster.claims, 'entries');
  cluster.kill('m1');
  for (const id of ofFirst) await expect.poll(() => lastOwnerOf(id).master, { interval: 5 }).toBe('m2');
  for (const id of ofFirst) expect(ownersOf(id)).toMatchObject([{ epoch: 1 }, { epoch: 2, reason: 'masterLost' }]);
  expect(entries.mock.calls.filter(([prefix]) => prefix === claimKey('workflowInstance', ''))).toEqual([]);
});

test('a claim that has changed since is read again: of a living master it is left alone, else it is taken', async () => {
  await cluster.startMaster('m3');
  await cluster.whenKnown(3);
  const { ofFirst, ofSecond } = await submitIdle(40);
  const [changed, lost, foreign] = ofFirst as [InstanceId, InstanceId, InstanceId];
  const { claimRevision: _, ...living } = lastOwnerOf(ofSecond[0] as InstanceId);
  await cluster.claims.put(claimOf(changed), (await cluster.claims.get(claimOf(changed)))?.value);
  await cluster.claims.remove(claimOf(lost));
  const { master, incarnation, host } = living;
  await cluster.claims.put(claimOf(foreign), { master, incarnation, host, epoch: 2 });
  cluster.kill('m1');
  for (const id of ofFirst.filter((one) => one !== foreign)) {
    await expect.poll(() => ownersOf(id).length, { interval: 5 }).toBe(2);
  }
  // Its claimer has not written, and takes it up again by itself.
  await expect.poll(() => ownersOf(foreign).at(-1)?.master, { timeout: 5_000 }).toBe(master);
  expect(ownersOf(foreign)).toHaveLength(2);
});

test('a run that nobody has is found by its claim, though the journal and the claim name two living masters', async () => {
  await cluster.stop();
  cluster = await MemoryCluster.create({ recoveryIntervalMs: 300, takeoverGraceMs: 50 });
  await cluster.startMaster('m1');
  await cluster.startMaster('m2');
  await cluster.whenKnown(2);
  const { ofFirst, ofSecond } = await submitIdle(40);
  // As after a loss of writes: the claims are those of an earlier owner. The next change of masters makes them matter.
  const { master, incarnation, host } = lastOwnerOf(ofSecond[0] as InstanceId);
  for (const id of ofFirst) await cluster.claims.put(claimOf(id), { master, incarnation, host, epoch: 1 });
  await cluster.startMaster('m3');
  for (const id of ofFirst) {
    await expect
      .poll(() => ownersOf(id)[1], { timeout: 5_000, interval: 20 })
      .toMatchObject({
        master: 'm2',
        reason: 'claimLost',
      });
  }
  await cluster.startWorker('w1');
  for (const id of ofFirst) expect((await cluster.whenEnded(id)).run.status).toBe('succeeded');
});

test('what is known of an owner goes with the end of the run', () => {
  const owners = new KnownOwners();
  const [one, other] = ['run-1', 'run-2'] as [InstanceId, InstanceId];
  const owner = { master: 'm1' as MasterId, incarnation: 'i1' as Incarnation, host: 'here' };
  owners.taken(one, { ...owner, epoch: 1, claimRevision: 7, reason: 'created' });
  owners.taken(other, { ...owner, epoch: 3, claimRevision: 9, reason: 'masterLost' });
  expect(owners.find(one)).toEqual({ claim: { ...owner, epoch: 1 }, revision: 7 });
  owners.applied([
    { kind: 'status', instance: one, status: 'succeeded', finishedAt: 1 },
    { kind: 'status', instance: other, status: 'running' },
  ]);
  expect(owners.find(one)).toBeUndefined();
  expect(owners.find(other)).toMatchObject({ revision: 9 });
  expect([owners.forget(other), owners.forget(other)]).toEqual([true, false]);
});
