/**
 * One launcher per data folder: nats-server itself does not lock its store, and two servers on one store ruin it.
 *
 * C1. `owner.json` is only ever created complete (written aside, then linked), so whoever reads it reads a whole record.
 * C2. A claim whose process has ended is void; taking it over renames it aside first, so that one starter wins.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NatsServerError } from './nats-server.error.ts';
import { identifyProcess, isStillRunning, type ProcessIdentity, ProcessIdentitySchema } from './process-identity.ts';

export interface DataFolderClaim {
  /** Gives the folder free. Harmless when repeated. */
  release(): void;
}

const takeoverTryCountMax = 20;

/** Claims the folder for this process. Throws `nats-data-folder-held` while another live launcher has it. */
export function claimDataFolder(dataDir: string): DataFolderClaim {
  const claimPath = join(dataDir, 'owner.json');
  const record = JSON.stringify({ ...thisProcess(), claimId: randomUUID() });
  for (let tryCount = 0; tryCount < takeoverTryCountMax; tryCount += 1) {
    if (createWhole(claimPath, record)) return { release: () => removeIfOurs(claimPath, record) };
    const found = readIfThere(claimPath);
    if (found === undefined) continue;
    const owner = parseOwner(found);
    if (owner !== undefined && isStillRunning(owner)) throw heldBy(owner.pid, dataDir);
    moveAside(claimPath, found);
  }
  throw heldBy(undefined, dataDir);
}

function thisProcess(): ProcessIdentity {
  const identity = identifyProcess(process.pid);
  if (identity === undefined) throw new Error(`The start time of this process (${process.pid}) cannot be read.`);
  return identity;
}

/** C1. */
function createWhole(path: string, content: string): boolean {
  const draftPath = `${path}.${randomUUID()}`;
  writeFileSync(draftPath, content, { flag: 'wx', mode: 0o600 });
  try {
    linkSync(draftPath, path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(draftPath, { force: true });
  }
}

/** C2. What was moved is looked at again: if somebody else's fresh claim was caught, it is put back. */
function moveAside(claimPath: string, expected: string): void {
  const asidePath = `${claimPath}.${randomUUID()}`;
  try {
    renameSync(claimPath, asidePath);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  const moved = readFileSync(asidePath, 'utf8');
  if (moved !== expected) createWhole(claimPath, moved);
  rmSync(asidePath, { force: true });
}

function removeIfOurs(claimPath: string, record: string): void {
  if (readIfThere(claimPath) === record) rmSync(claimPath, { force: true });
}

function parseOwner(content: string): ProcessIdentity | undefined {
  try {
    return ProcessIdentitySchema.parse(JSON.parse(content));
  } catch {
    return undefined; // Not a claim of ours (C1): nobody to protect.
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function heldBy(pid: number | undefined, dataDir: string): NatsServerError {
  const owner = pid === undefined ? 'another process' : `process ${pid}`;
  return new NatsServerError('nats-data-folder-held', `The NATS data folder ${dataDir} is in use by ${owner}.`, {
    remedy: 'Stop that process first, or choose another data folder.',
  });
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
