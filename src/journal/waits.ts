/** Waiting by the clock port. */
import type { Clock } from '../clock/clock.port.ts';

export function wait(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(delayMs, end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}

/** What the work resolves to, or undefined when it takes longer. Its faults are thrown while it is waited for. */
export function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () => resolve(undefined));
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}

/** Doubles from 20 ms to 1 s, with jitter. */
export function retryDelayMs(attempt: number): number {
  const delayMs = Math.min(1_000, 10 * 2 ** Math.min(attempt, 10));
  return delayMs * (0.5 + Math.random() / 2);
}

/** A signal that aborts with either; `unlink` takes it off both. `AbortSignal.any` keeps what it made for too long. */
export function linkSignals(one: AbortSignal, two: AbortSignal | undefined): { signal: AbortSignal; unlink(): void } {
  const linked = new AbortController();
  const abort = (): void => linked.abort();
  one.addEventListener('abort', abort);
  two?.addEventListener('abort', abort);
  if (one.aborted || two?.aborted) abort();
  const unlink = (): void => {
    one.removeEventListener('abort', abort);
    two?.removeEventListener('abort', abort);
  };
  return { signal: linked.signal, unlink };
}
