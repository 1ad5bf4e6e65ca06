/** Forgets ended attempts after their time, together with their folders; a bounded number at each sweep. */
import { rm, rmdir } from 'node:fs/promises';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { AttemptPaths } from './attempt-paths.ts';
import type { InstanceTable } from './instance-table.ts';
import type { AttemptRow, Ledger } from './ledger.port.ts';

const sweepIntervalMs = 10_000;
/** While there is more to forget, the next sweep comes sooner: it keeps up with 5,000 attempts per second. */
const busySweepIntervalMs = 200;

export type Retention = { start(): void; stop(): void; sweep(): Promise<number> };

export type RetentionOptions = {
  retentionMs: number;
  ledger: Ledger;
  instances: InstanceTable;
  paths: AttemptPaths;
  clock: Clock;
  log: Log;
};

export function createRetention(options: RetentionOptions): Retention {
  const { clock, log } = options;
  let timer: Timer | undefined;
  let isStopped = false;

  const sweep = (): Promise<number> => sweepOnce(options, () => isStopped);
  const next = (delayMs: number): void => {
    if (isStopped) return;
    timer = clock.after(delayMs, () => {
      sweep().then(
        (count) => next(count > 0 ? busySweepIntervalMs : sweepIntervalMs),
        (fault: unknown) => {
          log.warn({ fault }, 'old attempts cannot be forgotten; trying again');
          next(sweepIntervalMs);
        },
      );
    });
  };

  return {
    start: () => next(sweepIntervalMs),
    stop: () => {
      isStopped = true;
      timer?.cancel();
    },
    sweep,
  };
}

/** Folders first: a row that is gone would leave its folder behind for ever. */
async function sweepOnce(options: RetentionOptions, isStopped: () => boolean): Promise<number> {
  const { ledger, instances, clock, retentionMs } = options;
  const before = clock.now() - retentionMs;
  const rows = ledger.expired(before);
  for (const row of rows) if (row.hasFolder) await removeFolder(row, options.paths);
  if (isStopped()) return 0;
  ledger.forgetAttempts(rows.map((row) => row.attemptId));
  ledger.forgetInstances(before, (instance) => !instances.dropIdle(instance));
  return rows.length;
}

async function removeFolder({ instance, task, attemptId }: AttemptRow, paths: AttemptPaths): Promise<void> {
  if (task === undefined) return;
  const place = { instance, task, attemptId };
  await rm(paths.folderOf(place), { recursive: true, force: true });
  for (const parent of paths.parentsOf(place)) await rmdir(parent).catch(() => {}); // Not empty: another attempt is in it.
}
