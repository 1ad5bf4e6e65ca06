/** Masters that hand runs over while the world goes on: nobody brings a run back, and nobody's request is lost. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Incarnation, InstanceId, MasterId } from '../../schemas/ids.ts';
import type { Receipt } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { Handover } from '../../src/master/handover.ts';
import type { InstanceHost } from '../../src/master/instance-host.ts';
import type { MemberDirectory } from '../../src/membership/member-directory.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { testIds } from '../worker/stepped-clock.ts';

const joined = {
  kind: 'master',
  id: 'm2' as MasterId,
  incarnation: testIds.uuid() as Incarnation,
  host: 'here',
  pid: 1,
  startedAt: 0,
  state: 'active',
  actorCount: 0,
  incidentCount: 0,
  load: { cpu: 0, memory: 0 },
} as const;

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { slots: 40 });
});

afterEach(() => cluster.stop());

const ownersOf = (instance: InstanceId) =>
  cluster
    .eventsOf(instance)
    .filter(({ type }) => type === 'OwnershipTaken')
    .map(({ data }) => (data as { master: string }).master);

async function submitSleepers(count: number): Promise<Receipt[]> {
  const sleeper = taskOf('a');
  sleeper.settings = { type: 'wait', durationMs: 20_000 };
  await cluster.register(workflowOf([sleeper]));
  return Promise.all(Array.from({ length: count }, () => cluster.submit('tested')));
}

test('a run that is being handed over is not brought back by who asks its former owner for it', async () => {
  const instances = (await submitSleepers(20)).map(({ instance }) => instance);
  let isOver = false;
  const ask = async (instance: InstanceId): Promise<void> => {
    const command = { type: 'resolveLost', instance, task: 'a', decision: 'fail', by: 'ann', key: 'k' };
    while (!isOver) await cluster.ask(subjects.master.command('m1' as MasterId), command).catch(() => {});
  };
  const asking = instances.map(ask);
  await cluster.startMaster('m2');
  const moved = () => instances.filter((instance) => ownersOf(instance).at(-1) === 'm2');
  await expect.poll(() => moved().length).toBeGreaterThan(3);
  isOver = true;
  await Promise.all(asking);
  for (const instance of instances)
    expect(ownersOf(instance)).toEqual(moved().includes(instance) ? ['m1', 'm2'] : ['m1']);
});

test.each([
  ['nobody listens', undefined],
  ['another life of it answers', 'other'],
])('a master that has joined is handed nothing while %s', async (_, answer) => {
  const network = createMemoryNetwork({ clock: systemClock });
  const peer = network.connect('m2');
  if (answer !== undefined) {
    peer.subscribe(subjects.master.ping(joined.id), ({ reply = '' }) =>
      peer.publish(reply, { incarnation: testIds.uuid() }),
    );
  }
  const retire = vi.fn();
  const runs = Array.from({ length: 20 }, () => ({ id: testIds.uuid(), claimRevision: 1 }));
  // Reason for the casts: what the handover reads and calls is all there.
  const host = { count: runs.length, instances: () => runs.values(), retire } as unknown as InstanceHost;
  const members = { masters: () => [joined].values() } as unknown as MemberDirectory;
  const transport = network.connect('m1');
  const handover = new Handover({ master: 'm1' as MasterId, transport, host, members, log: silentLog });
  await handover.shareWith(joined);
  expect(retire).not.toHaveBeenCalled();
});

/** Holds up the next submission at its claim; resolves when it is there. */
function holdUpNextClaim(forMs: number): Promise<void> {
  const create = cluster.claims.create.bind(cluster.claims);
  return new Promise((reached) => {
    vi.spyOn(cluster.claims, 'create').mockImplementationOnce(async (key, value) => {
      reached();
      await new Promise((resolve) => setTimeout(resolve, forMs));
      return create(key, value);
    });
  });
}

test('who submits while the master is told to stop has a receipt before it is gone', async () => {
  await cluster.register(workflowOf([taskOf('a')]));
  const underWay = holdUpNextClaim(300);
  const receipt = cluster.submit('tested');
  await underWay;
  await cluster.stopMaster('m1');
  cluster.network.kill('m1');
  expect(ownersOf((await receipt).instance)).toEqual(['m1']);
});

test('a master that is told to stop does not seem dead before it has handed over', async () => {
  const instances = (await submitSleepers(3)).map(({ instance }) => instance);
  const underWay = holdUpNextClaim(1_500);
  void cluster.submit('tested');
  await underWay;
  await cluster.startMaster('m2');
  await cluster.whenKnown(2);
  await cluster.stopMaster('m1');
  for (const instance of instances) {
    const reasons = cluster.eventsOf(instance).filter(({ type }) => type === 'OwnershipTaken');
    expect(reasons.map(({ data }) => (data as { reason: string }).reason)).toEqual(['created', 'handedOver']);
  }
});
