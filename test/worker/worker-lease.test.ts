import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { eventually } from '../kit/eventually.ts';
import { isThere, newMortalLives } from './mortal-lives.ts';
import { type Harness, type HarnessOptions, scripted, settle, startHarness } from './worker-harness.ts';

let harness: Harness;

/** Its membership cannot be renewed while `isAway`. */
async function startAt(options: HarnessOptions = {}) {
  harness = await startHarness(options);
  const bucket = { isAway: false };
  const { put } = harness.members;
  harness.members.put = (key, value) =>
    bucket.isAway ? Promise.reject(new Error('no bucket')) : put.call(harness.members, key, value);
  return bucket;
}

async function pass(durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
    harness.clock.advance(500);
    await settle();
  }
}

const long = { settings: scripted({ afterMs: 30_000 }) };

describe('a worker that cannot renew its membership', () => {
  afterEach(() => harness.close());

  it('takes no more work after its lease is lost, until it is renewed', async () => {
    const bucket = await startAt();
    bucket.isAway = true;
    await pass(3_500);
    expect(await harness.give(harness.offer())).toEqual({ accepted: true });
    await pass(2_000);
    expect(await harness.give(harness.offer())).toMatchObject({ reason: { code: 'WORKER_UNREACHABLE' } });
    bucket.isAway = false;
    await pass(1_500);
    expect(await harness.give(harness.offer())).toEqual({ accepted: true });
  });

  it('keeps its attempts by default; their results are reported', async () => {
    const bucket = await startAt();
    const offer = harness.offer(long);
    await harness.give(offer);
    bucket.isAway = true;
    await pass(20_000);
    bucket.isAway = false;
    await pass(12_000);
    expect(harness.master.reports().at(-1)).toMatchObject({ kind: 'succeeded', attemptId: offer.attemptId });
  });

  it('ends them when told to, before they can be given away; they are lost, not cancelled', async () => {
    const bucket = await startAt({ worker: { onLeaseLost: 'kill' } });
    const offer = harness.offer(long);
    await harness.give(offer);
    bucket.isAway = true;
    await pass(3_500);
    expect(harness.master.reports().at(-1)).toMatchObject({ kind: 'started' });
    await pass(1_500);
    expect(harness.master.reports().at(-1)).toMatchObject({
      kind: 'lost',
      attemptId: offer.attemptId,
      fault: { code: 'WORKER_UNREACHABLE' },
    });
  });

  it('goes by its own monotonic clock: a set clock is no loss, a freeze is one at once', async () => {
    let monotonic = 0;
    await startAt({ monotonicNow: () => monotonic, worker: { heartbeatIntervalMs: 3_600_000 } });
    harness.clock.advance(600_000);
    await settle();
    expect(await harness.give(harness.offer())).toEqual({ accepted: true });
    monotonic += 4_001;
    expect(await harness.give(harness.offer())).toMatchObject({ reason: { code: 'WORKER_UNREACHABLE' } });
  });
});

describe('a worker that is frozen', () => {
  it.each([
    ['ends its shell attempts in time when told to', 'kill', false],
    ['keeps them otherwise', 'keep', true],
  ] as const)('%s', async (_what, onLeaseLost, isKept) => {
    const lives = newMortalLives();
    try {
      const settings = [
        { type: 'shell', command: 'echo $$ > pid.draft; mv pid.draft pid; sleep 600', graceMs: 60_000 },
      ];
      const worker = { onLeaseLost, leaseLossMaxMs: 1_500, heartbeatIntervalMs: 200 };
      const [offer] = (await lives.begin({ settings, worker })) as [Offer];
      const file = join(lives.workOf(offer), 'pid');
      await eventually('it runs', () => existsSync(file) || undefined);
      // Its supervisor hears of the lease by the next heartbeat.
      await new Promise((resolve) => setTimeout(resolve, 600));
      lives.signal('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(isThere(Number(readFileSync(file, 'utf8')))).toBe(isKept);
    } finally {
      lives.signal('SIGCONT');
      await lives.remove();
    }
  });
});
