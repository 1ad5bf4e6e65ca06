/** A clock that stands still until it is stepped. */
import type { Clock } from '../../src/clock/clock.port.ts';

export type TestClock = Clock & {
  /** Steps the time; timers on the way go off in order. */
  advance(durationMs: number): void;
};

export function createTestClock(startMs: number): TestClock {
  let nowMs = startMs;
  let count = 0;
  const timers = new Map<number, { dueMs: number; callback: () => void }>();
  return {
    now: () => nowMs,
    after: (delayMs, callback) => {
      count += 1;
      const id = count;
      timers.set(id, { dueMs: nowMs + delayMs, callback });
      return { cancel: () => void timers.delete(id) };
    },
    advance: (durationMs) => {
      const endMs = nowMs + durationMs;
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.dueMs <= endMs).sort(([, a], [, b]) => a.dueMs - b.dueMs);
        const [first] = due;
        if (first === undefined) break;
        timers.delete(first[0]);
        nowMs = Math.max(nowMs, first[1].dueMs);
        first[1].callback();
      }
      nowMs = endMs;
    },
  };
}
