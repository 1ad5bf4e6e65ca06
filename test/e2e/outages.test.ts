/** Servers and workers die in the middle of runs, alone. Nothing is lost and nothing is doubled. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { RunReply } from '../../schemas/messages/client.messages.ts';
import type { StoredEvent } from '../kit/cluster-client.ts';
import { workflowOf } from '../kit/definitions.ts';
import { disagreements, readLedger, scriptTask, shellTask } from '../kit/effect-ledger.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { kill, processesIn } from '../kit/processes.ts';

const stepCount = 40;

let cluster: ProcessCluster;
let ledger = '';
let testCount = 0;

beforeAll(async () => {
  cluster = await startProcessCluster({
    // On a busy machine a restart takes long: it must not seem an absence.
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500, workerAbsenceMaxMs: 12_000 },
    worker: { heartbeatIntervalMs: 500, slots: 4 },
  });
});

afterAll(() => cluster.remove());

beforeEach(async () => {
  testCount += 1;
  ledger = file('ledger');
  await cluster.startMissing();
});

test('a run goes on when NATS is killed and its supervisor starts it again', async () => {
  const { definition, instance } = await submit(twoChains());

  await succeededCount(instance, 5);
  cluster.killNats();
  await succeededCount(instance, 40);
  cluster.killNats();

  await expectSoundEnd(definition, instance);
});

test('a run goes on when the event store is killed and started again', async () => {
  const { definition, instance } = await submit(twoChains());

  await succeededCount(instance, 5);
  await cluster.process('store').end('SIGKILL');
  await cluster.start('store');
  await succeededCount(instance, 40);
  await cluster.process('store').end('SIGKILL');
  await cluster.start('store');

  await expectSoundEnd(definition, instance);
});

test('commands of a killed worker run on, and the restarted worker takes them back', async () => {
  const flag = file('flag');
  const tasks = ['a', 'b', 'c', 'd'].map((name) => shellTask(name, { ledger, command: untilThere(flag) }));
  const { definition, instance } = await submit(tasks);
  const started = await allStarted(instance, tasks.length);
  const victim = started[0]?.worker ?? '';

  await cluster.process(victim).end('SIGKILL');
  const commands = processesIn(join(cluster.folder, 'workers', victim, 'attempts', instance));
  expect(commands.length).toBeGreaterThan(0);
  await cluster.start(victim);
  writeFileSync(flag, '');

  const { history, reply } = await expectSoundEnd(definition, instance);
  expect(tasksOf(history, 'TaskLost')).toEqual([]);
  expect(reply.tasks.map(({ task, worker }) => ({ task, worker }))).toEqual(expect.arrayContaining(started));
});

test('attempts of a worker that does not come back run elsewhere', async () => {
  const flag = file('flag');
  const tasks = ['a', 'b', 'c', 'd'].map((name) => shellTask(name, { ledger, command: untilThere(flag) }));
  const { definition, instance } = await submit(tasks);
  const started = await allStarted(instance, tasks.length);
  const victim = started[0]?.worker ?? '';

  await cluster.process(victim).end('SIGKILL');
  for (const pid of processesIn(join(cluster.folder, 'workers', victim))) kill(pid, 'SIGKILL');
  await cluster.client.whenWritten(instance, ({ type }) => type === 'TaskLost');
  writeFileSync(flag, '');

  const { reply } = await expectSoundEnd(definition, instance);
  expect(reply.tasks.map(({ worker }) => worker)).not.toContain(victim);
});

test('a worker that is told to stop lets its attempts end and takes no more', async () => {
  const flag = file('flag');
  const first = ['a', 'b', 'c', 'd'].map((name) => shellTask(name, { ledger, command: untilThere(flag) }));
  const then = first.map(({ name }) => scriptTask(`after-${name}`, { ledger, needs: [name], afterMs: 10 }));
  const { definition, instance } = await submit([...first, ...then]);
  const started = await allStarted(instance, first.length);
  const leaving = started[0]?.worker ?? '';

  const ended = cluster.process(leaving).end('SIGTERM');
  await eventually('the worker is draining', async () => {
    const { members } = (await cluster.client.ask('millrace.v1.query.cluster', {})) as { members: unknown[] };
    return JSON.stringify(members).includes('draining') ? true : undefined;
  });
  writeFileSync(flag, '');

  expect((await ended).code).toBe(0);
  const { history, reply } = await expectSoundEnd(definition, instance);
  expect(tasksOf(history, 'TaskLost')).toEqual([]);
  expect(reply.tasks.every(({ attempts }) => attempts === 1)).toBe(true);
  const later = reply.tasks.filter(({ task }) => task.startsWith('after-'));
  expect(later.map(({ worker }) => worker)).not.toContain(leaving);
});

/** Two chains side by side, so that steps of one run overlap. */
function twoChains(): TaskDefinition[] {
  return ['x', 'y'].flatMap((chain) =>
    Array.from({ length: stepCount }, (_, step) => {
      const needs = step === 0 ? [] : [`${chain}${step - 1}`];
      return scriptTask(`${chain}${step}`, { ledger, needs, afterMs: step % 2 === 0 ? 0 : 15 });
    }),
  );
}

function untilThere(flag: string): string {
  return `until [ -e '${flag}' ]; do sleep 0.1; done`;
}

async function submit(tasks: TaskDefinition[]): Promise<{ definition: WorkflowDefinition; instance: InstanceId }> {
  const definition = workflowOf(tasks, { name: `outage-${testCount}` as WorkflowName });
  await cluster.client.register(definition);
  const { instance } = await cluster.client.submit(definition.name);
  return { definition, instance };
}

/** Asked of the store: messages may be lost with NATS. */
async function succeededCount(instance: InstanceId, count: number): Promise<void> {
  await eventually(`${count} tasks have succeeded`, async () => {
    const history = await cluster.client.history(instance);
    return tasksOf(history, 'TaskSucceeded').length >= count ? true : undefined;
  });
}

/** Which worker each task runs on, when all do: the ledger tells that the commands are there. */
function allStarted(instance: InstanceId, count: number): Promise<{ task: string; worker: string }[]> {
  return eventually(`${count} tasks have started`, async () => {
    const { tasks } = await cluster.client.show(instance);
    const running = tasks.filter(({ status }) => status === 'running');
    if (running.length < count || readLedger(ledger).length < count) return undefined;
    return running.map(({ task, worker = '' }) => ({ task, worker }));
  });
}

async function expectSoundEnd(
  definition: WorkflowDefinition,
  instance: InstanceId,
): Promise<{ history: StoredEvent[]; reply: RunReply }> {
  const reply = await cluster.client.whenEnded(instance);
  expect(reply.run.status).toBe('succeeded');
  const history = await cluster.client.soundHistory(definition, instance);
  expect(disagreements(readLedger(ledger), history)).toEqual([]);
  expect(tasksOf(history, 'TaskSucceeded')).toHaveLength(definition.tasks.length);
  return { history, reply };
}

function tasksOf(history: readonly StoredEvent[], type: string): string[] {
  return history.filter((event) => event.type === type).map(({ data }) => String(data.task));
}

function file(name: string): string {
  return join(cluster.folder, `${name}-${testCount}`);
}
