/** A master and workers over the memory twins: what users see of runs. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ScriptStep } from '../../schemas/definition/task-settings.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkerGroup } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { chainOf, diamondOf, fanOutOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
});

afterEach(() => cluster.stop());

const step = (step: Partial<ScriptStep>): ScriptStep => ({ result: 'succeed', afterMs: 0, outputs: {}, ...step });
const scripted = (task: TaskDefinition, ...steps: Partial<ScriptStep>[]): TaskDefinition => ({
  ...task,
  settings: { type: 'script', steps: steps.map(step) },
});
const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);

test('a chain runs to its end, two events a step', async () => {
  await cluster.startWorker('w1');
  await cluster.register(chainOf(10));
  const { instance } = await cluster.submit('tested');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(types(cluster.eventsOf(instance)).slice(0, 3)).toEqual([
    'WorkflowSubmitted',
    'OwnershipTaken',
    'TaskAssigned',
  ]);
  expect(types(cluster.eventsOf(instance)).filter((type) => type.startsWith('Task'))).toHaveLength(20);
});

test('a fan-out over few slots runs every task once', async () => {
  await cluster.startWorker('w1', { slots: 3 });
  await cluster.startWorker('w2', { slots: 2 });
  await cluster.register(fanOutOf(100));
  const { instance } = await cluster.submit('tested');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(ended.tasks.every(({ attempts }) => attempts === 1)).toBe(true);
});

test('outputs reach the tasks that need them', async () => {
  await cluster.startWorker('w1');
  const read = {
    ...taskOf('read', ['a', 'b']),
    settings: { type: 'shell' as const, command: 'cp "$MILLRACE_INPUTS" "$MILLRACE_OUTPUT"', graceMs: 100 },
  };
  await cluster.register(
    workflowOf(
      [scripted(taskOf('a'), { outputs: { count: 3 } }), scripted(taskOf('b'), { outputs: { name: 'x' } }), read],
      {
        params: { size: 5 },
      },
    ),
  );
  const { instance } = await cluster.submit('tested', { params: { size: 7 } });
  const ended = await cluster.whenEnded(instance);
  expect(ended.tasks.find(({ task }) => task === 'read')?.outputs).toEqual({
    params: { size: 7 },
    needs: { a: { count: 3 }, b: { name: 'x' } },
  });
});

test('a failed task is retried after its delay, and its dependants wait', async () => {
  await cluster.startWorker('w1');
  const flaky = scripted(
    taskOf('a', [], { retry: { attempts: 3, delayMs: 20 } }),
    { result: 'fail' },
    { result: 'fail' },
    {},
  );
  await cluster.register(workflowOf([flaky, taskOf('b', ['a'])]));
  const { instance } = await cluster.submit('tested');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(ended.tasks[0]?.attempts).toBe(3);
});

test('a task that runs longer than its timeout is cancelled and fails', async () => {
  await cluster.startWorker('w1');
  const slow = {
    ...taskOf('a', [], { timeoutMs: 60 }),
    settings: { type: 'shell' as const, command: 'sleep 30', graceMs: 100 },
  };
  await cluster.register(workflowOf([slow, taskOf('b')]));
  const { instance } = await cluster.submit('tested');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('failed');
  expect(types(cluster.eventsOf(instance))).toContain('TaskTimedOut');
  expect(ended.tasks[0]?.note).toContain('timeout');
});

test('under `continue` only the dependants of a failed task are blocked', async () => {
  await cluster.startWorker('w1');
  const tasks = [scripted(taskOf('a'), { result: 'fail' }), taskOf('b'), taskOf('c', ['a']), taskOf('d', ['b'])];
  await cluster.register(workflowOf(tasks));
  const ended = await cluster.whenEnded((await cluster.submit('tested')).instance);
  expect(ended.run.status).toBe('failed');
  expect(ended.tasks.map(({ status }) => status)).toEqual(['failed', 'succeeded', 'blocked', 'succeeded']);
});

test('under `end` a failed task stops everything else', async () => {
  await cluster.startWorker('w1');
  const slow = { ...taskOf('b'), settings: { type: 'shell' as const, command: 'sleep 30', graceMs: 100 } };
  const tasks = [scripted(taskOf('a'), { result: 'fail', afterMs: 50 }), slow, taskOf('c', ['b'])];
  await cluster.register(workflowOf(tasks, { failurePolicy: 'end' }));
  const ended = await cluster.whenEnded((await cluster.submit('tested')).instance);
  expect(ended.run.status).toBe('failed');
  expect(ended.tasks.map(({ status }) => status)).toEqual(['failed', 'stopped', 'stopped']);
});

test('a stop ends a run, and a second stop changes nothing', async () => {
  await cluster.startWorker('w1');
  const slow = { ...taskOf('a'), settings: { type: 'shell' as const, command: 'sleep 30', graceMs: 100 } };
  await cluster.register(workflowOf([slow, taskOf('b', ['a'])]));
  const { instance } = await cluster.submit('tested');
  await expect.poll(async () => (await cluster.show(instance)).tasks[0]?.status).toBe('running');
  expect(await cluster.ask(subjects.command, { type: 'stop', instance })).toMatchObject({ changed: true });
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('stopped');
  expect(await cluster.ask(subjects.command, { type: 'stop', instance })).toMatchObject({ changed: false });
});

test('the same key gives the same receipt, also after the run has ended', async () => {
  await cluster.startWorker('w1');
  await cluster.register(diamondOf());
  const first = await cluster.submit('tested', { key: 'order-1' });
  const again = await Promise.all([1, 2, 3].map(() => cluster.submit('tested', { key: 'order-1' })));
  await cluster.whenEnded(first.instance);
  const late = await cluster.submit('tested', { key: 'order-1' });
  for (const receipt of [...again, late]) expect(receipt).toEqual({ ...first, duplicate: true });
});

test('a group without workers holds its own tasks only, and says why', async () => {
  await cluster.startWorker('w1');
  const lonely = { ...taskOf('a'), workerGroup: 'gpu' as WorkerGroup };
  await cluster.register(workflowOf([lonely, taskOf('b')]));
  const { instance } = await cluster.submit('tested');
  await expect.poll(async () => (await cluster.show(instance)).tasks[0]?.note).toContain('no worker of the group gpu');
  expect((await cluster.show(instance)).tasks[1]?.status).toBe('succeeded');
  await cluster.startWorker('w2', { group: 'gpu' });
  expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
});

test('bad submissions are refused with a code and change nothing', async () => {
  await cluster.register(workflowOf([taskOf('a')], { params: { size: null } }));
  const before = cluster.store.streamNames();
  const submit = (body: unknown, workflow = 'tested') => cluster.ask(subjects.submit(workflow as never), body);
  expect(await submit({})).toMatchObject({ code: 'PARAM_MISSING' });
  expect(await submit({ params: { sise: 1, size: 1 } })).toMatchObject({ code: 'PARAM_UNKNOWN' });
  expect(await submit({ parms: {} })).toMatchObject({ code: 'BAD_REQUEST' });
  expect(await submit([])).toMatchObject({ code: 'BAD_REQUEST' });
  expect(await submit({}, 'other')).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  expect(await submit({ version: 9 })).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  expect(cluster.store.streamNames()).toEqual(before);
});

test('registering the same definition twice makes one version', async () => {
  const definition = diamondOf();
  expect(await cluster.ask(subjects.register, { definition })).toMatchObject({ version: 1, created: true });
  expect(await cluster.ask(subjects.register, { definition })).toMatchObject({ version: 1, created: false });
  const changed = { ...definition, description: 'changed' };
  expect(await cluster.ask(subjects.register, { definition: changed })).toMatchObject({ version: 2, created: true });
});

test('a new master goes on where a killed one was', async () => {
  await cluster.startWorker('w1');
  const slow = taskOf('a');
  slow.settings = { type: 'shell', command: 'sleep 0.5; echo done=yes > "$MILLRACE_OUTPUT"', graceMs: 100 };
  await cluster.register(workflowOf([slow, taskOf('b', ['a'])]));
  const { instance } = await cluster.submit('tested');
  await expect.poll(async () => (await cluster.show(instance)).tasks[0]?.status).toBe('running');
  cluster.kill('m1');
  await cluster.startMaster('m2');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(ended.tasks.map(({ attempts }) => attempts)).toEqual([1, 1]);
  expect(ended.owner).toMatchObject({ master: 'm2', epoch: 2 });
});

test('a run whose worker was lost goes on at another one', async () => {
  await cluster.startWorker('w1');
  await cluster.register(
    workflowOf([scripted(taskOf('a'), { result: 'crashWorker', afterMs: 30 }, {}), taskOf('b', ['a'])]),
  );
  const { instance } = await cluster.submit('tested');
  await new Promise((resolve) => setTimeout(resolve, 100));
  cluster.kill('w1');
  await cluster.startWorker('w2');
  const ended = await cluster.whenEnded(instance);
  expect(ended.run.status).toBe('succeeded');
  expect(types(cluster.eventsOf(instance))).toContain('TaskLost');
});
