/** Dependents over the memory twins: met by runs from before and after, failed, overdue, and taken over. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { dependentItem, dependentTask, lasting, scripted } from '../kit/waiting-tasks.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
});

afterEach(() => cluster.stop());

const named = (name: string, tasks: TaskDefinition[]): WorkflowDefinition =>
  workflowOf(tasks, { name: name as WorkflowName });

const at = (time: string) => Date.parse(`2026-03-${time}Z`);
const today = at('18T10:00:00');

async function beginWaiting(task: TaskDefinition): Promise<InstanceId> {
  await cluster.register(named('waiting', [task]));
  const { instance } = await cluster.submit('waiting', { logicalAt: today });
  await expect.poll(async () => (await cluster.show(instance)).tasks[0]?.status).toBe('awaiting');
  return instance;
}

const finish = async (workflow: string, logicalAt: number) => {
  const { instance } = await cluster.submit(workflow, { logicalAt });
  await cluster.whenEnded(instance);
  return instance;
};

type Concluded = { result: string; evidence?: string; fault?: { code: string; message: string } };
const conclusionOf = (instance: InstanceId): Concluded | undefined =>
  cluster.eventsOf(instance).find(({ type }) => type === 'TaskConcluded')?.data as Concluded | undefined;

const isWaiting = async (instance: InstanceId) => (await cluster.show(instance)).tasks[0]?.status === 'awaiting';

/** Longer than news takes to get to who waits. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 150));

describe('a dependent', () => {
  beforeEach(() => cluster.register(named('load', [scripted('rows', [], { outputs: { rows: 5 } })])));

  test('is met by a run from before, which is its evidence', async () => {
    const run = await finish('load', at('18T03:00:00'));
    await cluster.register(named('waiting', [dependentTask('dep', [dependentItem('load')], { passOutputs: true })]));
    const { instance } = await cluster.submit('waiting', { logicalAt: today });
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks[0]?.outputs).toEqual({ rows: 5 });
    expect(conclusionOf(instance)?.evidence).toContain(`succeeded in the run ${run}`);
  });

  test('waits until the last of its days has a run, and takes no run of another day', async () => {
    const instance = await beginWaiting(dependentTask('dep', [dependentItem('load', { range: 'last2Days' })]));
    await finish('load', at('16T03:00:00'));
    await finish('load', at('18T03:00:00'));
    await settle();
    expect((await cluster.show(instance)).tasks[0]?.missing).toBe(
      'waits for load last2Days (2026-03-17 00:00 to 2026-03-18 00:00 UTC): no run yet',
    );
    await finish('load', at('17T03:00:00'));
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
  });

  test('is not met by a run that goes on', async () => {
    await cluster.register(named('slow', [lasting('work', 400)]));
    const instance = await beginWaiting(dependentTask('dep', [dependentItem('slow')]));
    const { instance: run } = await cluster.submit('slow', { logicalAt: today });
    await settle();
    expect(await isWaiting(instance)).toBe(true);
    await cluster.whenEnded(run);
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
  });

  test('fails with the run that failed, or waits for a better one', async () => {
    const steps = [{ result: 'fail' as const }];
    await cluster.register(named('flaky', [scripted('work', [], ...steps)]));
    const failed = await finish('flaky', today);
    const strict = await beginWaitingOrEnd(dependentTask('dep', [dependentItem('flaky')]));
    expect((await cluster.whenEnded(strict)).run.status).toBe('failed');
    expect(conclusionOf(strict)?.fault).toMatchObject({ code: 'DEPENDENT_FAILED' });
    expect(conclusionOf(strict)?.fault?.message).toContain(`failed in the run ${failed}`);
    const patient = await beginWaiting(dependentTask('dep', [dependentItem('flaky')], { onFailure: 'wait' }));
    await settle();
    expect(await isWaiting(patient)).toBe(true);
    await cluster.register(named('flaky', [scripted('work', [], {})]));
    await finish('flaky', today);
    expect((await cluster.whenEnded(patient)).run.status).toBe('succeeded');
  });

  test('fails when a better run does not come in time', async () => {
    await cluster.register(named('flaky', [scripted('work', [], { result: 'fail' })]));
    const waits = { onFailure: 'wait', failureWaitMs: 600 } as const;
    const instance = await beginWaiting(dependentTask('dep', [dependentItem('flaky')], waits));
    await finish('flaky', today);
    await settle();
    expect(await isWaiting(instance)).toBe(true);
    expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
    expect(conclusionOf(instance)?.fault).toMatchObject({ code: 'DEPENDENT_FAILED' });
  });

  test('fails at its deadline and says what was missing', async () => {
    const instance = await beginWaiting(dependentTask('dep', [dependentItem('load')], { deadlineMs: 300 }));
    expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
    expect(conclusionOf(instance)?.fault).toEqual({
      code: 'AWAIT_TIMED_OUT',
      message:
        'nothing came within 300 ms: waits for load today (2026-03-18 00:00 to 2026-03-19 00:00 UTC): no run yet',
    });
  });

  test('on a task is met while its run goes on', async () => {
    await cluster.register(
      named('long', [scripted('rows', [], { outputs: { rows: 9 } }), lasting('rest', 60_000, ['rows'])]),
    );
    const item = dependentItem('long', { task: 'rows' as never });
    const instance = await beginWaiting(dependentTask('dep', [item], { passOutputs: true }));
    await cluster.submit('long', { logicalAt: today });
    const ended = await cluster.whenEnded(instance);
    expect(ended.tasks[0]?.outputs).toEqual({ rows: 9 });
  });

  test('on a task of a run that is under way is met when the task ends', async () => {
    await cluster.register(named('long', [lasting('first', 500), lasting('rest', 60_000, ['first'])]));
    const { instance: run } = await cluster.submit('long', { logicalAt: today });
    const item = dependentItem('long', { task: 'first' as never });
    const instance = await beginWaiting(dependentTask('dep', [item]));
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    expect((await cluster.show(run)).run.finishedAt).toBe(undefined);
  });

  test('on every task, or on a task that is not there', async () => {
    await finish('load', today);
    const all = await beginWaitingOrEnd(dependentTask('dep', [dependentItem('load', { task: '*' })]));
    expect((await cluster.whenEnded(all)).run.status).toBe('succeeded');
    const none = await beginWaitingOrEnd(dependentTask('dep', [dependentItem('load', { task: 'nope' as never })]));
    expect((await cluster.whenEnded(none)).run.status).toBe('failed');
    expect(conclusionOf(none)?.fault?.message).toContain('there is no task nope');
  });

  test('that is stopped ends at once', async () => {
    const instance = await beginWaiting(dependentTask('dep', [dependentItem('load')]));
    await cluster.ask(subjects.command, { type: 'stop', instance, by: 'tester' });
    expect((await cluster.whenEnded(instance)).run.status).toBe('stopped');
  });

  test('goes on waiting at the next owner, and its deadline is not prolonged', async () => {
    const task = dependentTask('dep', [dependentItem('load')]);
    const instance = await beginWaiting(task);
    const limited = dependentTask('dep', [dependentItem('load', { range: 'last1Days' })], { deadlineMs: 1_500 });
    const overdue = await beginWaiting(limited);
    const beganAt = Date.now();
    await cluster.startMaster('m2');
    cluster.kill('m1');
    await finish('load', today);
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    expect((await cluster.whenEnded(overdue)).run.status).toBe('failed');
    expect(Date.now() - beganAt).toBeLessThan(4_000);
  });
});

async function beginWaitingOrEnd(task: TaskDefinition): Promise<InstanceId> {
  await cluster.register(named('waiting', [task]));
  return (await cluster.submit('waiting', { logicalAt: today })).instance;
}
