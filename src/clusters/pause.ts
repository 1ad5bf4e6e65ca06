/** A wait that can be given up. */
import type { Clock } from '../clock/clock.port.ts';

/** Rejects with the reason of the signal when that comes first. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const giveUp = (): void => {
      timer.cancel();
      reject(signal?.reason as Error); // Whoever gave up chose it.
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', giveUp);
      resolve();
    });
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}
