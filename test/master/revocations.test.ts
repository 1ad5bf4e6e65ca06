/** An attempt that was given away ends at its former worker, however long that one could not be told. */
import { afterEach, expect, test, vi } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { Revocations } from '../../src/master/revocations.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { attemptIdOf, worker } from '../actors/run-events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { createSteppedClock, testIds } from '../worker/stepped-clock.ts';
import { settle } from '../worker/worker-harness.ts';

const lost = { instance: testIds.uuid() as InstanceId, epoch: 1, attemptId: attemptIdOf(1), worker };
let cluster: MemoryCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** A master's revocations and a worker that answers as told; without an answer it is silent. */
function connected({ isMember = true } = {}) {
  const clock = createSteppedClock();
  const network = createMemoryNetwork({ clock });
  const peer = network.connect('worker');
  const told = { answer: undefined as unknown, isMember, count: 0 };
  const listen = () =>
    peer.subscribe(subjects.worker.cancel(worker), ({ reply }) => {
      told.count += 1;
      if (reply !== undefined && told.answer !== undefined) peer.publish(reply, told.answer);
    });
  const transport = network.connect('master');
  const options = { transport, clock, ids: testIds, log: silentLog, requestTimeoutMs: 100 };
  const revocations = new Revocations({ ...options, isMember: () => told.isMember });
  const pass = async (durationMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 50) {
      await settle();
      clock.advance(50);
    }
    await settle();
  };
  return { revocations, told, listen, pass };
}

test.each(['unknown', 'finished'])('is repeated while the worker is silent, until it answers %s', async (state) => {
  const { revocations, told, listen, pass } = connected();
  listen();
  revocations.add(lost);
  await pass(2_000);
  expect(told.count).toBeGreaterThan(1);
  told.answer = { state };
  await pass(10_000);
  expect(revocations.count).toBe(0);
  const { count } = told;
  await pass(20_000);
  expect(told.count).toBe(count);
});

test('is repeated while the attempt runs: its worker may die before it has ended it', async () => {
  const { revocations, told, listen, pass } = connected();
  listen();
  told.answer = { state: 'running' };
  revocations.add(lost);
  await pass(1_000);
  told.answer = { state: 'finished' };
  await pass(1_000);
  expect(told.count).toBeGreaterThan(1);
  expect(revocations.count).toBe(0);
});

test('waits for a worker that is gone, and goes on when it has joined', async () => {
  const { revocations, told, listen, pass } = connected({ isMember: false });
  revocations.add(lost);
  await pass(20_000);
  listen();
  told.answer = { state: 'running' };
  await pass(20_000);
  expect(told.count).toBe(0);
  revocations.joined(worker);
  await pass(100);
  expect(told.count).toBe(1);
});

test('ends when the worker knows a later owner: that one revokes', async () => {
  const { revocations, told, listen, pass } = connected();
  listen();
  told.answer = { error: { code: 'EPOCH_STALE', message: 'a later owner is known' } };
  revocations.add(lost);
  await pass(100);
  expect(revocations.count).toBe(0);
});

/** A run whose task begins at w1, which is then cut off until the task runs at w2. */
async function movedToAnother(): Promise<InstanceId> {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  const task = taskOf('a');
  task.settings = { type: 'shell', command: 'sleep 5', graceMs: 100 };
  await cluster.register(workflowOf([task]));
  const { instance } = await cluster.submit('tested');
  const at = async () => (await cluster?.show(instance))?.tasks[0];
  await vi.waitFor(async () => expect(await at()).toMatchObject({ status: 'running' }), 20_000);
  await cluster.startWorker('w2');
  cluster.network.setAway('w1', true);
  await vi.waitFor(async () => expect(await at()).toMatchObject({ status: 'running', worker: 'w2' }), 20_000);
  return instance;
}

async function runningAt(id: string): Promise<number | undefined> {
  const { members } = (await (cluster as MemoryCluster).ask(subjects.query('cluster'), {})) as {
    members: { id: string; runningCount?: number }[];
  };
  return members.find((member) => member.id === id)?.runningCount;
}

test('a worker that was cut off ends what was given away as soon as it is back', async () => {
  const instance = await movedToAnother();
  cluster?.network.setAway('w1', false);
  await vi.waitFor(async () => expect(await runningAt('w1')).toBe(0), 20_000);
  expect((await cluster?.show(instance))?.tasks[0]).toMatchObject({ status: 'running', worker: 'w2' });
});

test('another owner revokes what the run had lost before', async () => {
  const instance = await movedToAnother();
  await cluster?.startMaster('m2');
  cluster?.kill('m1');
  await vi.waitFor(async () => expect((await cluster?.show(instance))?.owner?.master).toBe('m2'), 20_000);
  cluster?.network.setAway('w1', false);
  await vi.waitFor(async () => expect(await runningAt('w1')).toBe(0), 20_000);
});
