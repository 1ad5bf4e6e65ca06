/** An owner that gives up what a worker does not have: an offer that was under way all the time must not start it after that. */
import { afterEach, expect, it } from 'vitest';
import { subjects } from '../../schemas/messages/subjects.ts';
import { type Harness, startHarness, workerId } from './worker-harness.ts';

let harness: Harness;
afterEach(() => harness.close());

const ask = (instance: object) =>
  harness.master.ask(subjects.worker.takeover(workerId), {
    master: 'master-1',
    host: 'host-m1',
    instances: [instance],
  });

it('an attempt that its owner takes for lost never starts at a worker which said that it does not have it', async () => {
  harness = await startHarness();
  const offer = harness.offer();
  const { instance, attemptId } = offer;
  const attempts = [attemptId];
  const told = { attempts: [{ attemptId, state: 'unknown' }] };
  expect(await ask({ instance, epoch: 1, attempts, revoked: attempts })).toMatchObject(told);
  const revoked = { accepted: false, reason: { code: 'ATTEMPT_REVOKED' } };
  expect(await harness.give(offer)).toMatchObject(revoked);
  await harness.restart();
  expect(await harness.give({ ...offer, workerIncarnation: harness.incarnation })).toMatchObject(revoked);
});

it('one whose offer is still to come starts, although the worker was asked for it before', async () => {
  harness = await startHarness();
  const offer = harness.offer();
  await ask({ instance: offer.instance, epoch: 1, attempts: [offer.attemptId] });
  expect(await harness.give(offer)).toMatchObject({ accepted: true });
});
