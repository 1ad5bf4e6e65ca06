/** What people asked of a run holds when its master dies: the next owner goes on with it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import type { RunReply } from '../../schemas/messages/client.messages.ts';
import { commandReceiptSchema } from '../../schemas/messages/command.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { createJournalCertifier } from '../../src/certify/journal-certifier.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startMaster('m2');
  await cluster.startWorker('w1');
  await cluster.whenKnown(2);
});

afterEach(() => cluster.stop());

const signalled = (task: TaskDefinition): TaskDefinition => ({
  ...task,
  settings: { type: 'signal', name: 'go' as TaskName },
});
const lasting = (task: TaskDefinition, seconds: number): TaskDefinition => ({
  ...task,
  settings: { type: 'shell', command: `sleep ${seconds}`, graceMs: 100 },
});

async function started(tasks: TaskDefinition[]): Promise<InstanceId> {
  await cluster.register(workflowOf(tasks));
  return (await cluster.submit('tested')).instance;
}

const send = async (instance: InstanceId, command: object) =>
  commandReceiptSchema.parse(await cluster.ask(subjects.command, { instance, by: 'ann', ...command }));

const until = (instance: InstanceId, run: string, tasks: Record<string, string>) =>
  expect
    .poll(
      async () => {
        const reply = await cluster.show(instance);
        return { run: reply.run.status, ...Object.fromEntries(reply.tasks.map(({ task, status }) => [task, status])) };
      },
      { timeout: 10_000, interval: 10 },
    )
    .toMatchObject({ run, ...tasks });

/** Kills the owner, as soon as it has answered a last command, and waits for the next one. */
async function takenOver(instance: InstanceId, command?: object): Promise<RunReply> {
  const { owner } = await cluster.show(instance);
  if (command !== undefined) await send(instance, command);
  cluster.kill(owner?.master ?? '');
  const epoch = (owner?.epoch ?? 0) + 1;
  await expect.poll(async () => (await cluster.show(instance)).owner?.epoch, { timeout: 10_000 }).toBe(epoch);
  return cluster.show(instance);
}

async function endsWell(instance: InstanceId): Promise<void> {
  expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
  expect((await createJournalCertifier(cluster.store.connect()).certify(instance)).holds).toBe(true);
}

test('a pausing run is paused by the next owner when its last attempt has ended, and nothing is placed', async () => {
  const instance = await started([lasting(taskOf('a'), 1), taskOf('b', ['a'])]);
  await until(instance, 'running', { a: 'running' });
  await send(instance, { type: 'pause', key: 'p' });
  expect((await takenOver(instance)).run.status).toBe('pausing');
  await until(instance, 'paused', { a: 'succeeded', b: 'ready' });
  expect(await send(instance, { type: 'pause', key: 'p' })).toMatchObject({ changed: false });
  await send(instance, { type: 'resume' });
  await endsWell(instance);
});

test('a paused run stays paused, and may be stopped', async () => {
  const instance = await started([signalled(taskOf('a')), taskOf('b', ['a'])]);
  await until(instance, 'running', { a: 'awaiting' });
  await send(instance, { type: 'pause' });
  await until(instance, 'paused', { a: 'awaiting' });
  expect((await takenOver(instance)).run.status).toBe('paused');
  await send(instance, { type: 'sendSignal', name: 'go' });
  await until(instance, 'paused', { a: 'succeeded', b: 'ready' });
  await send(instance, { type: 'stop' });
  expect((await cluster.whenEnded(instance)).run.status).toBe('stopped');
});

test('a stop of one task, and of a run, is carried out by the next owner', async () => {
  const instance = await started([lasting(taskOf('a'), 30), lasting(taskOf('b'), 30), taskOf('c', ['a'])]);
  await until(instance, 'running', { a: 'running', b: 'running' });
  // The worker does not hear of it before the owner dies.
  const { owner } = await cluster.show(instance);
  await send(instance, { type: 'stopTask', task: 'a' });
  cluster.kill(owner?.master ?? '');
  await until(instance, 'running', { a: 'stopped', b: 'running', c: 'blocked' });
  await cluster.startMaster('m3');
  await cluster.whenKnown(2);
  await takenOver(instance, { type: 'stop' });
  expect((await cluster.whenEnded(instance)).run.status).toBe('stopped');
});

test('isolations, priorities and kept signals are still there', async () => {
  const instance = await started([
    { ...signalled(taskOf('first')), settings: { type: 'signal', name: 'begin' as TaskName } },
    taskOf('a', ['first']),
    taskOf('b', ['a']),
    signalled(taskOf('c', ['b'])),
  ]);
  await until(instance, 'running', { first: 'awaiting' });
  await send(instance, { type: 'isolateTask', task: 'a' });
  await send(instance, { type: 'changePriority', priority: 'highest' });
  await send(instance, { type: 'sendSignal', name: 'go', payload: 'kept' });
  await takenOver(instance);
  await send(instance, { type: 'sendSignal', name: 'begin' });
  await until(instance, 'running', { first: 'succeeded', a: 'ready', b: 'waiting' });
  await send(instance, { type: 'rejoinTask', task: 'a' });
  await endsWell(instance);
  const { tasks } = await cluster.show(instance);
  expect(tasks[3]?.outputs).toEqual({ payload: 'kept' });
});

test('an approval is asked for until somebody answers', async () => {
  const instance = await started([
    { ...taskOf('a'), settings: { type: 'approval', question: 'Go?' } },
    taskOf('b', ['a']),
  ]);
  await until(instance, 'running', { a: 'awaiting' });
  const { tasks } = await takenOver(instance);
  expect(tasks[0]).toMatchObject({ status: 'awaiting', note: 'waits for an approval: Go?', attempts: 1 });
  await send(instance, { type: 'approveTask', task: 'a', approved: true });
  await endsWell(instance);
});

test('a run that was opened again is taken over as often as it takes', async () => {
  const instance = await started([taskOf('a'), lasting(taskOf('b', ['a']), 0.1)]);
  await cluster.whenEnded(instance);
  await cluster.register(workflowOf([taskOf('a')]));
  await send(instance, { type: 'clearTasks', scope: 'all' });
  await takenOver(instance);
  await cluster.startMaster('m3');
  await cluster.whenKnown(2);
  await endsWell(instance);
  await send(instance, { type: 'clearTasks', scope: 'tasks', tasks: ['b'] });
  await endsWell(instance);
  const owners = cluster.eventsOf(instance).filter(({ type }) => type === 'OwnershipTaken');
  const reasons = owners.map(({ data }) => (data as { reason: string }).reason);
  expect(reasons).toEqual(['created', 'reopened', 'masterLost', 'reopened']);
});
