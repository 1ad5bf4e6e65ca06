/** What becomes of tasks whose worker is lost, by the policy of each, and of offers that are refused for good. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finalRefusalsMax } from '../../actors/task-instance/final-refusals.ts';
import type { OnWorkerLost } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
});

afterEach(() => cluster.stop());

const typesOf = (instance: InstanceId) => cluster.eventsOf(instance).map(({ type }) => type);
const statusOf = async (instance: InstanceId) => (await cluster.show(instance)).tasks[0]?.status;
const whenStatus = (instance: InstanceId, status: string) => expect.poll(() => statusOf(instance)).toBe(status);

/** A run whose only task runs at w1 for so long. */
async function runningUnder(onWorkerLost: OnWorkerLost, sleepSeconds: number): Promise<InstanceId> {
  await cluster.startWorker('w1');
  const task = taskOf('a', [], { onWorkerLost });
  task.settings = { type: 'shell', command: `sleep ${sleepSeconds}`, graceMs: 100 };
  await cluster.register(workflowOf([task]));
  const { instance } = await cluster.submit('tested');
  await whenStatus(instance, 'running');
  return instance;
}

const resolve = (instance: InstanceId, decision: 'retry' | 'fail') =>
  cluster.ask(subjects.command, { type: 'resolveLost', instance, task: 'a', decision, by: 'ann', key: 'k' });

test('wait: the attempt of a worker that returns goes on, and its result counts', async () => {
  const instance = await runningUnder({ policy: 'wait', returnLimitMs: 60_000 }, 4);
  cluster.network.setAway('w1', true);
  await whenStatus(instance, 'absent');
  expect((await cluster.show(instance)).tasks[0]).toMatchObject({ dueAt: expect.any(Number) });
  cluster.network.setAway('w1', false);
  await whenStatus(instance, 'running');
  const ended = await cluster.whenEnded(instance);
  expect(ended.tasks).toMatchObject([{ status: 'succeeded', attempts: 1 }]);
  expect(typesOf(instance)).toEqual(expect.arrayContaining(['TaskWorkerAbsent', 'TaskWorkerReturned']));
  expect(typesOf(instance)).not.toContain('TaskLost');
});

test('wait: a worker that stays away is lost at the limit, and the task runs elsewhere', async () => {
  const instance = await runningUnder({ policy: 'wait', returnLimitMs: 100 }, 1);
  cluster.kill('w1');
  await cluster.startWorker('w2');
  const ended = await cluster.whenEnded(instance);
  expect(ended.tasks).toMatchObject([{ status: 'succeeded', attempts: 2, worker: 'w2' }]);
});

test('fail: the task fails with its worker', async () => {
  const instance = await runningUnder({ policy: 'fail' }, 5);
  cluster.kill('w1');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('failed');
  expect(ended.tasks[0]?.note).toContain('fails when its worker is lost');
});

test('ask: a person lets the task run again, also after a takeover; the command may be repeated', async () => {
  const instance = await runningUnder({ policy: 'ask' }, 1);
  cluster.kill('w1');
  await whenStatus(instance, 'absent');
  await cluster.startMaster('m2');
  cluster.kill('m1');
  await expect.poll(async () => (await cluster.show(instance)).owner?.master).toBe('m2');
  expect(await statusOf(instance)).toBe('absent');
  expect(await resolve(instance, 'retry')).toMatchObject({ changed: true });
  expect(await resolve(instance, 'retry')).toMatchObject({ changed: false });
  await cluster.startWorker('w2');
  const ended = await cluster.whenEnded(instance);
  expect(ended.tasks).toMatchObject([{ status: 'succeeded', attempts: 2, worker: 'w2' }]);
  expect(await resolve(instance, 'retry')).toMatchObject({ changed: false });
});

test('ask: a person lets the task fail; a running task is not decided', async () => {
  const instance = await runningUnder({ policy: 'ask' }, 5);
  expect(await resolve(instance, 'fail')).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
  cluster.kill('w1');
  await whenStatus(instance, 'absent');
  await resolve(instance, 'fail');
  const ended = await cluster.whenEnded(instance);
  expect(ended.tasks[0]).toMatchObject({ status: 'failed', note: expect.stringContaining('ann decided') });
});

test('a run is stopped although its worker is absent', async () => {
  const instance = await runningUnder({ policy: 'ask' }, 5);
  cluster.kill('w1');
  await whenStatus(instance, 'absent');
  await cluster.ask(subjects.command, { type: 'stop', instance });
  expect((await cluster.whenEnded(instance)).run.status).toBe('stopped');
});

test('a task of a type that no worker knows fails after some refusals', async () => {
  await cluster.startWorker('w1');
  const task = taskOf('a');
  task.settings = { type: 'http', method: 'GET', url: 'http://localhost/', headers: {}, expectStatus: ['2xx'] };
  await cluster.register(workflowOf([task]));
  const { instance } = await cluster.submit('tested');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('failed');
  expect(ended.tasks[0]?.note).toContain('no task type http');
  expect(typesOf(instance).filter((type) => type === 'TaskAssigned')).toHaveLength(finalRefusalsMax);
});
