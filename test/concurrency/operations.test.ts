import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InstanceId, TaskGroupName, TaskName, WorkerGroup } from '../../schemas/ids.ts';
import { type OperationsReply, operationsReplySchema } from '../../schemas/messages/concurrency.messages.ts';
import { claimKey, operationsId, subjects } from '../../schemas/messages/subjects.ts';
import { actorStream } from '../../src/journal/codec.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { breachesIn } from './slot-usage.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startMaster('m2');
  await cluster.startWorker('w1', { slots: 32 });
  await cluster.whenKnown(2);
});
afterEach(async () => {
  await cluster.stop();
  expect(breachesIn(cluster.store)).toEqual([]);
});

const slow = (name: string, needs: string[], afterMs: number) => ({
  ...taskOf(name, needs),
  settings: { type: 'script' as const, steps: [{ result: 'succeed' as const, afterMs, outputs: {} }] },
});

async function operate(body: object): Promise<OperationsReply> {
  return operationsReplySchema.parse(await cluster.ask(subjects.operations, { by: 'ann', ...body }));
}

const inForce = async () => operationsReplySchema.parse(await cluster.ask(subjects.operations, { type: 'list' }));

const until = (what: string, holds: () => Promise<boolean>) =>
  eventually(what, async () => ((await holds()) ? true : undefined), 15_000);

const taskIn = async (run: InstanceId, name: string) =>
  (await cluster.show(run)).tasks.find(({ task }) => task === name);

const heldCodes = (run: InstanceId) =>
  cluster.eventsOf(run).flatMap(({ type, data }) => {
    return type === 'TaskHeld' ? [(data as { reason: { code: string } }).reason.code] : [];
  });

const submit = async (workflow = 'tested') => (await cluster.submit(workflow)).instance;

describe('a crown', () => {
  test('holds everything but its task and what that needs, says so, and is gone when the task has succeeded', async () => {
    const tasks = [slow('a', [], 800), slow('b', ['a'], 600), slow('c', ['b'], 10), slow('d', ['a'], 10)];
    await cluster.register(workflowOf(tasks));
    const crowned = await submit();
    await until('the first task runs', async () => (await taskIn(crowned, 'a'))?.status === 'running');
    const { crowns } = await operate({ type: 'crown', instance: crowned, task: 'c', reason: 'the report' });
    expect(crowns).toMatchObject([{ instance: crowned, task: 'c', upstreams: ['b'], by: 'ann', reason: 'the report' }]);
    const other = await submit();
    await until('the other run says why it waits', async () => {
      const note = (await taskIn(other, 'a'))?.note ?? '';
      return note.includes(`c of ${crowned} is crowned by ann: the report`);
    });
    await until('so does the rest of the crowned run', async () => heldCodes(crowned).includes('HELD_BY_CORONATION'));
    expect((await cluster.whenEnded(crowned)).run.status).toBe('succeeded');
    expect((await cluster.whenEnded(other)).run.status).toBe('succeeded');
    expect((await inForce()).crowns).toEqual([]);
    const removed = cluster.store.eventsOf('clusterOperations-main').find(({ type }) => type === 'CrownRemoved');
    expect(removed?.data).toMatchObject({ why: 'succeeded' });
    // What the crowned run does not need for its crown has waited for its end.
    const order = cluster.eventsOf(crowned).flatMap(({ type, data }) => {
      return type === 'TaskSucceeded' ? [(data as { task: TaskName }).task] : [];
    });
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  test('may be removed by a person, and is gone when its run was stopped', async () => {
    await cluster.register(workflowOf([slow('a', [], 60_000), slow('b', ['a'], 0)]));
    await cluster.register({ ...workflowOf([slow('a', [], 0)]), name: 'other' as never });
    const run = await submit();
    const { crowns } = await operate({ type: 'crown', instance: run, task: 'b' });
    const held = await submit('other');
    await until('it is held', async () => (await taskIn(held, 'a'))?.note?.includes('crowned') === true);
    await operate({ type: 'uncrown', id: crowns[0]?.id });
    expect((await cluster.whenEnded(held)).run.status).toBe('succeeded');
    await operate({ type: 'crown', instance: run, task: 'b' });
    const next = await submit('other');
    await cluster.ask(subjects.command, { type: 'stop', instance: run });
    expect((await cluster.whenEnded(next)).run.status).toBe('succeeded');
    await until('the crown is gone', async () => (await inForce()).crowns.length === 0);
  });

  test('finds another owner although nobody asks and its claim is lost with its owner', async () => {
    await cluster.register(workflowOf([slow('a', [], 60_000), slow('b', ['a'], 0)]));
    const run = await submit();
    await operate({ type: 'crown', instance: run, task: 'b' });
    const ownersOf = async () => {
      const masters: string[] = [];
      for await (const { type, data } of cluster.store.connect().read(actorStream('clusterOperations', operationsId))) {
        if (type === 'OwnershipTaken') masters.push((data as { master: string }).master);
      }
      return masters;
    };
    const [first = ''] = await ownersOf();
    await cluster.claims.remove(claimKey('clusterOperations', operationsId));
    cluster.kill(first);
    await until('another one owns the orders', async () => (await ownersOf()).length === 2);
    expect(new Set(await ownersOf())).toEqual(new Set(['m1', 'm2']));
  });

  test('is refused for what does not exist, has ended, or could never run', async () => {
    await cluster.register(workflowOf([slow('a', [], 0), slow('b', [], 60_000), slow('c', ['a', 'b'], 0)]));
    const run = await submit();
    await until('the first has ended', async () => (await taskIn(run, 'a'))?.status === 'succeeded');
    const ask = (body: object) => cluster.ask(subjects.operations, { type: 'crown', instance: run, ...body });
    expect(await ask({ task: 'x' })).toMatchObject({ code: 'ATTEMPT_NOT_FOUND' });
    expect(await ask({ task: 'a' })).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
    expect(await ask({ task: 'c', upstreams: ['a'] })).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
    expect(await ask({ task: 'c', upstreams: ['c'] })).toMatchObject({ code: 'BAD_REQUEST' });
    expect(await ask({ task: 'c', upstreams: ['b'] })).toMatchObject({ crowns: [{ task: 'c' }] });
  });
});

const setSlots = (slots: number) => cluster.ask(subjects.taskGroup('set'), { group: 'scarce', slots });
const grouped = { group: { name: 'scarce' as TaskGroupName } };

describe('a crown over a task group', () => {
  test('gets the slots for which others have waited longer, or which they hold without a worker', async () => {
    await setSlots(1);
    const idle = { ...slow('a', [], 0), ...grouped, workerGroup: 'nobody' as WorkerGroup };
    await cluster.register({ ...workflowOf([idle]), name: 'idle' as never });
    await cluster.register(workflowOf([{ ...slow('a', [], 600), ...grouped }]));
    const holding = await submit('idle');
    await until('it has the slot, and no worker', async () => heldCodes(holding).includes('NO_WORKER_IN_GROUP'));
    const [longest, crowned] = [await submit(), await submit()];
    await until('both wait for the slot', async () => {
      return heldCodes(longest).includes('GROUP_SLOTS_TAKEN') && heldCodes(crowned).includes('GROUP_SLOTS_TAKEN');
    });
    await operate({ type: 'crown', instance: crowned, task: 'a' });
    expect((await cluster.whenEnded(crowned)).run.status).toBe('succeeded');
    expect(heldCodes(longest)).toContain('HELD_BY_CORONATION');
    await cluster.ask(subjects.command, { type: 'stop', instance: holding });
    expect((await cluster.whenEnded(longest)).run.status).toBe('succeeded');
  });
});

describe('a freeze', () => {
  test('of a workflow holds its tasks only, also after a master was killed, until it is lifted', async () => {
    await cluster.register(workflowOf([slow('a', [], 0)]));
    await cluster.register({ ...workflowOf([slow('a', [], 0)]), name: 'other' as never });
    await operate({ type: 'freeze', target: { kind: 'workflow', name: 'tested' }, reason: 'month end' });
    const [frozen, free] = [await submit(), await submit('other')];
    expect((await cluster.whenEnded(free)).run.status).toBe('succeeded');
    const says = async () => (await taskIn(frozen, 'a'))?.note === 'the workflow tested is frozen by ann: month end';
    await until('it says why', says);
    cluster.kill((await cluster.show(frozen)).owner?.master as string);
    await until('another master has the run', async () => (await cluster.show(frozen)).owner?.epoch === 2);
    expect((await taskIn(frozen, 'a'))?.status).toBe('ready');
    await operate({ type: 'unfreeze', target: { kind: 'workflow', name: 'tested' } });
    expect((await cluster.whenEnded(frozen)).run.status).toBe('succeeded');
  });

  test('holds a task whose priority is changed meanwhile, and lets it go', async () => {
    await cluster.register(workflowOf([slow('a', [], 0)]));
    const target = { kind: 'workflow', name: 'tested' };
    await operate({ type: 'freeze', target });
    const run = await submit();
    await until('it says why', async () => (await taskIn(run, 'a'))?.note === 'the workflow tested is frozen by ann');
    const change = { type: 'changePriority', instance: run, task: 'a', priority: 'lowest' };
    expect(await cluster.ask(subjects.command, change)).toMatchObject({ changed: true });
    await operate({ type: 'unfreeze', target });
    expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
  });

  test('of a worker group holds the tasks of that group', async () => {
    await cluster.register(workflowOf([slow('a', [], 0)]));
    const frozen = { kind: 'workerGroup', name: 'default' };
    expect((await operate({ type: 'freeze', target: frozen })).freezes).toMatchObject([{ target: frozen }]);
    const run = await submit();
    await until(
      'it says why',
      async () => (await taskIn(run, 'a'))?.note === 'the worker group default is frozen by ann',
    );
    expect((await operate({ type: 'unfreeze', target: frozen })).freezes).toEqual([]);
    expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
  });

  test('is kept by the next owner of the operations when theirs is killed', async () => {
    await cluster.register(workflowOf([slow('a', [], 0)]));
    const frozen = { kind: 'workflow', name: 'tested' };
    await operate({ type: 'freeze', target: frozen });
    const owners = () =>
      cluster.store
        .eventsOf('clusterOperations-main')
        .flatMap(({ type, data }) => (type === 'OwnershipTaken' ? [(data as { master: string }).master] : []));
    const [first] = owners();
    cluster.kill(first as string);
    await until('another master owns them', async () => owners().length === 2);
    expect(owners()[1]).not.toBe(first);
    const run = await submit();
    await until('the run is held', async () => heldCodes(run).includes('WORKFLOW_FROZEN'));
    expect((await operate({ type: 'unfreeze', target: frozen })).freezes).toEqual([]);
    expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
  });
});
