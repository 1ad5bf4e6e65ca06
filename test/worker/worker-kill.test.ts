import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AttemptReport, Offer } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import { createSqliteLedger } from '../../src/worker/sqlite-ledger.adapter.ts';
import { type Harness, startHarness, workerId } from './worker-harness.ts';

const deadlineMs = 20_000;
let dataDir: string;
let child: ChildProcess | undefined;
let harness: Harness | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'worker-kill-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await harness?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

type Held = { finished: Offer; waiting: Offer; shell: Offer; replies: unknown[] };

async function startMortalWorker(): Promise<Held> {
  const script = join(import.meta.dirname, 'mortal-worker.ts');
  child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(deadlineMs) })) as [string];
  return JSON.parse(line) as Held;
}

/** Looks at the outside world again and again: no event tells of it. */
async function eventually(isSo: () => boolean, what: string): Promise<void> {
  const endAt = Date.now() + deadlineMs;
  while (!isSo()) {
    if (Date.now() > endAt) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('a worker that was killed sends its results again, ends its processes and reports the rest lost', async () => {
  const { finished, waiting, shell, replies } = await startMortalWorker();
  expect(replies).toEqual([{ accepted: true }, { accepted: true }, { accepted: true }]);
  const work = join(dataDir, 'attempts', shell.instance, shell.task, shell.attemptId, 'work');
  await eventually(() => existsSync(join(work, 'ready')), 'the shell attempt to run');
  await eventually(() => existsSync(join(work, '..', 'output.log')), 'its output to be kept');
  const grandchild = Number(readFileSync(join(work, 'ready'), 'utf8'));
  child?.kill('SIGKILL');
  await once(child as ChildProcess, 'exit');
  expect(systemProcessTable.identify(grandchild)).toBeDefined();

  const ledger = createSqliteLedger({ path: join(dataDir, 'worker.db') });
  harness = await startHarness({ dataDir, ledger, clock: systemClock });
  const { master } = harness;
  await eventually(() => master.reports().length >= 3, 'three reports');

  const byAttempt = new Map<string, AttemptReport>(master.reports().map((report) => [report.attemptId, report]));
  expect(byAttempt.get(finished.attemptId)).toMatchObject({ kind: 'succeeded', sequence: 1, outputs: { rows: 3 } });
  expect(byAttempt.get(waiting.attemptId)).toMatchObject({ kind: 'lost' });
  expect(byAttempt.get(shell.attemptId)).toMatchObject({ kind: 'lost', fault: { message: /process .* was ended/ } });
  expect(systemProcessTable.identify(grandchild)).toBeUndefined();
  expect(await harness.give(shell)).toMatchObject({ reason: { code: 'WORKER_INCARNATION_GONE' } });
  const { instance, attemptId } = shell;
  const log = await master.ask(subjects.worker.logs(workerId), { instance, attemptId });
  expect(log).toMatchObject({ text: 'begun\n', end: true });
  await eventually(() => ledger.unsettled().length === 0, 'the acks to be settled');
});
