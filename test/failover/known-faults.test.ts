/**
 * Faults that Apache DolphinScheduler had in its failover, its dispatch and its stops, as tests of ours. docs/known-faults.md
 * lists all of them with the tests elsewhere that hold the others.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, InstanceId, MasterId, WorkerGroup, WorkerId } from '../../schemas/ids.ts';
import { type Certificate, certificateSchema } from '../../schemas/messages/certificate.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { createJournalCertifier } from '../../src/certify/journal-certifier.ts';
import { createClaimBook } from '../../src/claims/claim-book.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { createWorkerPool } from '../../src/dispatch/worker-pool.ts';
import { ownershipTaken, submitted, taskEvent } from '../actors/run-events.ts';
import { certifiedId } from '../kit/certified-runs.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { recordedOf } from '../kit/recorded.ts';
import { writeRun } from '../kit/written-runs.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
});

afterEach(() => cluster.stop());

const certify = async (instance: InstanceId): Promise<Certificate> =>
  certificateSchema.parse(await createJournalCertifier(cluster.store.connect()).certify(instance));

const shellTask = (command: string): TaskDefinition => {
  const task = taskOf('a');
  task.settings = { type: 'shell', command, graceMs: 100 };
  return task;
};

const whenRunning = (instance: InstanceId) =>
  expect.poll(async () => (await cluster.show(instance)).tasks[0]?.status).toBe('running');

/** A run in the middle of its life, without an owner and without a worker. */
async function writeOrphan(): Promise<InstanceId> {
  const definition = workflowOf([taskOf('a')]);
  const reference = { name: definition.name, version: 1, digest: digestOf(definition) };
  const history = [
    { ...submitted, data: { ...submitted.data, definition: reference, key: 'k' } } as WorkflowInstanceEvent,
    ownershipTaken(1),
    taskEvent('TaskAssigned', 'a'),
    taskEvent('TaskStarted', 'a'),
  ];
  await writeRun(cluster.store.connect(), certifiedId('k'), recordedOf(history), definition);
  return certifiedId('k');
}

describe('failover', () => {
  test('1: masters that start together take an orphaned run over once', async () => {
    const instance = await writeOrphan();
    await Promise.all(['m1', 'm2', 'm3'].map((id) => cluster.startMaster(id)));
    await cluster.startWorker('w1');
    const ended = await cluster.whenEnded(instance);
    expect(ended).toMatchObject({ run: { status: 'succeeded' }, tasks: [{ attempts: 2 }] });
    const { holds, owners } = await certify(instance);
    expect(holds).toBe(true);
    expect(owners.filter(({ reason }) => reason !== 'handedOver')).toHaveLength(2);
  });

  test('5: a master that died between its claim and its first write holds up nobody', async () => {
    const instance = await writeOrphan();
    const dead = {
      master: 'm0' as MasterId,
      incarnation: '30000000-0000-4000-8000-00000000dead' as Incarnation,
      host: 'gone',
      epoch: 2,
    };
    await createClaimBook(cluster.claims).create(instance, dead);
    await cluster.startMaster('m1');
    await cluster.startWorker('w1');
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    const { holds, owners } = await certify(instance);
    expect(holds).toBe(true);
    expect(owners.at(-1)).toMatchObject({ master: 'm1', reason: 'masterLost' });
  });

  test('9: a result that comes while no master lives counts later, and nothing runs again', async () => {
    await cluster.startMaster('m1');
    await cluster.startWorker('w1');
    await cluster.register(workflowOf([shellTask('sleep 0.2; echo done=yes > "$MILLRACE_OUTPUT"')]));
    const { instance } = await cluster.submit('tested');
    await whenRunning(instance);
    cluster.kill('m1');
    // The command ends, and its result finds nobody.
    await sleep(600);
    await cluster.startMaster('m2');
    const ended = await cluster.whenEnded(instance);
    expect(ended.tasks).toMatchObject([{ status: 'succeeded', attempts: 1, outputs: { done: 'yes' } }]);
  });

  test('10: master and worker of one machine die together and return together', async () => {
    await cluster.startMaster('m1');
    await cluster.startWorker('w1');
    await cluster.register(workflowOf([shellTask('sleep 0.3'), taskOf('b', ['a'])]));
    const { instance } = await cluster.submit('tested');
    await whenRunning(instance);
    cluster.kill('m1');
    cluster.kill('w1');
    await Promise.all([cluster.startMaster('m1'), cluster.startWorker('w1')]);
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    expect((await certify(instance)).holds).toBe(true);
  });
});

describe('stuck and lost', () => {
  test('27: a run is stopped at once while its task waits for a worker', async () => {
    await cluster.startMaster('m1');
    await cluster.register(workflowOf([{ ...taskOf('a'), workerGroup: 'gpu' as WorkerGroup }]));
    const { instance } = await cluster.submit('tested');
    await cluster.ask(subjects.command, { type: 'stop', instance });
    expect((await cluster.whenEnded(instance)).run.status).toBe('stopped');
    // The place in the queue is given up: a worker that comes is not offered the task.
    await cluster.startWorker('w1', { group: 'gpu' });
    expect(cluster.eventsOf(instance).map(({ type }) => type)).not.toContain('TaskAssigned');
  });

  test('37: the log of a task that no worker had is refused with a sentence', async () => {
    await cluster.startMaster('m1');
    await cluster.register(workflowOf([taskOf('a')]));
    const { instance } = await cluster.submit('tested');
    const answer = await cluster.ask(subjects.query('logs'), { instance, task: 'a' });
    expect(answer).toMatchObject({ code: 'ATTEMPT_NOT_FOUND', message: 'the task a has not been assigned yet' });
  });
});

describe('load', () => {
  test('42: a burst between two heartbeats does not overload a worker', () => {
    const pool = createWorkerPool('m1' as MasterId, { busyCpu: 1, busyMemory: 1 });
    const incarnation = '20000000-0000-4000-8000-000000000001' as Incarnation;
    const [worker, group] = ['w1' as WorkerId, 'default' as WorkerGroup];
    pool.renew({
      kind: 'worker',
      id: worker,
      incarnation,
      host: 'here',
      pid: 1,
      startedAt: 0,
      state: 'active',
      groups: [group],
      slots: 3,
      runningCount: 1,
      runningByMaster: { m2: 1 },
      load: { cpu: 0, memory: 0 },
    });
    const assigned: string[] = [];
    while (pool.candidates(group).length > 0 && assigned.length < 10) {
      const attemptId = `a0000000-0000-4000-8000-00000000000${assigned.length}`;
      const [instance, task] = [certifiedId('k'), taskOf('a').name];
      pool.reserve({ attemptId: attemptId as never, instance, task, worker, workerIncarnation: incarnation });
      assigned.push(attemptId);
    }
    expect(assigned).toHaveLength(2);
    pool.release(assigned[0] as never);
    pool.release(assigned[0] as never);
    expect(pool.candidates(group)).toMatchObject([{ freeSlots: 1 }]);
  });
});
