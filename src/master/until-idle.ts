/** For a master that is about to stop: gives decided work time to become durable. */
import type { Clock } from '../clock/clock.port.ts';

const lookIntervalMs = 10;

/** Resolves when nothing is being done any more, or after the deadline. */
export async function untilIdle(isBusy: () => boolean, clock: Clock, deadlineMs: number): Promise<void> {
  const deadlineAt = clock.now() + deadlineMs;
  while (isBusy() && clock.now() < deadlineAt) {
    await new Promise<void>((resolve) => {
      clock.after(lookIntervalMs, resolve);
    });
  }
}
