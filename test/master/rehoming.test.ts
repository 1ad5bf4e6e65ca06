/** What a new owner of a run makes of the answers of the workers that hold its attempts. */
import { expect, test } from 'vitest';
import type { Incarnation, InstanceId, MasterId, WorkerId } from '../../schemas/ids.ts';
import type { Takeover } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { LiveInstance } from '../../src/master/live-instance.ts';
import { Rehoming, type RehomingOptions } from '../../src/master/takeover.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { assign, ownershipTaken, requestStop, submitted } from '../actors/run-events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { given } from '../kit/given.ts';
import { createSteppedClock, testIds } from '../worker/stepped-clock.ts';
import { settle } from '../worker/worker-harness.ts';

const id = testIds.uuid() as string as InstanceId;

/** An owner that has just taken over a run whose only attempt was offered, and a worker that knows nothing of it. */
function takenOver() {
  const clock = createSteppedClock();
  const network = createMemoryNetwork({ clock });
  const assigned = given(workflowOf([taskOf('a')]), submitted, ownershipTaken(1), assign('a'));
  const { worker, workerIncarnation, attemptId } = assigned.task('a').context.current ?? expect.unreachable();
  const state = { snapshot: assigned.snapshot };
  const live = Object.assign(state, { id, actor: assigned.actor, isOwned: true }) as unknown as LiveInstance;
  const lost: string[] = [];
  const asked: Takeover['instances'] = [];
  // Reason for the cast: what is asked of these is all there.
  const surroundings = {
    host: { find: () => live },
    courier: { lose: (_: LiveInstance, held: { attemptId: string }) => void lost.push(held.attemptId) },
    pool: { reserve: () => {}, reservationsOf: () => [], member: () => ({}) },
  } as unknown as Pick<RehomingOptions, 'host' | 'courier' | 'pool'>;
  const rehoming = new Rehoming({
    ...surroundings,
    transport: network.connect('m1'),
    master: 'm1' as MasterId,
    hostName: 'here',
    clock,
    ids: testIds,
    log: silentLog,
    requestTimeoutMs: 100,
    absenceMaxMs: 1_000,
    reviewIntervalMs: 100_000,
    members: () => [],
  });
  const other = network.connect('w1');
  let onAsked = (): void => {};
  other.subscribe(subjects.worker.takeover(worker as WorkerId), ({ body, reply }) => {
    asked.push(...(body as Takeover).instances);
    onAsked();
    const attempts = [{ attemptId, state: 'unknown' }];
    const answer = { worker, incarnation: workerIncarnation as Incarnation, refused: [], attempts };
    if (reply !== undefined) other.publish(reply, answer);
  });
  const pass = async (durationMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 10) {
      clock.advance(10);
      await settle();
    }
  };
  const stop = (): void => void Object.assign(state, { snapshot: assigned.and(requestStop).snapshot });
  return { rehoming, live, lost, asked, pass, stop, attemptId, whenAsked: (act: () => void) => (onAsked = act) };
}

test('an offered attempt of which the worker does not know yet is not lost', async () => {
  const { rehoming, live, lost, asked, pass, attemptId } = takenOver();
  rehoming.add(live);
  await pass(500);
  expect(asked).toEqual([{ instance: id, epoch: 1, attempts: [attemptId] }]);
  expect(lost).toEqual([]);
});

test('R2: one that is being stopped is lost when the worker was told that it is not to start any more', async () => {
  const { rehoming, live, lost, asked, pass, stop, attemptId } = takenOver();
  stop();
  rehoming.add(live);
  await pass(500);
  expect(asked).toMatchObject([{ attempts: [attemptId], revoked: [attemptId] }]);
  expect(lost).toEqual([attemptId]);
});

test('R2: one that is stopped while the worker is asked is asked about again', async () => {
  const { rehoming, live, lost, asked, pass, stop, attemptId, whenAsked } = takenOver();
  whenAsked(stop);
  rehoming.add(live);
  await pass(500);
  expect(asked).toMatchObject([{ attempts: [attemptId] }, { revoked: [attemptId] }]);
  expect(lost).toEqual([attemptId]);
});
