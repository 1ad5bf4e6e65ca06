/** Steering with real processes and the real command line: pause, retry and signals while masters are killed. */
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, TaskName, WorkflowName } from '../../schemas/ids.ts';
import { commandReceiptSchema } from '../../schemas/messages/command.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { lasting, scripted } from '../kit/waiting-tasks.ts';

let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    workers: ['worker-1'],
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500, workerAbsenceMaxMs: 30_000 },
    worker: { heartbeatIntervalMs: 500 },
  });
});
afterAll(() => cluster.remove());

const named = (name: string, tasks: TaskDefinition[]): WorkflowDefinition =>
  workflowOf(tasks, { name: name as WorkflowName });

async function millrace(...args: string[]): Promise<string> {
  const { exitCode, stdout, output } = await cluster.millrace(...args);
  expect(exitCode, output).toBe(0);
  return stdout;
}

/** SIGKILL to the owner; resolves when another one has the run. */
async function killOwner(instance: InstanceId): Promise<void> {
  const { owner } = await cluster.client.show(instance);
  await cluster.process(owner?.master ?? '').end('SIGKILL');
  const epoch = (owner?.epoch ?? 0) + 1;
  await cluster.client.whenWritten(instance, ({ type, data }) => type === 'OwnershipTaken' && data.epoch === epoch);
  await cluster.startMissing();
}

const whenIn = (instance: InstanceId, status: string) =>
  eventually(`the run is ${status}`, async () =>
    (await cluster.client.show(instance)).run.status === status ? true : undefined,
  );

test('a paused run stays paused while its masters are killed, goes on, and takes a kept signal', async () => {
  onTestFailed(() => console.error(cluster.log()));
  const waiting: TaskDefinition = { ...taskOf('c', ['b']), settings: { type: 'signal', name: 'go' as TaskName } };
  const definition = named('held', [lasting('a', 1_500), scripted('b', ['a'], {}), waiting, scripted('d', ['c'], {})]);
  await cluster.client.register(definition);
  const { instance } = await cluster.client.submit('held');
  await cluster.client.whenWritten(instance, ({ type }) => type === 'TaskStarted');
  await cluster.client.ask(subjects.command, { type: 'pause', instance, by: 'ann', key: 'pause' });
  await killOwner(instance);
  await whenIn(instance, 'paused');
  await killOwner(instance);
  await millrace('signal', instance, 'go', '{"by": "hand"}');
  await millrace('resume', instance);
  const ended = await cluster.client.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(ended.tasks.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
  expect(ended.tasks[2]?.outputs).toEqual({ payload: { by: 'hand' } });
  await cluster.client.soundHistory(definition, instance);
});

test('an ended run is opened once, whoever is asked and whoever dies', async () => {
  onTestFailed(() => console.error(cluster.log()));
  const work = scripted('b', ['a'], { result: 'fail', message: 'no' });
  const waiting: TaskDefinition = { ...taskOf('c', ['b']), settings: { type: 'signal', name: 'go' as TaskName } };
  const definition = named('again', [scripted('a', [], {}), work, waiting]);
  await cluster.client.register(definition);
  const { instance } = await cluster.client.submit('again');
  expect((await cluster.client.whenEnded(instance)).run.status).toBe('failed');
  const forced = ['force', instance, 'b', '--key', 'forced', '--json'];
  const answers = await Promise.all([millrace(...forced), millrace(...forced), millrace(...forced)]);
  const receipts = answers.map((answer) => commandReceiptSchema.parse(JSON.parse(answer)));
  expect(receipts.filter(({ changed }) => changed)).toHaveLength(1);
  await killOwner(instance);
  await millrace('signal', instance, 'go');
  const ended = await cluster.client.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(ended.tasks.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  const history = await cluster.client.soundHistory(definition, instance);
  expect(history.filter(({ type }) => type === 'WorkflowReopened')).toHaveLength(1);
});
