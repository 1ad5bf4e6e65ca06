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
  onFailure: (seed: number) => Promise<void>;
};

export type BatchTotal = {
  seedCount: number;
  failureCount: number;
  virtualMs: number;
  eventCount: number;
  runCount: number;
  ghostStartCount: number;
};

type Share = { from: number; to: number; step: number; deadlineAt: number };
type SeedReport = Omit<BatchTotal, 'seedCount' | 'failureCount'> & { seed: number; hasFailed: boolean };

export async function runBatch({ from, to, deadlineAt, workerCount, onFailure }: BatchOptions): Promise<BatchTotal> {
  const total: BatchTotal = {
    seedCount: 0,
    failureCount: 0,
    virtualMs: 0,
    eventCount: 0,
    runCount: 0,
    ghostStartCount: 0,
  };
  const failures: number[] = [];
  const take = (report: SeedReport): void => {
    total.seedCount += 1;
    total.virtualMs += report.virtualMs;
    total.eventCount += report.eventCount;
    total.runCount += report.runCount;
    total.ghostStartCount += report.ghostStartCount;
    if (report.hasFailed) failures.push(report.seed);
  };
  const shares = Array.from({ length: workerCount }, (_, index) => ({
    from: from + index,
    to,
    step: workerCount,
    deadlineAt,
  }));
  if (workerCount === 1) await runShare(shares[0] as Share, take);
  else await Promise.all(shares.map((share) => inChild(share, take)));
  for (const seed of failures.sort((a, b) => a - b)) await onFailure(seed);
  total.failureCount = failures.length;
  return total;
}

async function runShare({ from, to, step, deadlineAt }: Share, take: (report: SeedReport) => void): Promise<void> {
  for (let seed = from; seed <= to && Date.now() < deadlineAt; seed += step) {
    const { breaches, virtualMs, eventCount, runCount, ghostStartCount } = await simulate({ seed });
    take({ seed, hasFailed: breaches.length > 0, virtualMs, eventCount, runCount, ghostStartCount });
  }
}

/** A process of its own, started as this one was. */
function inChild(share: Share, take: (report: SeedReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [shareFlag, JSON.stringify(share)]);
    child.on('message', (report) => take(report as SeedReport));
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a process of the batch ended with ${code}`)),
    );
  });
}

const shareFlag = '--share';

if (process.argv[2] === shareFlag) {
  await runShare(JSON.parse(process.argv[3] ?? ''), (report) => process.send?.(report));
  process.disconnect();
}
