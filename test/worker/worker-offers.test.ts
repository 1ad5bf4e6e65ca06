import { afterEach, describe, expect, it } from 'vitest';
import { subjects } from '../../schemas/messages/subjects.ts';
import { createMemoryLedger } from '../../src/worker/memory-ledger.adapter.ts';
import { testIds } from './stepped-clock.ts';
import { type Harness, scripted, settle, startHarness, workerId } from './worker-harness.ts';

let harness: Harness;
afterEach(() => harness.close());

const refusal = (code: string) => ({ accepted: false, reason: { code, message: expect.any(String) } });

describe('an offer', () => {
  it('that is done at once is accepted and brings exactly one report', async () => {
    harness = await startHarness();
    const offer = harness.offer({ settings: scripted({ afterMs: 0, outputs: { rows: 3 } }) });
    expect(await harness.give(offer)).toEqual({ accepted: true });
    await settle();
    harness.clock.advance(60_000);
    await settle();
    expect(harness.master.reports()).toEqual([
      {
        kind: 'succeeded',
        instance: offer.instance,
        task: 'step',
        attemptId: offer.attemptId,
        sequence: 1,
        epoch: offer.epoch,
        startedAt: expect.any(Number),
        finishedAt: expect.any(Number),
        outputs: { rows: 3 },
      },
    ]);
  });

  it('for an earlier life of the worker is refused', async () => {
    harness = await startHarness();
    const offer = harness.offer({ workerIncarnation: testIds.uuid() });
    expect(await harness.give(offer)).toEqual(refusal('WORKER_INCARNATION_GONE'));
  });

  it('of a lower epoch than was seen is refused', async () => {
    harness = await startHarness();
    const instance = testIds.uuid();
    await harness.give(harness.offer({ instance, epoch: 4 }));
    expect(await harness.give(harness.offer({ instance, epoch: 3 }))).toEqual(refusal('EPOCH_STALE'));
    expect(await harness.give(harness.offer({ instance, epoch: 4 }))).toEqual({ accepted: true });
  });

  it('of a lower epoch is refused after a restart too', async () => {
    harness = await startHarness();
    const instance = testIds.uuid();
    await harness.give(harness.offer({ instance, epoch: 4 }));
    await harness.restart();
    expect(await harness.give(harness.offer({ instance, epoch: 3 }))).toEqual(refusal('EPOCH_STALE'));
  });

  it('that comes twice is accepted twice and runs once', async () => {
    harness = await startHarness();
    const offer = harness.offer({ settings: scripted({ afterMs: 50 }) });
    expect(await Promise.all([harness.give(offer), harness.give(offer)])).toEqual([
      { accepted: true },
      { accepted: true },
    ]);
    harness.clock.advance(50);
    await settle();
    expect(harness.master.reports().filter((report) => report.kind === 'succeeded')).toHaveLength(1);
  });

  it('that comes again after its end was acked does not run again', async () => {
    harness = await startHarness();
    const offer = harness.offer();
    await harness.give(offer);
    await settle();
    expect(await harness.give(offer)).toEqual({ accepted: true });
    await settle();
    expect(harness.master.reports()).toHaveLength(1);
  });

  it('of a type that the worker does not have is refused', async () => {
    harness = await startHarness({ taskTypes: [] });
    expect(await harness.give(harness.offer())).toEqual(refusal('TASK_TYPE_UNKNOWN'));
  });

  it('without a free slot is refused; a slot is free again when an attempt ends', async () => {
    harness = await startHarness({ worker: { slots: 2 } });
    const settings = scripted({ afterMs: 100 });
    const replies = [1, 2, 3].map(() => harness.give(harness.offer({ settings })));
    expect(await Promise.all(replies)).toEqual([{ accepted: true }, { accepted: true }, refusal('WORKER_SLOTS_FULL')]);
    harness.clock.advance(100);
    expect(await harness.give(harness.offer({ settings }))).toEqual({ accepted: true });
  });

  it('that does not fit its schema is refused and changes nothing', async () => {
    harness = await startHarness();
    expect(await harness.give({ instance: 'no id' })).toEqual(refusal('BAD_REQUEST'));
    expect(await harness.give(undefined)).toEqual(refusal('BAD_REQUEST'));
    expect(harness.ledger.unsettled()).toEqual([]);
  });

  it('is not answered before the ledger knows it', async () => {
    const ledger = createMemoryLedger();
    const commits: string[] = [];
    const commit = ledger.commit;
    ledger.commit = (changes) => {
      commit(changes);
      commits.push(...changes.attempts.map((row) => row.attemptId));
    };
    harness = await startHarness({ ledger });
    const offer = harness.offer();
    let knownAtReply = false;
    const reply = harness.give(offer).then(() => {
      knownAtReply = commits.includes(offer.attemptId);
    });
    await reply;
    expect(knownAtReply).toBe(true);
  });

  it('and its report wait while the ledger cannot be written; new offers are refused', async () => {
    const ledger = createMemoryLedger();
    const commit = ledger.commit;
    let isBroken = true;
    ledger.commit = (changes) => {
      if (isBroken) throw new Error('disk full');
      commit(changes);
    };
    harness = await startHarness({ ledger });
    const offer = harness.offer();
    const replies: unknown[] = [];
    const give = () => void harness.give(offer).then((answer) => replies.push(answer));
    give();
    await settle();
    expect(harness.master.reports()).toEqual([]);
    expect(await harness.give(harness.offer())).toEqual(refusal('INTERNAL'));
    // The same offer again: it has been taken, and will start.
    give();
    await settle();
    expect(replies).toEqual([]);
    isBroken = false;
    harness.clock.advance(500);
    await settle();
    expect(replies).toEqual([{ accepted: true }, { accepted: true }]);
    expect(harness.master.reports()).toHaveLength(1);
  });
});

describe('a worker', () => {
  it('answers a ping with its incarnation', async () => {
    harness = await startHarness();
    expect(await harness.master.ask(subjects.worker.ping(workerId), undefined)).toEqual({
      incarnation: harness.incarnation,
    });
  });

  it('keeps its entry among the members alive', async () => {
    harness = await startHarness({ worker: { slots: 3, heartbeatIntervalMs: 1_000 } });
    const first = await harness.members.get(`worker.${workerId}`);
    expect(first?.value).toMatchObject({ kind: 'worker', state: 'active', slots: 3, runningCount: 0 });
    await harness.give(harness.offer({ settings: scripted({ afterMs: 60_000 }) }));
    harness.clock.advance(1_000);
    await settle();
    const second = await harness.members.get(`worker.${workerId}`);
    expect(second?.value).toMatchObject({ runningCount: 1, load: { cpu: 0.25, memory: 0.5 } });
    expect(second?.revision).toBeGreaterThan(first?.revision ?? 0);
  });
});
