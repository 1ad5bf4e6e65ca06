/**
 * A launcher that was killed outright leaves its nats-server running. The next start ends it before it opens the same
 * store. The caller holds the claim on the data folder, so whatever server is recorded there has lost its launcher.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsLogLine } from './nats-log-line.ts';
import { NatsServerError } from './nats-server.error.ts';
import { identifyProcess, isStillRunning, type ProcessIdentity, ProcessIdentitySchema } from './process-identity.ts';

const recordName = 'nats-server.json';
const termGraceMs = 5_000;
const killGraceMs = 5_000;
const pollIntervalMs = 10;

/** Notes which server works on the folder. Written aside and renamed: a reader never sees half a record. */
export function recordNatsServer(dataDir: string, pid: number): void {
  const identity = identifyProcess(pid);
  if (identity === undefined) return; // Ended already: there is nothing to find later.
  const draftPath = join(dataDir, `${recordName}.draft`);
  writeFileSync(draftPath, JSON.stringify(identity), { mode: 0o600 });
  renameSync(draftPath, join(dataDir, recordName));
}

export function forgetNatsServer(dataDir: string): void {
  rmSync(join(dataDir, recordName), { force: true });
}

/** Ends the recorded server if that very process still runs. */
export async function endStaleNatsServer(dataDir: string, log: (line: NatsLogLine) => void): Promise<void> {
  const stale = readRecord(dataDir);
  if (stale !== undefined && isStillRunning(stale)) {
    const message = `A nats-server of an earlier start (process ${stale.pid}) still holds ${dataDir}: ending it.`;
    log({ source: 'launcher', level: 'warn', message });
    await endProcess(stale, dataDir);
    log({ source: 'launcher', level: 'info', message: `The stale nats-server (process ${stale.pid}) has ended.` });
  }
  forgetNatsServer(dataDir);
}

async function endProcess(stale: ProcessIdentity, dataDir: string): Promise<void> {
  if (await endsAfter(stale, 'SIGTERM', termGraceMs)) return;
  if (await endsAfter(stale, 'SIGKILL', killGraceMs)) return;
  throw new NatsServerError('nats-data-folder-held', `Process ${stale.pid} holds ${dataDir} and cannot be ended.`, {
    remedy: 'End it by hand, then start again.',
  });
}

/** It is not our child, so its end is seen by looking only. */
async function endsAfter(stale: ProcessIdentity, signal: NodeJS.Signals, graceMs: number): Promise<boolean> {
  if (!isStillRunning(stale)) return true; // Looked at right before the signal: the pid may belong to another one now.
  try {
    process.kill(stale.pid, signal);
  } catch {
    return !isStillRunning(stale);
  }
  const deadlineAt = performance.now() + graceMs;
  while (performance.now() < deadlineAt) {
    if (!isStillRunning(stale)) return true;
    await sleep(pollIntervalMs);
  }
  return false;
}

function readRecord(dataDir: string): ProcessIdentity | undefined {
  try {
    return ProcessIdentitySchema.parse(JSON.parse(readFileSync(join(dataDir, recordName), 'utf8')));
  } catch {
    return undefined; // None, or not ours.
  }
}
