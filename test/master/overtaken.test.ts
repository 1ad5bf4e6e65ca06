/** Masters that others have overtaken, or that are about to overtake: what they must not say, and what they must notice. */

import { v5 } from 'uuid';
import { afterEach, expect, test, vi } from 'vitest';
import type { InstanceId, MasterId, TaskName } from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import { claimKey, subjects } from '../../schemas/messages/subjects.ts';
import { endOfTurn } from '../../src/clock/end-of-turn.ts';
import { createWorkerPool } from '../../src/dispatch/worker-pool.ts';
import { AttemptCourier } from '../../src/master/attempt-courier.ts';
import type { InstanceHost } from '../../src/master/instance-host.ts';
import type { LiveInstance } from '../../src/master/live-instance.ts';
import { ReportIntake } from '../../src/master/report-intake.ts';
import { Rehoming } from '../../src/master/takeover.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import {
  attemptIdOf,
  requestStop,
  submitOwned,
  takeOwnership,
  taskEvent,
  worker,
  workerIncarnation,
} from '../actors/run-events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { given, type Step } from '../kit/given.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { createSteppedClock, testIds } from '../worker/stepped-clock.ts';
import { settle } from '../worker/worker-harness.ts';

const instance = testIds.uuid() as InstanceId;
const attempt = { task: 'a' as TaskName, attemptId: attemptIdOf(1), worker, workerIncarnation };
const clock = createSteppedClock();
const assigned: Step[] = [submitOwned, taskEvent('TaskAssigned', 'a', 1)];
let cluster: MemoryCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** A run in memory; `state` may be changed while the test goes on. */
function liveRun(steps: Step[], state: Partial<LiveInstance> = {}) {
  const { actor, snapshot } = given(workflowOf([taskOf('a')]), ...steps);
  const run = {
    id: instance,
    workflow: 'tested',
    actor,
    snapshot,
    isOwned: true,
    isDropped: false,
    origin: {},
    send: vi.fn(),
  };
  // Reason for the cast: what these parts of a master read and call of a run is all there.
  return { ...run, ...state } as unknown as LiveInstance & { send: ReturnType<typeof vi.fn> };
}

/** A master's transport and a worker that keeps what it hears. */
function connected() {
  const network = createMemoryNetwork({ clock });
  const heard: unknown[] = [];
  const peer = network.connect('worker');
  const listen = (subject: string, answer?: unknown): void => {
    peer.subscribe(subject, ({ body, reply }) => {
      heard.push(body);
      if (answer !== undefined && reply !== undefined) peer.publish(reply, answer);
    });
  };
  return { transport: network.connect('master'), heard, listen };
}

function courierOver(transport: ReturnType<typeof connected>['transport']): AttemptCourier {
  const config = { offerTimeoutMs: 100, cancelTimeoutMs: 100, lossesMax: 5 };
  const pool = createWorkerPool('m1' as MasterId, { busyCpu: 1, busyMemory: 1 });
  const options = { master: 'm1' as MasterId, host: 'here', config, transport, pool, clock, ids: testIds };
  return new AttemptCourier({ ...options, log: silentLog });
}

function rehomingOf(live: LiveInstance, transport: ReturnType<typeof connected>['transport']): Rehoming {
  const pool = createWorkerPool('m1' as MasterId, { busyCpu: 1, busyMemory: 1 });
  pool.reserve({ ...attempt, instance });
  const host = { find: () => live, drop: () => {} } as unknown as InstanceHost;
  const times = { requestTimeoutMs: 100, absenceMaxMs: 1_000, reviewIntervalMs: 10_000 };
  const identity = { master: 'm1' as MasterId, hostName: 'here' };
  const courier = courierOver(transport);
  const members = () => [{ id: worker }];
  return new Rehoming({
    ...identity,
    ...times,
    members,
    transport,
    host,
    courier,
    pool,
    clock,
    ids: testIds,
    log: silentLog,
  });
}

test('a report of a later epoch than the owner knows is not taken: the owner was overtaken', async () => {
  const live = liveRun(assigned);
  const host = { find: () => live, drop: vi.fn(), locate: () => Promise.resolve({ kind: 'elsewhere', owner: 'm2' }) };
  const { transport, heard, listen } = connected();
  listen('inbox');
  const revoke = vi.fn();
  const sources = { transport, host: host as unknown as InstanceHost, revoke };
  const options = { ...sources, config: { lossesMax: 5 }, clock, ids: testIds };
  const intake = new ReportIntake({ ...options, endOfTurn, log: silentLog });
  const told = { task: attempt.task, attemptId: attemptIdOf(9), sequence: 1, startedAt: 1, finishedAt: 2, outputs: {} };
  const report: AttemptReport = { kind: 'succeeded', instance, ...told, epoch: 2 };
  const body = { worker, incarnation: workerIncarnation, reports: [report] };
  intake.take({ subject: 'report', body, reply: 'inbox', traceparent: undefined });
  await settle();
  expect(host.drop).toHaveBeenCalledWith(live);
  expect(live.send).not.toHaveBeenCalled();
  expect(heard).toEqual([{ acked: [], notOwner: [{ instance, owner: 'm2' }] }]);
});

test.each([
  ['whose fence is not durable yet', liveRun([...assigned, takeOwnership(2)], { isOwned: false })],
  ['whose assignment is not durable yet', liveRun([submitOwned])],
])('a worker hears nothing of a run %s', async (_, live) => {
  const { transport, heard, listen } = connected();
  listen(subjects.worker.takeover(worker));
  const rehoming = rehomingOf(live, transport);
  rehoming.ask(worker);
  await settle();
  expect(heard).toEqual([]);
  rehoming.stop();
});

test('an attempt that its worker calls finished does not go on: its last report may have been acked', async () => {
  const live = liveRun([...assigned, taskEvent('TaskWorkerAbsent', 'a', 1)]);
  const { transport, listen } = connected();
  const states = [{ attemptId: attempt.attemptId, state: 'finished' }];
  listen(subjects.worker.takeover(worker), { worker, incarnation: workerIncarnation, refused: [], attempts: states });
  rehomingOf(live, transport).ask(worker);
  await settle();
  expect(live.send).not.toHaveBeenCalled();
});

test('an attempt that seems to run while its worker knows nothing of it is found out', async () => {
  const live = liveRun([...assigned, taskEvent('TaskWorkerAbsent', 'a', 1), taskEvent('TaskStarted', 'a', 1)]);
  const { transport, listen } = connected();
  const states = [{ attemptId: attempt.attemptId, state: 'unknown' }];
  listen(subjects.worker.takeover(worker), { worker, incarnation: workerIncarnation, refused: [], attempts: states });
  const rehoming = rehomingOf(live, transport);
  clock.advance(10_000);
  await settle();
  expect(live.send).toHaveBeenCalledOnce();
  expect(live.send.mock.calls[0]?.[0]).toMatchObject({ command: { type: 'LoseAttempt', mayReturn: false } });
  rehoming.stop();
});

test('an offer that was not answered is made again, although its worker is no member', async () => {
  const live = liveRun(assigned);
  const { transport, heard, listen } = connected();
  listen(subjects.worker.offer(worker));
  void courierOver(transport).offer(live, attempt);
  for (const ms of [100, 500, 100, 500]) {
    await settle();
    clock.advance(ms);
  }
  await settle();
  expect(heard.length).toBeGreaterThan(1);
  Object.assign(live, { isDropped: true });
});

test('a cancel is repeated until nothing is left of the attempt: its last report may have been acked as a loss', async () => {
  const live = liveRun([...assigned, taskEvent('TaskWorkerAbsent', 'a', 1), requestStop]);
  const { transport, heard, listen } = connected();
  const answer = { state: 'finished' };
  listen(subjects.worker.cancel(worker), answer);
  void courierOver(transport).cancel(live, attempt, 'stop');
  await settle();
  expect(live.send).not.toHaveBeenCalled();
  answer.state = 'unknown';
  clock.advance(1_000);
  await settle();
  expect(heard).toHaveLength(2);
  expect(live.send).toHaveBeenCalledOnce();
  expect(live.send.mock.calls[0]?.[0]).toMatchObject({ command: { report: { kind: 'cancelled' } } });
});

test('a claim of which its own creation gave up does not block the key', async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  await cluster.register(workflowOf([taskOf('a')]));
  const { incarnation } = (await cluster.ask(subjects.master.ping('m1' as MasterId), {})) as { incarnation: string };
  const id = v5('tested\nheld', '6d696c6c-7261-4365-8000-6b6579732d31');
  const claim = { master: 'm1', incarnation, host: 'here', epoch: 1 };
  await cluster.claims.create(claimKey('workflowInstance', id), claim);
  const receipt = await cluster.submit('tested', { key: 'held' });
  expect(receipt).toMatchObject({ instance: id, duplicate: false });
});
