import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Concurrency, Priority, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { RunReply } from '../../schemas/messages/client.messages.ts';
import { commandReceiptSchema } from '../../schemas/messages/command.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { breachesIn, everythingIn } from './slot-usage.ts';

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

const serial = (concurrency: Concurrency, afterMs: number): WorkflowDefinition => ({
  ...workflowOf([
    { ...taskOf('a'), settings: { type: 'script', steps: [{ result: 'succeed', afterMs, outputs: {} }] } },
  ]),
  concurrency,
});

const submit = async (body: { priority?: Priority } = {}): Promise<InstanceId> =>
  (await cluster.submit('tested', body)).instance;

const until = (what: string, holds: () => Promise<boolean>) =>
  eventually(what, async () => ((await holds()) ? true : undefined), 15_000);

const isBegun = async (run: InstanceId) => (await cluster.show(run)).tasks[0]?.attempts === 1;

/** Most runs whose task was live at once. */
function activeMax(): number {
  const live = new Set<string>();
  let most = 0;
  for (const { stream, type } of everythingIn(cluster.store)) {
    if (type === 'TaskAssigned') live.add(stream);
    if (/^Workflow(Succeeded|Failed|Stopped)$/.test(type)) live.delete(stream);
    most = Math.max(most, live.size);
  }
  return most;
}

const stopsOf = (run: InstanceId) =>
  cluster
    .eventsOf(run)
    .filter(({ type }) => type === 'WorkflowStopRequested')
    .map(({ data }) => data as { by: string; reason: string });
const stopOf = (run: InstanceId) => stopsOf(run)[0] as { by: string; reason: string };

async function openAgain(instance: InstanceId): Promise<void> {
  const order = { type: 'clearTasks', instance, scope: 'all', by: 'ann' };
  expect(commandReceiptSchema.parse(await cluster.ask(subjects.command, order)).changed).toBe(true);
}

async function ended(runs: readonly InstanceId[]): Promise<RunReply['run']['status'][]> {
  const replies = await Promise.all(runs.map((run) => cluster.whenEnded(run)));
  return replies.map(({ run }) => run.status);
}

describe('runs of a workflow', () => {
  test('with `wait` come one after the other, in the order in which they were submitted', async () => {
    await cluster.register(serial({ policy: 'wait' }, 10));
    const runs: InstanceId[] = [];
    for (let count = 0; count < 8; count += 1) runs.push(await submit());
    expect(new Set(await ended(runs))).toEqual(new Set(['succeeded']));
    expect(activeMax()).toBe(1);
    const admitted = cluster.store.eventsOf('workflowQueue-tested').filter(({ type }) => type === 'RunAdmitted');
    expect(admitted.map(({ data }) => (data as { instance: InstanceId }).instance)).toEqual(runs);
  });

  test('with `parallel` and a limit are never more than that', async () => {
    await cluster.register(serial({ policy: 'parallel', activeMax: 3 }, 20));
    const runs = await Promise.all(Array.from({ length: 12 }, () => submit()));
    expect(new Set(await ended(runs))).toEqual(new Set(['succeeded']));
    expect(activeMax()).toBe(3);
  });

  test('with `discard` end as stopped, with the reason, while another one runs', async () => {
    await cluster.register(serial({ policy: 'discard' }, 1_000));
    const first = await submit();
    await until('the first runs', () => isBegun(first));
    const second = await submit();
    expect(await ended([first, second])).toEqual(['succeeded', 'stopped']);
    expect(stopOf(second)).toMatchObject({ by: 'workflowQueue tested' });
    expect(stopOf(second).reason).toContain(first);
    expect(await ended([await submit()])).toEqual(['succeeded']);
  });

  test('with `priority` take the place of the running one, which is stopped', async () => {
    await cluster.register(serial({ policy: 'priority' }, 5_000));
    const first = await submit();
    await until('the first runs', () => isBegun(first));
    const second = await submit();
    await until('the second runs', () => isBegun(second));
    expect(await ended([first])).toEqual(['stopped']);
    expect(stopOf(first).reason).toContain(second);
    expect(activeMax()).toBe(1);
  });

  test('that wait may be stopped, and the next one has its turn', async () => {
    await cluster.register(serial({ policy: 'wait' }, 800));
    const [first, second, third] = [await submit(), await submit(), await submit()];
    await cluster.ask(subjects.command, { type: 'stop', instance: second });
    expect(await ended([first, second, third])).toEqual(['succeeded', 'stopped', 'succeeded']);
  });

  test('go on one after the other when the owner of the queue is killed', async () => {
    await cluster.startMaster('m2');
    await cluster.whenKnown(2);
    await cluster.register(serial({ policy: 'wait' }, 20));
    const runs: InstanceId[] = [];
    for (let count = 0; count < 10; count += 1) runs.push(await submit());
    await until('some have ended', async () => (await cluster.show(runs[3] as InstanceId)).run.status === 'succeeded');
    const [taken] = cluster.store.eventsOf('workflowQueue-tested');
    if (taken === undefined) throw new Error('the queue has no owner');
    cluster.kill((taken.data as { master: string }).master);
    expect(new Set(await ended(runs))).toEqual(new Set(['succeeded']));
    expect(activeMax()).toBe(1);
    await until('the queue is empty', async () => {
      const left = cluster.store.eventsOf('workflowQueue-tested').filter(({ type }) => type === 'RunLeft');
      return left.length === runs.length;
    });
  });
});

describe('a run that was opened again', () => {
  test('does not take what a queue says of its former turn, which it has not heard to be over', async () => {
    await cluster.register(serial({ policy: 'wait' }, 500));
    const [first, second] = [await submit(), await submit()];
    await cluster.whenEnded(first);
    await until('the second runs', () => isBegun(second));
    await openAgain(first);
    const lateOwner = cluster.network.connect('late owner');
    for (const state of ['admitted', 'discarded']) {
      lateOwner.publish(subjects.masters.admission, {
        workflow: 'tested',
        instance: first,
        state,
        evidence: 'long ago',
      });
    }
    expect(await ended([second, first])).toEqual(['succeeded', 'succeeded']);
    expect(activeMax()).toBe(1);
  });

  test('is stopped for each run that takes its place, also for the same one twice', async () => {
    await cluster.register(serial({ policy: 'priority' }, 5_000));
    const first = await submit();
    await until('the first runs', () => isBegun(first));
    const second = await submit();
    expect(await ended([first])).toEqual(['stopped']);
    await openAgain(first);
    expect(await ended([second])).toEqual(['stopped']);
    await until('the first runs again', async () => (await cluster.show(first)).tasks[0]?.status === 'running');
    await openAgain(second);
    await until('the first is stopped again', async () => stopsOf(first).length === 2);
    expect(await ended([first])).toEqual(['stopped']);
    expect(activeMax()).toBe(1);
  });
});
