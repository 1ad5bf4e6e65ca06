import { afterEach, describe, expect, it } from 'vitest';
import { subjects } from '../../schemas/messages/subjects.ts';
import { testIds } from './stepped-clock.ts';
import {
  ackAll,
  type Harness,
  joinMaster,
  scripted,
  settle,
  silence,
  startHarness,
  workerId,
} from './worker-harness.ts';

let harness: Harness;
afterEach(() => harness.close());

const kinds = () => harness.master.reports().map((report) => `${report.kind} ${report.sequence}`);

describe('reports', () => {
  it('of attempts that end soon are one', async () => {
    harness = await startHarness();
    await harness.give(harness.offer({ settings: scripted({ afterMs: 19 }) }));
    harness.clock.advance(100);
    await settle();
    expect(kinds()).toEqual(['succeeded 1']);
  });

  it('of attempts that run on begin with started', async () => {
    harness = await startHarness();
    await harness.give(harness.offer({ settings: scripted({ afterMs: 50, result: 'fail', message: 'as told' }) }));
    harness.clock.advance(20);
    await settle();
    harness.clock.advance(30);
    await settle();
    expect(kinds()).toEqual(['started 1', 'failed 2']);
    const [started, failed] = harness.master.reports();
    expect(failed).toMatchObject({ startedAt: (started as { startedAt: number }).startedAt });
    expect(failed).toMatchObject({ fault: { code: 'TASK_SCRIPTED_FAILURE', message: 'as told' } });
  });

  it('of one turn for one owner go in one batch', async () => {
    harness = await startHarness();
    await Promise.all([1, 2, 3, 4].map(() => harness.give(harness.offer())));
    await settle();
    expect(harness.master.batches.map((batch) => batch.reports.length)).toEqual([4]);
  });

  it('are repeated with a growing delay until they are acked', async () => {
    harness = await startHarness({ worker: { reportRetryDelayMs: 100, reportRetryDelayMaxMs: 300 } });
    harness.master.answer = silence;
    await harness.give(harness.offer());
    await settle();
    const sentAt: number[] = [];
    for (let ms = 0; ms < 1_100; ms += 50) {
      const before = harness.master.batches.length;
      harness.clock.advance(50);
      await settle();
      if (harness.master.batches.length > before) sentAt.push(ms + 50);
    }
    expect(sentAt).toEqual([100, 300, 600, 900]);
    harness.master.answer = ackAll;
    harness.clock.advance(300);
    await settle();
    const count = harness.master.batches.length;
    harness.clock.advance(10_000);
    await settle();
    expect(harness.master.batches).toHaveLength(count);
    expect(harness.ledger.unsettled()).toEqual([]);
  });

  it('that are newer replace unacked older ones', async () => {
    harness = await startHarness();
    harness.master.answer = silence;
    await harness.give(harness.offer({ settings: scripted({ afterMs: 50 }) }));
    harness.clock.advance(20);
    await settle();
    harness.clock.advance(30);
    await settle();
    harness.clock.advance(2_000);
    await settle();
    expect(kinds().slice(0, 2)).toEqual(['started 1', 'succeeded 2']);
    expect(new Set(kinds().slice(2))).toEqual(new Set(['succeeded 2']));
  });

  it('are kept when only an earlier one was acked', async () => {
    harness = await startHarness({ worker: { reportRetryDelayMs: 100 } });
    harness.master.answer = (batch) => ({
      acked: batch.reports.map(({ attemptId }) => ({ attemptId, sequence: 1 })),
      notOwner: [],
    });
    await harness.give(harness.offer({ settings: scripted({ afterMs: 50 }) }));
    harness.clock.advance(20);
    await settle();
    harness.clock.advance(30);
    await settle();
    expect(harness.ledger.unsettled()).toHaveLength(1);
    harness.master.answer = ackAll;
    harness.clock.advance(300);
    await settle();
    harness.clock.advance(100);
    await settle();
    expect(harness.ledger.unsettled()).toEqual([]);
  });

  it('go at once to the owner that a "not owner" answer names', async () => {
    harness = await startHarness();
    const other = joinMaster(harness.network, 'master-2');
    harness.master.answer = (batch) => ({
      acked: [],
      notOwner: batch.reports.map(({ instance }) => ({ instance, owner: other.id, epoch: 2 })),
    });
    await harness.give(harness.offer());
    await settle();
    expect(other.reports().map((report) => report.kind)).toEqual(['succeeded']);
  });

  it('go to any master after a while when their owner is gone', async () => {
    harness = await startHarness({ worker: { reportRetryDelayMs: 100, reportRetryDelayMaxMs: 100 } });
    const other = joinMaster(harness.network, 'master-2');
    harness.master.answer = silence;
    await harness.give(harness.offer());
    await settle();
    harness.network.kill('master-1');
    for (let round = 0; round < 5; round += 1) {
      harness.clock.advance(100);
      await settle();
    }
    expect(other.reports().map((report) => report.kind)).toEqual(['succeeded']);
    expect(harness.ledger.unsettled()).toEqual([]);
  });

  it('do not storm between two masters that name each other', async () => {
    harness = await startHarness({ worker: { reportRetryDelayMs: 1_000 } });
    const other = joinMaster(harness.network, 'master-2');
    for (const [from, to] of [
      [harness.master, other],
      [other, harness.master],
    ] as const) {
      from.answer = (batch) => ({
        acked: [],
        notOwner: batch.reports.map(({ instance }) => ({ instance, owner: to.id, epoch: 1 })),
      });
    }
    await harness.give(harness.offer());
    await settle(100);
    expect(harness.master.batches.length + other.batches.length).toBeLessThan(6);
    harness.master.answer = ackAll;
    other.answer = ackAll;
    harness.clock.advance(5_000);
    await settle();
    harness.clock.advance(1_000);
    await settle();
    expect(harness.ledger.unsettled()).toEqual([]);
  });

  it('are sent again at once when NATS is back', async () => {
    harness = await startHarness({ worker: { reportRetryDelayMs: 10_000 } });
    await harness.give(harness.offer({ settings: scripted({ afterMs: 10 }) }));
    harness.network.setAway('worker-life-1', true);
    harness.clock.advance(10);
    await settle();
    expect(kinds()).toEqual([]);
    harness.network.setAway('worker-life-1', false);
    await settle();
    expect(kinds()).toEqual(['succeeded 1']);
  });

  it('whose outputs are too large turn into a failure', async () => {
    harness = await startHarness({ worker: { outputSizeBytesMax: 100 } });
    await harness.give(harness.offer({ settings: scripted({ afterMs: 0, outputs: { text: 'x'.repeat(200) } }) }));
    await settle();
    expect(harness.master.reports()).toMatchObject([{ kind: 'failed', fault: { code: 'OUTPUT_TOO_LARGE' } }]);
  });
});

describe('after a restart', () => {
  it('unacked results are sent again', async () => {
    harness = await startHarness();
    harness.master.answer = silence;
    const offer = harness.offer({ settings: scripted({ afterMs: 0, outputs: { rows: 3 } }) });
    await harness.give(offer);
    await settle();
    await harness.restart();
    expect(harness.master.batches.at(-1)).toMatchObject({
      incarnation: harness.incarnation,
      reports: [{ kind: 'succeeded', attemptId: offer.attemptId, sequence: 1, outputs: { rows: 3 } }],
    });
  });

  it('attempts that had not ended are lost, with the next sequence', async () => {
    harness = await startHarness();
    const offer = harness.offer({ settings: scripted({ afterMs: 5_000 }) });
    await harness.give(offer);
    harness.clock.advance(20);
    await settle();
    await harness.restart();
    expect(kinds()).toEqual(['started 1', 'lost 2']);
    expect(await harness.give({ ...offer, workerIncarnation: harness.incarnation })).toEqual({ accepted: true });
    await settle();
    expect(kinds()).toEqual(['started 1', 'lost 2']);
  });
});

describe('a wait', () => {
  it('goes on over a restart, and ends when it would have ended', async () => {
    harness = await startHarness({ worker: { slots: 1 } });
    const { attemptId } = await takeWait({ durationMs: 5_000 });
    harness.clock.advance(2_000);
    await harness.restart();
    expect(await harness.give(harness.offer())).toMatchObject({ reason: { code: 'WORKER_SLOTS_FULL' } });
    harness.clock.advance(2_999);
    await settle();
    expect(harness.master.reports().map((report) => report.kind)).not.toContain('succeeded');
    harness.clock.advance(1);
    await settle();
    const { startedAt, finishedAt } = lastOf(attemptId);
    expect(finishedAt - startedAt).toBe(5_000);
    expect(await harness.give(harness.offer())).toEqual({ accepted: true });
  });

  it('that was over while the worker was away ends at once', async () => {
    harness = await startHarness();
    const { attemptId } = await takeWait({ untilAt: harness.clock.now() + 1_000 });
    harness.network.kill('worker-life-1');
    harness.clock.advance(60_000);
    await harness.restart();
    harness.clock.advance(0);
    await settle();
    expect(lastOf(attemptId).kind).toBe('succeeded');
  });

  const takeWait = async (settings: object) => {
    const offer = harness.offer({ settings: { type: 'wait', ...settings } });
    await harness.give(offer);
    await settle();
    return offer;
  };
  const lastOf = (attemptId: string) => {
    const report = harness.master.reports().findLast((each) => each.attemptId === attemptId);
    if (report?.kind !== 'succeeded') throw new Error(`expected a success, found ${JSON.stringify(report)}`);
    return report;
  };
});

describe('a takeover', () => {
  it('tells the state of each attempt, and sends unacked reports to the new owner', async () => {
    harness = await startHarness();
    harness.master.answer = silence;
    const other = joinMaster(harness.network, 'master-2');
    const instance = testIds.uuid();
    const finished = harness.offer({ instance });
    const running = harness.offer({ instance, settings: scripted({ afterMs: 60_000 }) });
    await Promise.all([harness.give(finished), harness.give(running)]);
    await settle();
    const unknown = testIds.uuid();
    const attempts = [finished.attemptId, running.attemptId, unknown];
    const takeover = { master: other.id, host: 'host-m2', instances: [{ instance, epoch: 2, attempts }] };
    expect(await other.ask(subjects.worker.takeover(workerId), takeover)).toEqual({
      worker: workerId,
      incarnation: harness.incarnation,
      refused: [],
      attempts: [
        { attemptId: finished.attemptId, state: 'finished' },
        { attemptId: running.attemptId, state: 'running' },
        { attemptId: unknown, state: 'unknown' },
      ],
    });
    await settle();
    expect(other.reports()).toMatchObject([{ kind: 'succeeded', attemptId: finished.attemptId }]);
    const late = await harness.give(harness.offer({ instance, epoch: 1 }));
    expect(late).toMatchObject({ accepted: false, reason: { code: 'EPOCH_STALE' } });
  });

  it('of a lower epoch is refused, instance by instance', async () => {
    harness = await startHarness();
    const [mine, stale] = [testIds.uuid(), testIds.uuid()];
    await harness.give(harness.offer({ instance: stale, epoch: 5 }));
    const instances = [
      { instance: mine, epoch: 1, attempts: [] },
      { instance: stale, epoch: 4, attempts: [] },
    ];
    const takeover = { master: 'master-2', host: 'host-m2', instances };
    expect(await harness.master.ask(subjects.worker.takeover(workerId), takeover)).toMatchObject({
      refused: [{ instance: stale, epoch: 5 }],
    });
  });

  it('says of an attempt whose last report was acked that nothing more will come, also after a restart', async () => {
    harness = await startHarness();
    const offer = harness.offer();
    await harness.give(offer);
    await settle();
    const instances = [{ instance: offer.instance, epoch: 2, attempts: [offer.attemptId] }];
    const takeover = { master: 'master-1', host: 'host-m1', instances };
    const told = { attempts: [{ attemptId: offer.attemptId, state: 'unknown' }] };
    expect(await harness.master.ask(subjects.worker.takeover(workerId), takeover)).toMatchObject(told);
    await harness.restart();
    expect(await harness.master.ask(subjects.worker.takeover(workerId), takeover)).toMatchObject(told);
  });

  it('is remembered over a restart', async () => {
    harness = await startHarness();
    harness.master.answer = silence;
    const other = joinMaster(harness.network, 'master-2');
    other.answer = silence;
    const offer = harness.offer();
    await harness.give(offer);
    const instances = [{ instance: offer.instance, epoch: 2, attempts: [] }];
    await other.ask(subjects.worker.takeover(workerId), { master: other.id, host: 'host-m2', instances });
    await settle();
    const count = other.batches.length;
    await harness.restart();
    expect(other.batches.length).toBe(count + 1);
  });
});

describe('a cancel', () => {
  const cancel = (body: object) => harness.master.ask(subjects.worker.cancel(workerId), body);

  it('ends a running attempt with a cancelled report', async () => {
    harness = await startHarness();
    const offer = harness.offer({ settings: scripted({ afterMs: 60_000 }) });
    await harness.give(offer);
    const { instance, attemptId } = offer;
    expect(await cancel({ instance, attemptId, epoch: 1, reason: 'stop' })).toEqual({ state: 'running' });
    await settle();
    expect(kinds()).toEqual(['cancelled 1']);
  });

  it('of an ended attempt is answered as finished until its last report is acked, and as unknown after', async () => {
    harness = await startHarness({ worker: { reportRetryDelayMs: 100 } });
    harness.master.answer = silence;
    const offer = harness.offer();
    await harness.give(offer);
    await settle();
    const { instance, attemptId } = offer;
    expect(await cancel({ instance, attemptId, epoch: 1, reason: 'stop' })).toEqual({ state: 'finished' });
    harness.master.answer = ackAll;
    harness.clock.advance(100);
    await settle();
    expect(await cancel({ instance, attemptId, epoch: 1, reason: 'stop' })).toEqual({ state: 'unknown' });
  });

  it('of an unknown attempt makes sure that it never starts, over restarts too', async () => {
    harness = await startHarness();
    const offer = harness.offer();
    const { instance, attemptId } = offer;
    expect(await cancel({ instance, attemptId, epoch: 1, reason: 'revoked' })).toEqual({ state: 'unknown' });
    const revoked = { accepted: false, reason: { code: 'ATTEMPT_REVOKED' } };
    expect(await harness.give(offer)).toMatchObject(revoked);
    await harness.restart();
    expect(await harness.give({ ...offer, workerIncarnation: harness.incarnation })).toMatchObject(revoked);
  });

  it('of a lower epoch is refused', async () => {
    harness = await startHarness();
    const offer = harness.offer({ epoch: 3, settings: scripted({ afterMs: 60_000 }) });
    await harness.give(offer);
    const { instance, attemptId } = offer;
    expect(await cancel({ instance, attemptId, epoch: 2, reason: 'stop' })).toMatchObject({
      error: { code: 'EPOCH_STALE' },
    });
    await settle();
    expect(kinds()).toEqual([]);
  });

  it('that does not fit its schema is answered with an error', async () => {
    harness = await startHarness();
    expect(await cancel({ attemptId: 5 })).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  });
});

describe('a stopping worker', () => {
  it('refuses offers, lets attempts end, and leaves the members', async () => {
    harness = await startHarness({ worker: { drainDeadlineMs: 5_000 } });
    await harness.give(harness.offer({ settings: scripted({ afterMs: 3_000 }) }));
    const stopped = harness.service.stop(20_000);
    await settle();
    expect((await harness.members.get(`worker.${workerId}`))?.value).toMatchObject({ state: 'draining' });
    expect(await harness.give(harness.offer())).toMatchObject({ reason: { code: 'WORKER_DRAINING' } });
    harness.clock.advance(3_000);
    await settle();
    await stopped;
    await harness.service.stop(0);
    expect(kinds().at(-1)).toBe('succeeded 2');
    expect(await harness.members.get(`worker.${workerId}`)).toBeUndefined();
  });

  it('cancels what runs on after the drain deadline, and reports it lost', async () => {
    harness = await startHarness({ worker: { drainDeadlineMs: 5_000 } });
    await harness.give(harness.offer({ settings: scripted({ afterMs: 60_000 }) }));
    const stopped = harness.service.stop(20_000);
    harness.clock.advance(5_000);
    await settle();
    await stopped;
    expect(harness.master.reports().at(-1)).toMatchObject({ kind: 'lost', fault: { code: 'WORKER_DRAINING' } });
  });
});
