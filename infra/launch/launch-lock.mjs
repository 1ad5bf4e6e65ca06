/** One at a time across processes: a file that holds the pid of its holder. A holder that is gone holds nothing. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitUnavailable, LaunchError } from './launch-error.mjs';

const pollIntervalMs = 100;

/** Runs `work` with the lock held; calls `onWait` once if it has to wait. */
export async function withLock(path, { timeoutMs, onWait }, work) {
  mkdirSync(dirname(path), { recursive: true });
  const deadlineAt = performance.now() + timeoutMs;
  let isWaiting = false;
  while (!takeLock(path)) {
    if (!isWaiting) onWait();
    isWaiting = true;
    if (performance.now() > deadlineAt)
      throw new LaunchError(`${path} is held for too long: remove it.`, exitUnavailable);
    await sleep(pollIntervalMs);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function takeLock(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (isHolderGone(path)) rmSync(path, { force: true });
  return false;
}

function isHolderGone(path) {
  let holder = '';
  try {
    holder = readFileSync(path, 'utf8');
    if (holder === '') return false; // Being written right now.
    process.kill(Number(holder), 0);
    return false;
  } catch (error) {
    // EPERM: it lives, under another user. ENOENT: released meanwhile, the next try will see.
    return holder !== '' && error.code !== 'EPERM';
  }
}
