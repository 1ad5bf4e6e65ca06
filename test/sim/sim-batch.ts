/** Many seeds, in one or more processes. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { simulate } from './simulate.ts';

export type BatchOptions = {
  from: number;
  to: number;
  /** Milliseconds since 1970; no seed begins after it. */
  deadlineAt: number;
  workerCount: number;
  /** Called for each seed that fails, when it has failed; one at a time. */
  onFailure: (seed: number) => Promise<void>;
  /** Called now and then. */
  onProgress: (total: Readonly<BatchTotal>) => void;
};

export type BatchTotal = {
  seedCount: number;
  failureCount: number;
  virtualMs: number;
  eventCount: number;
  runCount: number;
  ghostStartCount: number;
};

const progressSeedCount = 500;

type Share = { from: number; to: number; step: number; deadlineAt: number };
type SeedReport = Omit<BatchTotal, 'seedCount' | 'failureCount'> & { seed: number; hasFailed: boolean };

export async function runBatch(options: BatchOptions): Promise<BatchTotal> {
  const { from, to, deadlineAt, workerCount, onFailure, onProgress } = options;
  const total: BatchTotal = {
    seedCount: 0,
    failureCount: 0,
    virtualMs: 0,
    eventCount: 0,
    runCount: 0,
    ghostStartCount: 0,
  };
  let told = Promise.resolve();
  const take = (report: SeedReport): Promise<void> => {
    total.seedCount += 1;
    total.virtualMs += report.virtualMs;
    total.eventCount += report.eventCount;
    total.runCount += report.runCount;
    total.ghostStartCount += report.ghostStartCount;
    if (total.seedCount % progressSeedCount === 0) onProgress(total);
    if (report.hasFailed) {
      total.failureCount += 1;
      told = told.then(() => onFailure(report.seed));
    }
    return told;
  };
  const shares = Array.from({ length: workerCount }, (_, index) => ({
    from: from + index,
    to,
    step: workerCount,
    deadlineAt,
  }));
  if (workerCount === 1) await runShare(shares[0] as Share, take);
  else await Promise.all(shares.map((share) => inChild(share, take)));
  await told;
  return total;
}

type Take = (report: SeedReport) => Promise<void>;

async function runShare({ from, to, step, deadlineAt }: Share, take: Take): Promise<void> {
  for (let seed = from; seed <= to && Date.now() < deadlineAt; seed += step) {
    const { breaches, virtualMs, eventCount, runCount, ghostStartCount } = await simulate({ seed });
    await take({ seed, hasFailed: breaches.length > 0, virtualMs, eventCount, runCount, ghostStartCount });
  }
}

/** Threads that collect garbage take time from the other processes of the batch. */
const execArgv = [...process.execArgv, '--single-threaded-gc'];

/** A process of its own, started as this one was. */
function inChild(share: Share, take: Take): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [shareFlag, JSON.stringify(share)], { execArgv });
    child.on('message', (report) => void take(report as SeedReport)); // `told` has it.
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a process of the batch ended with ${code}`)),
    );
  });
}

const shareFlag = '--share';

if (process.argv[2] === shareFlag) {
  await runShare(JSON.parse(process.argv[3] ?? ''), async (report) => {
    process.send?.(report);
  });
  process.disconnect();
}
