/** The lives of one worker: the first in a process that is killed, the next ones in the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { AttemptReport, Offer } from '../../schemas/messages/attempt.messages.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createSqliteLedger } from '../../src/worker/sqlite-ledger.adapter.ts';
import { eventually } from '../kit/eventually.ts';
import { killEverythingIn } from '../kit/processes.ts';
import type { MortalLife, MortalPlan } from './mortal-worker.ts';
import { type Harness, type HarnessOptions, startHarness } from './worker-harness.ts';

const deadlineMs = 30_000;

export type MortalLives = {
  dataDir: string;
  /** Resolves when the first life has answered all offers of its plan. */
  begin(plan: MortalPlan): Promise<Offer[]>;
  /** SIGKILL to the first life. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT, for instance. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to its supervisor. */
  killSupervisor(): Promise<void>;
  supervisorPid(): number;
  /** The next life. */
  goOn(options?: HarnessOptions): Promise<Harness>;
  workOf(offer: Offer): string;
  outputOf(offer: Offer): string;
  remove(): Promise<void>;
};

export function newMortalLives(): MortalLives {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), 'worker-lives-')));
  let child: ChildProcess | undefined;
  let harness: Harness | undefined;
  const folderOf = ({ instance, task, attemptId }: Offer) => join(dataDir, 'attempts', instance, task, attemptId);
  const supervisorPid = (): number =>
    (JSON.parse(readFileSync(join(dataDir, 'supervisor', 'supervisor.json'), 'utf8')) as { pid: number }).pid;
  return {
    dataDir,
    begin: async (plan) => {
      const script = join(import.meta.dirname, 'mortal-worker.ts');
      const args = ['--import', 'tsx', script, dataDir, JSON.stringify(plan)];
      child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines = createInterface({ input: child.stdout ?? process.stdin });
      const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(deadlineMs) })) as [string];
      const { offers, replies } = JSON.parse(line) as MortalLife;
      if (replies.some((reply) => !(reply as { accepted: boolean }).accepted)) throw new Error(line);
      return offers;
    },
    kill: async () => {
      child?.kill('SIGKILL');
      await once(child as ChildProcess, 'exit');
    },
    signal: (signal) => void child?.kill(signal),
    supervisorPid,
    killSupervisor: async () => {
      const pid = supervisorPid();
      process.kill(pid, 'SIGKILL');
      await eventually('the supervisor is gone', () => (isThere(pid) ? undefined : true));
    },
    goOn: async (options = {}) => {
      const ledger = createSqliteLedger({ path: join(dataDir, 'worker.db') });
      harness = await startHarness({ dataDir, ledger, clock: systemClock, supervised: true, ...options });
      return harness;
    },
    workOf: (offer) => join(folderOf(offer), 'work'),
    outputOf: (offer) => {
      const path = join(folderOf(offer), 'output.log');
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    },
    remove: async () => {
      child?.kill('SIGKILL');
      await harness?.close();
      await killEverythingIn(dataDir);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** False for a zombie too. */
export function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

export function whenReported(harness: Harness, { attemptId }: Offer, kind?: string): Promise<AttemptReport> {
  return eventually(`a report on ${attemptId}`, () =>
    harness.master
      .reports()
      .find((report) => report.attemptId === attemptId && (kind ? report.kind === kind : report.kind !== 'started')),
  );
}
