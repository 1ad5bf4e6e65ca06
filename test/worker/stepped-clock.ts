/** A clock that moves only when told, and randomness without chance. */
import type { Clock, IdSource } from '../../src/clock/clock.port.ts';
import { systemIds } from '../../src/clock/system-clock.adapter.ts';

export type SteppedClock = Clock & { advance(durationMs: number): void };

export function createSteppedClock(startAt = 1_700_000_000_000): SteppedClock {
  let now = startAt;
  const timers = new Set<{ dueAt: number; callback: () => void }>();
  return {
    now: () => now,
    after: (delayMs, callback) => {
      const timer = { dueAt: now + delayMs, callback };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    advance: (durationMs) => {
      const end = now + durationMs;
      for (;;) {
        const [next] = [...timers].filter((timer) => timer.dueAt <= end).sort((a, b) => a.dueAt - b.dueAt);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.dueAt);
        next.callback();
      }
      now = end;
    },
  };
}

/** Real ids, but no jitter. */
export const testIds: IdSource = { uuid: () => systemIds.uuid(), random: () => 0 };
