/** The real clock and real randomness. */
import { randomUUID } from 'node:crypto';
import type { Clock, IdSource, Timer } from './clock.port.ts';

const longestTimeoutMs = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback): Timer => startTimer(Date.now() + delayMs, callback),
};

/** Node's timers end at 24.8 days; longer delays are slept in parts. */
function startTimer(dueAt: number, callback: () => void): Timer {
  let handle: NodeJS.Timeout;
  const sleep = (): void => {
    const remainingMs = Math.max(0, dueAt - Date.now());
    handle = remainingMs > longestTimeoutMs ? setTimeout(sleep, longestTimeoutMs) : setTimeout(callback, remainingMs);
  };
  sleep();
  return { cancel: () => clearTimeout(handle) };
}

export const systemIds: IdSource = {
  uuid: () => randomUUID(),
  random: () => Math.random(),
};
