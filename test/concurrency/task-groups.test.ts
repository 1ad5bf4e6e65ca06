import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, MasterId, TaskGroupName } from '../../schemas/ids.ts';
import { type GroupsReply, groupsReplySchema } from '../../schemas/messages/concurrency.messages.ts';
import { subjects, type TaskGroupOperation } from '../../schemas/messages/subjects.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { breachesIn, everythingIn, slotUsageOf } from './slot-usage.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { slots: 32 });
});
afterEach(async () => {
  await cluster.stop();
  expect(breachesIn(cluster.store)).toEqual([]);
});

const grouped = (name: string, afterMs: number, more: Partial<TaskDefinition> = {}): TaskDefinition => ({
  ...taskOf(name),
  settings: { type: 'script', steps: [{ result: 'succeed', afterMs, outputs: {} }] },
  group: { name: 'scarce' as TaskGroupName },
  ...more,
});

async function group(operation: TaskGroupOperation, body: object = {}): Promise<GroupsReply['groups'][number]> {
  const reply = groupsReplySchema.parse(await cluster.ask(subjects.taskGroup(operation), { group: 'scarce', ...body }));
  const [view] = reply.groups;
  if (view === undefined) throw new Error('there is no such group');
  return view;
}

const submitMany = (count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await cluster.submit('tested')).instance));

const until = (what: string, holds: () => Promise<boolean>) =>
  eventually(what, async () => ((await holds()) ? true : undefined), 15_000);

const noteOf = async (instance: InstanceId) => (await cluster.show(instance)).tasks[0]?.note;

describe('a task group', () => {
  test('of two slots never has more than two tasks of many runs at work, and all of them run', async () => {
    await group('set', { slots: 2 });
    await cluster.register(workflowOf([grouped('a', 10)]));
    const runs = await submitMany(20);
    for (const run of runs) expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
    const usage = slotUsageOf(everythingIn(cluster.store), 'scarce', 'a');
    expect(usage).toEqual({ takenMax: 2, liveMax: 2, grantCount: 20 });
    await until('all slots are given back', async () => (await group('list')).taken === 0);
  });

  test('that nobody has configured holds its tasks until it has slots', async () => {
    await cluster.register(workflowOf([grouped('a', 0)]));
    const [run] = await submitMany(1);
    await until('the task says why', async () => /no slots yet/.test((await noteOf(run as InstanceId)) ?? ''));
    await group('set', { slots: 1 });
    expect((await cluster.whenEnded(run as InstanceId)).run.status).toBe('succeeded');
  });

  test('that is closed grants nothing, names itself as the reason, and goes on when it is opened', async () => {
    await group('set', { slots: 5 });
    await group('close', { by: 'ann', reason: 'repairs' });
    await cluster.register(workflowOf([grouped('a', 0)]));
    const [run] = await submitMany(1);
    await until('the task says why', async () => (await noteOf(run as InstanceId))?.includes('is closed') === true);
    expect(await group('list')).toMatchObject({ status: 'closed', taken: 0, waitingCount: 1 });
    await group('open');
    expect((await cluster.whenEnded(run as InstanceId)).run.status).toBe('succeeded');
  });

  test('names who holds its slots, lets a person force one, and serves by priority', async () => {
    await group('set', { slots: 1 });
    await cluster.register(workflowOf([grouped('a', 1_500)]));
    const [first] = await submitMany(1);
    await until('the first has the slot', async () => (await group('list')).taken === 1);
    const [second] = await submitMany(1);
    await until('the second names it', async () =>
      ((await noteOf(second as InstanceId)) ?? '').includes(`a of ${first}`),
    );
    const [third] = await submitMany(1);
    await until('the third waits', async () => (await group('list')).waitingCount === 2);
    await group('priority', { instance: third, task: 'a', priority: 'highest' });
    const forced = await group('force', { instance: second, task: 'a', by: 'ann' });
    expect(forced).toMatchObject({ taken: 2, waitingCount: 1 });
    for (const run of [first, second, third]) await cluster.whenEnded(run as InstanceId);
  });

  test('refuses what it cannot do with a code', async () => {
    const refused = await cluster.ask(subjects.taskGroup('open'), { group: 'scarce' });
    expect(refused).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
    await group('set', { slots: 1 });
    const body = { group: 'scarce', instance: '00000000-0000-4000-8000-000000000001', task: 'a' };
    expect(await cluster.ask(subjects.taskGroup('force'), body)).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
    expect(await cluster.ask(subjects.taskGroup('set'), { group: '1 2' })).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('gets its slot back while a task backs off, and from a run that is stopped while it waits', async () => {
    await group('set', { slots: 1 });
    const failing = grouped('a', 0, {
      settings: {
        type: 'script',
        steps: [
          { result: 'fail', afterMs: 20, outputs: {} },
          { result: 'succeed', afterMs: 0, outputs: {} },
        ],
      },
      retry: { attempts: 2, delayMs: 1_500, backoff: 1, delayMaxMs: 1_500, jitter: 0 },
    });
    await cluster.register(workflowOf([failing]));
    const [run] = await submitMany(1);
    await until('the task backs off without its slot', async () => {
      const { tasks } = await cluster.show(run as InstanceId);
      return tasks[0]?.status === 'backingOff' && (await group('list')).taken === 0;
    });
    await cluster.whenEnded(run as InstanceId);
    expect(slotUsageOf(everythingIn(cluster.store), 'scarce', 'a').grantCount).toBe(2);
    await group('close');
    const [waiting] = await submitMany(1);
    await until('it waits', async () => (await group('list')).waitingCount === 1);
    await cluster.ask(subjects.command, { type: 'stop', instance: waiting });
    expect((await cluster.whenEnded(waiting as InstanceId)).run.status).toBe('stopped');
    await until('it waits no more', async () => (await group('list')).waitingCount === 0);
  });

  test('hears nothing that a former owner of a run says late, also when the group has another owner since', async () => {
    await cluster.startMaster('m2');
    await cluster.whenKnown(2);
    await group('set', { slots: 1 });
    await cluster.register(workflowOf([grouped('a', 2_500)]));
    const [run] = (await submitMany(1)) as [InstanceId];
    await until('the task runs', async () => (await cluster.show(run)).tasks[0]?.status === 'running');
    cluster.kill((await cluster.show(run)).owner?.master as string);
    await until('the run has another owner', async () => (await cluster.show(run)).owner?.epoch === 2);
    const { master } = (await cluster.show(run)).owner ?? {};
    await until('the group has it too', async () => (await group('list')).owner?.master === master);
    const holder = { instance: run, task: 'a', round: 0, turn: 0 };
    const late = { type: 'sync', sequence: 1, requests: [], releases: [{ holder, why: 'ended', epoch: 1 }] };
    const body = { kind: 'taskGroup', id: 'scarce', question: late };
    expect(await cluster.ask(subjects.master.actor(master as MasterId), body)).toMatchObject({ group: 'scarce' });
    expect(await group('list')).toMatchObject({ taken: 1, owner: { epoch: 2 } });
    expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
  });

  test('is taken over with all that it knows when its owner is killed, and never exceeds its slots', async () => {
    await cluster.startMaster('m2');
    await cluster.whenKnown(2);
    await group('set', { slots: 3 });
    await cluster.register(workflowOf([grouped('a', 30)]));
    const runs = await submitMany(30);
    await until('some are done', async () => {
      const shown = await Promise.all(runs.map((run) => cluster.show(run)));
      return shown.filter(({ run }) => run.status === 'succeeded').length > 5;
    });
    const { owner } = await group('list');
    cluster.kill(owner?.master as string);
    for (const run of runs) expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
    const usage = slotUsageOf(everythingIn(cluster.store), 'scarce', 'a');
    expect(usage.takenMax).toBeLessThanOrEqual(3);
    expect(usage.liveMax).toBeLessThanOrEqual(3);
    const view = await eventually('all slots are given back', async () => {
      const now = await group('list');
      return now.taken === 0 ? now : undefined;
    });
    expect(view).toMatchObject({ owner: { epoch: 2 } });
    expect(view.owner?.master).not.toBe(owner?.master);
  });
});
