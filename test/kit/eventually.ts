/** Looks at other processes until they show what is wanted: there is nothing of them that this one could await. */
import { setTimeout as sleep } from 'node:timers/promises';

const lookIntervalMs = 25;

/** Resolves to the first result that is not undefined. A fault of the last look is the cause of the failure. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 45_000,
): Promise<T> {
  const deadlineAt = performance.now() + timeoutMs;
  let fault: unknown;
  do {
    try {
      const found = await look();
      if (found !== undefined) return found;
      fault = undefined;
    } catch (thrown) {
      fault = thrown;
    }
    await sleep(lookIntervalMs);
  } while (performance.now() < deadlineAt);
  throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause: fault });
}
