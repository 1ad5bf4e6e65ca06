/** Child runs and dependents with real processes: masters are killed and frozen, the event store is killed, every run ends. */
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { workflowOf } from '../kit/definitions.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { kill } from '../kit/processes.ts';
import { childTask, dependentItem, dependentTask, lasting, scripted } from '../kit/waiting-tasks.ts';

const parentCount = 12;

let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    workers: ['worker-1'],
    // A busy machine must not make a worker seem lost.
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500, workerAbsenceMaxMs: 30_000 },
    worker: { heartbeatIntervalMs: 500, slots: 32 },
  });
});
afterAll(() => cluster.remove());

const named = (name: string, tasks: Parameters<typeof workflowOf>[0]): WorkflowDefinition =>
  workflowOf(tasks, { name: name as WorkflowName });

/** The children that a run has ordered, in order. */
async function childrenOf(parent: InstanceId): Promise<InstanceId[]> {
  const history = await cluster.client.history(parent);
  const awaited = history.filter(({ type }) => type === 'TaskAwaits');
  return awaited.map(({ data }) => (data.awaits as { child: InstanceId }).child);
}

async function submitMany(workflow: string, count: number): Promise<InstanceId[]> {
  const receipts = await Promise.all(Array.from({ length: count }, () => cluster.client.submit(workflow)));
  return receipts.map(({ instance }) => instance);
}

test('each attempt has one child, and every parent ends after it, whatever dies', async () => {
  onTestFailed(() => console.error(cluster.log()));
  const child = named('child', [lasting('work', 3_000), scripted('out', ['work'], { outputs: { rows: 3 } })]);
  const parent = named('parent', [childTask('sub', 'child'), scripted('last', ['sub'], {})]);
  for (const definition of [child, parent]) await cluster.client.register(definition);
  const parents = await submitMany('parent', parentCount);

  await cluster.process('master-1').end('SIGKILL');
  const late = await submitMany('parent', parentCount);
  await cluster.process('store').end('SIGKILL');
  await cluster.startMissing();
  const { pid } = cluster.process('master-2');
  kill(pid, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  kill(pid, 'SIGCONT');

  for (const run of [...parents, ...late]) {
    const ended = await cluster.client.whenEnded(run);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks[0]).toMatchObject({ attempts: 1, outputs: { rows: 3 } });
    const [only, ...more] = await childrenOf(run);
    expect(more).toEqual([]);
    const made = await cluster.client.soundHistory(child, only as InstanceId);
    expect(made[0]?.data.parent).toEqual({ instance: run, task: 'sub', depth: 1 });
    await cluster.client.soundHistory(parent, run);
  }
  const submissions: unknown[] = [];
  for await (const { type, data } of cluster.client.everything()) {
    if (type === 'WorkflowSubmitted' && data.parent !== undefined) submissions.push(data.parent);
  }
  expect(submissions).toHaveLength(2 * parentCount);
});

test('a dependent goes on waiting at another master, and hears of the run that meets it', async () => {
  onTestFailed(() => console.error(cluster.log()));
  await cluster.client.register(named('figures', [scripted('load', [], { outputs: { sold: 1 } })]));
  const waits = named('waits', [dependentTask('dep', [dependentItem('figures')], { passOutputs: true })]);
  await cluster.client.register(waits);
  const runs = await submitMany('waits', 6);
  for (const run of runs) await cluster.client.whenWritten(run, ({ type }) => type === 'TaskAwaits');

  await cluster.process('master-2').end('SIGKILL');
  await cluster.client.submit('figures');
  for (const run of runs) {
    const ended = await cluster.client.whenEnded(run);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks[0]?.outputs).toEqual({ sold: 1 });
    await cluster.client.soundHistory(waits, run);
  }
  await cluster.startMissing();
});
