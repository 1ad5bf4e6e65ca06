import { describe, expect, test } from 'vitest';
import type { EventView } from '../../schemas/messages/client.messages.ts';
import type { GroupsReply, OperationsReply } from '../../schemas/messages/concurrency.messages.ts';
import { createCommandLine, expectGolden } from './command-line.ts';

const instance = '0193a4c2-0000-7000-8000-0000000000aa';
const holder = { instance, round: 0, turn: 0, slots: 1, priority: 'medium' } as const;

function busyGroup(now: number): GroupsReply['groups'][number] {
  return {
    name: 'reports',
    status: 'open',
    slots: 2,
    taken: 2,
    waitingCount: 1,
    holders: [
      { ...holder, task: 'load', grantedAt: now - 60_000, isForced: false },
      { ...holder, task: 'print', grantedAt: now - 5_000, isForced: true },
    ],
    waiting: [{ ...holder, task: 'mail', priority: 'high', requestedAt: now - 1_000 }],
    owner: { master: 'm1', epoch: 3 },
  } as GroupsReply['groups'][number];
}

const inForce = {
  crowns: [{ id: 'c1', instance, task: 'report', upstreams: ['load'], placedAt: 0, by: 'ann', reason: 'by six' }],
  freezes: [{ target: { kind: 'workerGroup', name: 'gpu' }, placedAt: 0, by: 'bob' }],
} as unknown as OperationsReply;

const master = (count: number) => ({
  master: `m${count}`,
  incarnation: `0193a4c2-0000-7000-8000-00000000000${count}`,
  epoch: count,
});

function ownedEvent(revision: number, epoch: number, type: string, data: object): EventView {
  const metadata = { schemaVersion: 1, ...master(epoch), correlationId: 'c', causationId: 'c', decidedAt: revision };
  return { revision, id: `e${revision}`, type, data, metadata } as unknown as EventView;
}

const taken = (revision: number, epoch: number, reason: string): EventView =>
  ownedEvent(revision, epoch, 'OwnershipTaken', { ...master(epoch), host: 'here', claimRevision: epoch, reason });

const ownedEvents = [
  taken(0, 1, 'created'),
  ownedEvent(1, 1, 'TaskGroupConfigured', { slots: 2, isOpen: true, configuredAt: 1, key: 'k', by: 'ann' }),
  taken(2, 2, 'masterLost'),
];

const withStaleWrite = ownedEvents.map((event, index) =>
  index === 2 ? { ...event, metadata: { ...event.metadata, epoch: 0 } } : event,
);

describe('millrace group', () => {
  test('list shows a group with its holders and who waits', async () => {
    const box = createCommandLine();
    box.master.groups = [busyGroup(box.clock.now())];
    expect(await box.run('group', 'list', 'reports')).toBe(0);
    expectGolden('group', box.stdout());
    expect(box.master.requests.at(-1)).toEqual({ subject: 'millrace.v1.taskGroup.list', body: { group: 'reports' } });
  });

  test('list without a name asks for all, and says so when there are none', async () => {
    const box = createCommandLine();
    expect(await box.run('group', 'list')).toBe(0);
    expect(box.stderr()).toContain('millrace group set');
    expect(box.master.requests.at(-1)?.body).toEqual({});
  });

  test.each<[string[], object]>([
    [['set', 'reports', '--slots', '5'], { group: 'reports', slots: 5 }],
    [['close', 'reports', '--reason', 'repairs'], { group: 'reports', reason: 'repairs' }],
    [['open', 'reports'], { group: 'reports' }],
    [['force', 'reports', instance, 'mail'], { group: 'reports', instance, task: 'mail' }],
    [['priority', 'reports', instance, 'mail', '--priority', 'low'], { instance, task: 'mail', priority: 'low' }],
  ])('%j sends the order with a key', async (args, body) => {
    const box = createCommandLine();
    box.master.groups = [busyGroup(box.clock.now())];
    expect(await box.run('group', ...args, '--json')).toBe(0);
    const [request] = box.master.requests.slice(-1);
    expect(request?.subject).toBe(`millrace.v1.taskGroup.${args[0]}`);
    expect(request?.body).toMatchObject({ ...body, key: expect.any(String), by: 'command line' });
    expect(box.json()).toMatchObject({ groups: [{ name: 'reports' }] });
  });

  test.each([
    [['set', 'reports']],
    [['open']],
    [['force', 'reports']],
    [['priority', 'reports', instance, 'mail']],
    [['burn']],
  ])('%j is wrong usage', async (args) => {
    const box = createCommandLine();
    expect(await box.run('group', ...args)).toBe(64);
    expect(box.master.requests).toEqual([]);
  });
});

describe('millrace crown, freeze and unfreeze', () => {
  test('crown without a run shows what is in force', async () => {
    const box = createCommandLine();
    box.master.operations = inForce;
    expect(await box.run('crown')).toBe(0);
    expectGolden('crown', box.stdout());
    expect(box.master.requests.at(-1)?.body).toEqual({ type: 'list' });
  });

  test.each<[string[], object]>([
    [
      ['crown', instance, 'report', '--upstream', 'load'],
      { type: 'crown', instance, task: 'report', upstreams: ['load'] },
    ],
    [['crown', '--remove', 'c1'], { type: 'uncrown', id: 'c1' }],
    [['freeze', 'nightly'], { type: 'freeze', target: { kind: 'workflow', name: 'nightly' } }],
    [['unfreeze', '--worker-group', 'gpu'], { type: 'unfreeze', target: { kind: 'workerGroup', name: 'gpu' } }],
  ])('%j sends the order with a key', async (args, body) => {
    const box = createCommandLine();
    expect(await box.run(...args)).toBe(0);
    expect(box.master.requests.at(-1)?.body).toMatchObject({ ...body, key: expect.any(String), by: 'command line' });
  });

  test.each([[['crown', instance]], [['freeze']], [['freeze', 'a', '--worker-group', 'b']]])(
    '%j is wrong usage',
    async (args) => {
      const box = createCommandLine();
      expect(await box.run(...args)).toBe(64);
    },
  );
});

test('millrace certify --all looks at task groups too', async () => {
  const box = createCommandLine();
  box.master.groups = [busyGroup(box.clock.now())];
  box.master.actorEvents = ownedEvents;
  expect(await box.run('certify', '--all')).toBe(0);
  expect(box.stdout()).toContain('0 runs and 1 other actor  every invariant holds');
  box.master.actorEvents = withStaleWrite;
  expect(await box.run('certify', '--all')).toBe(1);
  expect(box.stdout()).toContain('broken  taskGroup/reports');
  expect(await box.run('certify', '--all', '--workflow', 'other')).toBe(0);
});

test('millrace certify --actor shows the owners of a group, and what is broken', async () => {
  const box = createCommandLine();
  box.master.actorEvents = ownedEvents;
  expect(await box.run('certify', '--actor', 'taskGroup/reports')).toBe(0);
  expectGolden('certify-actor', box.stdout());
  const broken = createCommandLine();
  broken.master.actorEvents = withStaleWrite;
  expect(await broken.run('certify', '--actor', 'taskGroup/reports')).toBe(1);
  expect(broken.stdout()).toContain('BROKEN I1');
  expect(await createCommandLine().run('certify', '--actor', 'taskGroup/none')).toBe(66);
  expect(await createCommandLine().run('certify', '--actor', 'group/none')).toBe(64);
});
