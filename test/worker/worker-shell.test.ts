import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { subjects } from '../../schemas/messages/subjects.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createMemoryLedger } from '../../src/worker/memory-ledger.adapter.ts';
import { ackAll, type Harness, type OfferOverrides, settle, startHarness, workerId } from './worker-harness.ts';

let harness: Harness;
afterEach(() => harness.close());

const shell = (command: string) => ({ settings: { type: 'shell', command, graceMs: 2_000 } });

/** Resolves with the attempt's last report. */
async function run(overrides: OfferOverrides) {
  const ended = new Promise((resolve) => {
    harness.master.answer = (batch) => {
      const last = batch.reports.find((report) => report.kind !== 'started');
      if (last !== undefined) resolve(last);
      return ackAll(batch);
    };
  });
  const offer = harness.offer(overrides);
  return { offer, reply: await harness.give(offer), ended };
}

describe('a worker with real processes', () => {
  it('notes a process before its command runs', async () => {
    const ledger = createMemoryLedger();
    const commit = ledger.commit;
    const steps: string[] = [];
    ledger.commit = (changes) => {
      commit(changes);
      for (const row of changes.attempts) steps.push(`${row.state}${row.process === undefined ? '' : ' with process'}`);
    };
    harness = await startHarness({ clock: systemClock, ledger });
    const { reply, ended } = await run(shell('echo rows=3 > "$MILLRACE_OUTPUT"'));
    expect(reply).toEqual({ accepted: true });
    expect(await ended).toMatchObject({ kind: 'succeeded', outputs: { rows: '3' } });
    expect(steps.slice(0, 2)).toEqual(['queued', 'running with process']);
  });

  it('kills the process of a cancelled attempt', async () => {
    harness = await startHarness({ clock: systemClock });
    const { offer, ended } = await run(shell('sleep 60 & sleep 60'));
    const cancel = { instance: offer.instance, attemptId: offer.attemptId, epoch: 1, reason: 'timeout' };
    expect(await harness.master.ask(subjects.worker.cancel(workerId), cancel)).toEqual({ state: 'running' });
    expect(await ended).toMatchObject({ kind: 'cancelled' });
  });

  it('reports an attempt that cannot start as failed', async () => {
    harness = await startHarness({ clock: systemClock });
    const { ended } = await run({ ...shell('true'), env: { BAD: 'a\0b' } });
    expect(await ended).toMatchObject({ kind: 'failed', fault: { code: 'TASK_START_FAILED' } });
  });

  it('kills what runs on when it has to stop at once', async () => {
    harness = await startHarness({ clock: systemClock });
    const { ended } = await run(shell(`trap '' TERM; sleep 60; sleep 60`));
    await harness.service.stop(600);
    expect(await ended).toMatchObject({ kind: 'lost', fault: { code: 'WORKER_DRAINING' } });
  });
});

describe('retention', () => {
  it('forgets ended attempts with their folders after their time', async () => {
    harness = await startHarness({ worker: { retentionMs: 60_000 } });
    const { offer, ended } = await run(shell('echo hello'));
    await ended;
    await settle();
    const folder = join(harness.dataDir, 'attempts', offer.instance, offer.task, offer.attemptId);
    expect(existsSync(folder)).toBe(true);
    harness.clock.advance(50_000);
    await settle();
    expect(harness.ledger.findAttempt(offer.attemptId)).toBeDefined();
    // Folders are removed by real I/O, which takes as long as it takes.
    for (let step = 0; step < 2_000 && harness.ledger.findAttempt(offer.attemptId) !== undefined; step += 1) {
      harness.clock.advance(10_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(harness.ledger.findAttempt(offer.attemptId)).toBeUndefined();
    expect(existsSync(join(harness.dataDir, 'attempts', offer.instance))).toBe(false);
  });
});
