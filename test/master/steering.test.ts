/** Commands to runs, live and ended, over real masters and workers on the memory twins. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ScriptStep } from '../../schemas/definition/task-settings.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import { runReplySchema } from '../../schemas/messages/client.messages.ts';
import { commandReceiptSchema } from '../../schemas/messages/command.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
});

afterEach(() => cluster.stop());

const scripted = (task: TaskDefinition, ...steps: Partial<ScriptStep>[]): TaskDefinition => ({
  ...task,
  settings: { type: 'script', steps: steps.map((step) => ({ result: 'succeed', afterMs: 0, outputs: {}, ...step })) },
});
const signalled = (task: TaskDefinition): TaskDefinition => ({
  ...task,
  settings: { type: 'signal', name: 'go' as TaskName },
});
const approved = (task: TaskDefinition): TaskDefinition => ({ ...task, settings: { type: 'approval' } });
const lasting = (task: TaskDefinition): TaskDefinition => scripted(task, { afterMs: 60_000 });

const ask = (instance: InstanceId, command: object) =>
  cluster.ask(subjects.command, { instance, by: 'ann', ...command });
const send = async (instance: InstanceId, command: object) => commandReceiptSchema.parse(await ask(instance, command));
const refused = async (instance: InstanceId, command: object) => errorReplySchema.parse(await ask(instance, command));
const typesOf = (instance: InstanceId) => cluster.eventsOf(instance).map(({ type }) => type);

async function started(tasks: TaskDefinition[], options: Parameters<typeof workflowOf>[1] = {}): Promise<InstanceId> {
  await cluster.register(workflowOf(tasks, options));
  return (await cluster.submit('tested')).instance;
}

const statusesOf = async (instance: InstanceId): Promise<Record<string, string>> => {
  const { tasks } = await cluster.show(instance);
  return Object.fromEntries(tasks.map(({ task, status }) => [task, status]));
};
const untilTasks = (instance: InstanceId, expected: Record<string, string>) =>
  expect.poll(() => statusesOf(instance), { interval: 10 }).toMatchObject(expected);

describe('a run that goes on', () => {
  test('is paused and resumed; nothing is placed meanwhile, what runs goes on', async () => {
    const instance = await started([scripted(taskOf('a'), { afterMs: 800 }), taskOf('b', ['a'])]);
    await untilTasks(instance, { a: 'running' });
    expect(await send(instance, { type: 'pause', key: 'p' })).toMatchObject({ changed: true, status: 'pausing' });
    await expect.poll(async () => (await cluster.show(instance)).run.status).toBe('paused');
    expect(await statusesOf(instance)).toMatchObject({ a: 'succeeded', b: 'ready' });
    expect(await send(instance, { type: 'pause', key: 'p' })).toMatchObject({ changed: false, status: 'paused' });
    const paused = () => cluster.ask(subjects.query('runs'), { status: 'paused' });
    await expect.poll(paused).toMatchObject({ runs: [{ instance }] });
    await send(instance, { type: 'resume' });
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
  });

  test('loses one task by a person; what needs it is blocked', async () => {
    const instance = await started([lasting(taskOf('a')), taskOf('b', ['a']), taskOf('c')]);
    await untilTasks(instance, { a: 'running' });
    await send(instance, { type: 'stopTask', task: 'a', reason: 'hangs' });
    expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
    expect(await statusesOf(instance)).toEqual({ a: 'stopped', b: 'blocked', c: 'succeeded' });
  });

  test('goes on past a task that is skipped, and with one that is declared to have succeeded', async () => {
    const instance = await started([
      scripted(taskOf('a'), { result: 'fail', message: 'no' }),
      taskOf('b', ['a']),
      signalled(taskOf('held')),
      taskOf('c', ['held']),
    ]);
    await untilTasks(instance, { a: 'failed', b: 'blocked', held: 'awaiting' });
    await send(instance, { type: 'forceTask', task: 'a', outputs: { rows: 3 } });
    await untilTasks(instance, { a: 'succeeded', b: 'succeeded' });
    expect((await refused(instance, { type: 'skipTask', task: 'held' })).message).toContain(
      'only one that does not run',
    );
    await send(instance, { type: 'skipTask', task: 'c' });
    await send(instance, { type: 'sendSignal', name: 'go', payload: { by: 'hand' } });
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks.find(({ task }) => task === 'a')?.outputs).toEqual({ rows: 3 });
    expect(ended.tasks.find(({ task }) => task === 'held')?.outputs).toEqual({ payload: { by: 'hand' } });
  });

  test('holds back what is isolated until it rejoins', async () => {
    const instance = await started([
      signalled(taskOf('first')),
      taskOf('a', ['first']),
      taskOf('b', ['a']),
      taskOf('c', ['first']),
    ]);
    await untilTasks(instance, { first: 'awaiting' });
    await send(instance, { type: 'isolateTask', task: 'a' });
    await send(instance, { type: 'sendSignal', name: 'go' });
    await untilTasks(instance, { c: 'succeeded', a: 'ready', b: 'waiting' });
    await send(instance, { type: 'rejoinTask', task: 'a' });
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
  });

  test('asks for an approval, once', async () => {
    const instance = await started([approved(taskOf('a')), approved(taskOf('b'))]);
    await untilTasks(instance, { a: 'awaiting', b: 'awaiting' });
    const yes = await send(instance, { type: 'approveTask', task: 'a', approved: true, key: 'yes' });
    expect(await send(instance, { type: 'approveTask', task: 'a', approved: true, key: 'yes' })).toEqual({
      ...yes,
      changed: false,
    });
    await send(instance, { type: 'approveTask', task: 'b', approved: false, reason: 'too late' });
    const ended = await cluster.whenEnded(instance);
    expect(ended.tasks.map(({ status }) => status)).toEqual(['succeeded', 'failed']);
    expect(ended.tasks[1]?.note).toBe('declined by ann: too late');
  });

  test('takes a new priority for its tasks', async () => {
    const instance = await started([signalled(taskOf('a'))]);
    await send(instance, { type: 'changePriority', priority: 'highest' });
    await send(instance, { type: 'changePriority', priority: 'low', task: 'a' });
    expect(cluster.eventsOf(instance).at(-1)).toMatchObject({
      type: 'PriorityChanged',
      data: { task: 'a', priority: 'low' },
    });
  });

  test('says what it was asked for, and in which states that is allowed', async () => {
    const instance = await started([signalled(taskOf('a'))]);
    await untilTasks(instance, { a: 'awaiting' });
    const unknown = await refused(instance, { type: 'stopTask', task: 'b' });
    expect(unknown).toMatchObject({
      code: 'ATTEMPT_NOT_FOUND',
      message: 'the workflow tested has no task b; it has a',
    });
    const whole = await refused(instance, { type: 'clearTasks', scope: 'all' });
    expect(whole).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
    expect(whole.message).toContain('only one that has ended can be run again as a whole');
    expect((await refused(instance, { type: 'clearTasks', scope: 'tasks' })).code).toBe('BAD_REQUEST');
    const large = { type: 'sendSignal', name: 'go', payload: 'x'.repeat(70_000) };
    expect((await refused(instance, large)).message).toContain('at most 65536 are kept');
  });
});

describe('a run that has ended', () => {
  const failing = () => [
    taskOf('a'),
    scripted(taskOf('b', ['a']), { result: 'fail', message: 'no' }, { result: 'succeed' }),
    taskOf('c', ['b']),
  ];

  test('runs its failed tasks again: fence, reopening and command are one append', async () => {
    const instance = await started(failing());
    const before = await cluster.whenEnded(instance);
    expect(before.run.status).toBe('failed');
    const retry = { type: 'clearTasks', scope: 'failed', key: 'again' };
    const receipt = await send(instance, retry);
    expect(receipt).toMatchObject({ changed: true });
    const types = typesOf(instance).slice(before.revision + 1);
    expect(types.slice(0, 4)).toEqual(['OwnershipTaken', 'WorkflowReopened', 'StateCleared', 'TaskAssigned']);
    expect(cluster.eventsOf(instance)[before.revision + 1]?.data).toMatchObject({
      reason: 'reopened',
      evidence: 'command.again',
      epoch: 2,
    });
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
    expect(await send(instance, retry)).toMatchObject({
      changed: false,
      status: 'succeeded',
      revision: ended.revision,
    });
  });

  test('is listed as running again, and as ended after it', async () => {
    const instance = await started([scripted(taskOf('a'), { result: 'fail' }), signalled(taskOf('b', ['a']))]);
    await cluster.whenEnded(instance);
    const listed = async () => {
      const { runs } = (await cluster.ask(subjects.query('runs'), {})) as {
        runs: { status: string; finishedAt?: number }[];
      };
      return runs[0];
    };
    await expect.poll(listed).toMatchObject({ status: 'failed' });
    await send(instance, { type: 'forceTask', task: 'a' });
    await expect.poll(listed).toMatchObject({ status: 'running' });
    expect((await listed())?.finishedAt).toBeUndefined();
    await send(instance, { type: 'sendSignal', name: 'go' });
    await expect.poll(listed).toMatchObject({ status: 'succeeded' });
  });

  test('is done at once when the last bad task is declared to have succeeded', async () => {
    const instance = await started([scripted(taskOf('a'), { result: 'fail' })]);
    await cluster.whenEnded(instance);
    const receipt = await send(instance, { type: 'forceTask', task: 'a' });
    expect(receipt).toMatchObject({ changed: true, status: 'succeeded' });
    expect(typesOf(instance).slice(-4)).toEqual([
      'OwnershipTaken',
      'WorkflowReopened',
      'TaskForced',
      'WorkflowSucceeded',
    ]);
  });

  test('runs again as a whole, or one task with what needs it', async () => {
    const instance = await started([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['b'])]);
    await cluster.whenEnded(instance);
    await send(instance, { type: 'clearTasks', scope: 'all' });
    await cluster.whenEnded(instance);
    await send(instance, { type: 'clearTasks', scope: 'descendants', tasks: ['b'] });
    const twice = await cluster.whenEnded(instance);
    await send(instance, { type: 'clearTasks', scope: 'tasks', tasks: ['b'] });
    const { tasks, run } = await cluster.whenEnded(instance);
    expect(run.status).toBe('succeeded');
    expect(twice.tasks.map(({ attempts }) => attempts)).toEqual([2, 3, 3]);
    expect(tasks.map(({ attempts }) => attempts)).toEqual([2, 4, 3]);
  });

  test('refuses what it cannot take, and stays as it is', async () => {
    const instance = await started([taskOf('a')]);
    const { revision } = await cluster.whenEnded(instance);
    expect((await refused(instance, { type: 'clearTasks', scope: 'failed' })).message).toContain(
      'nothing to run again',
    );
    expect((await refused(instance, { type: 'pause' })).message).toContain('succeeded cannot be paused');
    expect((await refused(instance, { type: 'skipTask', task: 'a' })).code).toBe('COMMAND_NOT_ALLOWED');
    expect((await cluster.show(instance)).revision).toBe(revision);
  });

  test('is opened by exactly one of many masters, whoever is asked', async () => {
    await cluster.startMaster('m2');
    await cluster.startMaster('m3');
    await cluster.whenKnown(3);
    const instance = await started([...failing(), signalled(taskOf('last', ['c']))]);
    await cluster.whenEnded(instance);
    const retry = { type: 'clearTasks', scope: 'failed', key: 'once' };
    const answers = await Promise.all(
      ['m1', 'm2', 'm3', 'm1', 'm2', 'm3'].map((id) =>
        cluster.ask(subjects.master.command(id as never), { instance, by: 'ann', ...retry }),
      ),
    );
    const receipts = answers.map((answer) => commandReceiptSchema.safeParse(answer)).filter(({ success }) => success);
    expect(receipts.filter(({ data }) => data?.changed === true)).toHaveLength(1);
    const refusals = answers.map((answer) => errorReplySchema.safeParse(answer).data?.code).filter(Boolean);
    expect(refusals.every((code) => code === 'NOT_OWNER')).toBe(true);
    await untilTasks(instance, { last: 'awaiting' });
    expect(typesOf(instance).filter((type) => type === 'WorkflowReopened')).toHaveLength(1);
    // Whoever was told that the run is elsewhere gets the answer the next time.
    expect(await send(instance, retry)).toMatchObject({ changed: false });
  });

  test('is found by the others when its new owner dies at once', async () => {
    await cluster.startMaster('m2');
    await cluster.whenKnown(2);
    const instance = await started([scripted(taskOf('a'), { result: 'fail' }, { result: 'succeed', afterMs: 300 })]);
    await cluster.whenEnded(instance);
    await send(instance, { type: 'clearTasks', scope: 'failed' });
    const owner = (await cluster.show(instance)).owner?.master ?? '';
    cluster.kill(owner);
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.owner?.master).not.toBe(owner);
    expect(ended.tasks[0]).toMatchObject({ task: 'a' as TaskName, attempts: 2 });
  });
});

describe('a run of a workflow with limited concurrency', () => {
  test('waits for its turn again when it is opened again', async () => {
    const failing = scripted(taskOf('a'), { result: 'fail' }, { result: 'succeed', afterMs: 50 });
    await cluster.register({ ...workflowOf([failing]), concurrency: { policy: 'wait' } });
    const first = (await cluster.submit('tested')).instance;
    await cluster.whenEnded(first);
    await cluster.register({ ...workflowOf([signalled(taskOf('a'))]), concurrency: { policy: 'wait' } });
    const second = (await cluster.submit('tested')).instance;
    await untilTasks(second, { a: 'awaiting' });
    expect(await send(first, { type: 'clearTasks', scope: 'failed' })).toMatchObject({ status: 'queued' });
    expect((await refused(first, { type: 'pause' })).code).toBe('COMMAND_NOT_ALLOWED');
    await send(second, { type: 'sendSignal', name: 'go' });
    expect((await cluster.whenEnded(first)).run.status).toBe('succeeded');
    const secondEnd = cluster.eventsOf(second).at(-1)?.recordedAt ?? 0;
    const admitted = cluster.eventsOf(first).filter(({ type }) => type === 'WorkflowAdmitted');
    expect(admitted).toHaveLength(2);
    expect(admitted[1]?.recordedAt).toBeGreaterThanOrEqual(secondEnd);
  });

  test('that is turned away ends as stopped, and may be opened once more', async () => {
    const failing = scripted(taskOf('a'), { result: 'fail' });
    await cluster.register({ ...workflowOf([failing]), concurrency: { policy: 'discard' } });
    const first = (await cluster.submit('tested')).instance;
    await cluster.whenEnded(first);
    await cluster.register({ ...workflowOf([signalled(taskOf('a'))]), concurrency: { policy: 'discard' } });
    const second = (await cluster.submit('tested')).instance;
    await untilTasks(second, { a: 'awaiting' });
    for (let times = 0; times < 2; times += 1) {
      await send(first, { type: 'clearTasks', scope: 'failed' });
      expect((await cluster.whenEnded(first)).run.status).toBe('stopped');
    }
    await send(second, { type: 'sendSignal', name: 'go' });
    await cluster.whenEnded(second);
  });
});

describe('a submission', () => {
  const ways: [string, object, Record<string, string>][] = [
    ['only', { tasks: ['b'], mode: 'only' }, { a: 'skipped', b: 'succeeded', c: 'skipped', d: 'skipped' }],
    ['from', { tasks: ['b'], mode: 'forward' }, { a: 'skipped', b: 'succeeded', c: 'succeeded', d: 'skipped' }],
    ['to', { tasks: ['b'], mode: 'backward' }, { a: 'succeeded', b: 'succeeded', c: 'skipped', d: 'skipped' }],
  ];
  test.each(ways)('may begin with a part of the tasks: %s', async (_, start, statuses) => {
    await cluster.register(workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['b']), taskOf('d')]));
    const { instance } = await cluster.submit('tested', { start });
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    expect(await statusesOf(instance)).toEqual(statuses);
  });

  test('that names an unknown task is refused with the one that was meant', async () => {
    await cluster.register(workflowOf([taskOf('extract'), taskOf('load', ['extract'])]));
    const ask = (task: string) =>
      cluster.ask(subjects.submit('tested' as never), { key: 'k', start: { tasks: [task], mode: 'only' } });
    expect(errorReplySchema.parse(await ask('extrakt'))).toEqual({
      code: 'BAD_REQUEST',
      message: 'the workflow tested has no task extrakt to start with; did you mean extract?',
      details: { task: 'extrakt', nearest: 'extract' },
    });
    expect(errorReplySchema.parse(await ask('publish')).message).toContain('it has extract, load');
    expect(await cluster.submit('tested', { key: 'k' })).toMatchObject({ duplicate: false });
  });

  test('runs nothing in a dry run, and says so', async () => {
    await cluster.register(workflowOf([lasting(taskOf('a')), taskOf('b', ['a'])]));
    const { instance } = await cluster.submit('tested', { dryRun: true });
    const { run, tasks } = await cluster.whenEnded(instance);
    expect(run).toMatchObject({ status: 'succeeded', dryRun: true });
    expect(tasks.every(({ attempts }) => attempts === 0)).toBe(true);
  });

  test('has its own priority among all that waits for a worker', async () => {
    await cluster.register(workflowOf([{ ...taskOf('a'), workerGroup: 'small' as never }]));
    const low = (await cluster.submit('tested', { priority: 'low' })).instance;
    const high = (await cluster.submit('tested', { priority: 'highest' })).instance;
    await cluster.startWorker('w2', { group: 'small', slots: 1 });
    await Promise.all([cluster.whenEnded(low), cluster.whenEnded(high)]);
    const assignedAt = (instance: InstanceId) =>
      cluster.eventsOf(instance).find(({ type }) => type === 'TaskAssigned')?.position ?? '';
    expect(Number(assignedAt(high))).toBeLessThan(Number(assignedAt(low)));
  });
});

test('a run tells what it would take now when it is asked', async () => {
  const instance = await started([signalled(taskOf('a')), taskOf('b', ['a'])]);
  await untilTasks(instance, { a: 'awaiting' });
  const reply = runReplySchema.parse(await cluster.ask(subjects.query('run'), { instance, can: true }));
  expect(reply.can).toEqual([
    { type: 'stop' },
    { type: 'pause' },
    { type: 'changePriority' },
    { type: 'sendSignal', name: 'go' },
  ]);
  expect(reply.tasks.map(({ can }) => can)).toEqual([
    ['stopTask', 'isolateTask', 'changePriority'],
    ['stopTask', 'skipTask', 'clearTasks', 'isolateTask', 'changePriority'],
  ]);
  expect((await cluster.show(instance)).can).toBeUndefined();
});
