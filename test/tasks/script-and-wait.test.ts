import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScriptTaskType } from '../../src/tasks/script/script.task-type.ts';
import type { AttemptResult } from '../../src/tasks/task-type.port.ts';
import { waitTaskType } from '../../src/tasks/wait/wait.task-type.ts';
import { createSteppedClock, type SteppedClock } from '../worker/stepped-clock.ts';
import { closeAttempts, runAttempt } from './attempt-fixture.ts';

let clock: SteppedClock;
let folder: string;
beforeEach(() => {
  clock = createSteppedClock();
  folder = mkdtempSync(join(tmpdir(), 'script-test-'));
});
afterEach(closeAttempts);
afterEach(() => rmSync(folder, { recursive: true }));

async function soon(result: Promise<AttemptResult>): Promise<AttemptResult | 'running'> {
  const running = new Promise<'running'>((resolve) => setImmediate(resolve, 'running'));
  return await Promise.race([result, running]);
}

describe('a script task', () => {
  let crashCount = 0;
  const script = createScriptTaskType({
    crashWorker: () => {
      crashCount += 1;
    },
  });
  const steps = [
    { result: 'fail', afterMs: 0, outputs: {}, message: 'not yet' },
    { result: 'succeed', afterMs: 100, outputs: { rows: 1 } },
  ];

  it('takes step n for attempt n; the last one repeats', async () => {
    const settings = { type: 'script', steps };
    expect(await runAttempt(script, settings, { clock, attempt: 1 }).result).toEqual({
      kind: 'failed',
      fault: { code: 'TASK_SCRIPTED_FAILURE', message: 'not yet' },
    });
    for (const attempt of [2, 7]) {
      const fixture = runAttempt(script, settings, { clock, attempt });
      expect(await soon(fixture.result)).toBe('running');
      clock.advance(100);
      expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: { rows: 1 } });
    }
  });

  it('appends one line to its ledger when it starts', async () => {
    const ledger = join(folder, 'ledger');
    const { offer } = runAttempt(script, { type: 'script', steps, ledger }, { clock, attempt: 2 });
    const again = runAttempt(script, { type: 'script', steps, ledger }, { clock, attempt: 1 });
    await again.result;
    const startedAt = new Date(clock.now()).toISOString();
    expect(readFileSync(ledger, 'utf8')).toBe(
      [offer, again.offer]
        .map((each) => `${startedAt} ${each.instance} step ${each.attempt} ${each.attemptId} worker-1\n`)
        .join(''),
    );
  });

  it('makes no file unless it keeps a ledger', async () => {
    const fixture = runAttempt(script, { type: 'script', steps }, { clock });
    await fixture.result;
    expect(existsSync(join(fixture.root, 'work'))).toBe(false);
    expect(script.hasOutsideEffects(fixture.offer)).toBe(false);
  });

  it('crashes the worker when its step says so', () => {
    const fixture = runAttempt(
      script,
      { type: 'script', steps: [{ result: 'crashWorker', afterMs: 5, outputs: {} }] },
      {
        clock,
      },
    );
    expect(script.hasOutsideEffects(fixture.offer)).toBe(true);
    clock.advance(5);
    expect(crashCount).toBe(1);
  });

  it('can be cancelled while it waits', async () => {
    const fixture = runAttempt(script, { type: 'script', steps }, { clock, attempt: 2 });
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled' });
  });
});

describe('a wait task', () => {
  it.each([
    ['for a duration', { durationMs: 500 }],
    ['until a time', { untilAt: 1_700_000_000_500 }],
  ])('waits %s', async (_what, settings) => {
    const fixture = runAttempt(waitTaskType, { type: 'wait', ...settings }, { clock });
    clock.advance(499);
    expect(await soon(fixture.result)).toBe('running');
    clock.advance(1);
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: {} });
  });

  it('until a time that has passed ends at once', async () => {
    const fixture = runAttempt(waitTaskType, { type: 'wait', untilAt: 5 }, { clock });
    clock.advance(0);
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: {} });
  });

  it('can be cancelled', async () => {
    const fixture = runAttempt(waitTaskType, { type: 'wait', durationMs: 500 }, { clock });
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled' });
  });
});
