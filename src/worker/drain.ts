/**
 * The end of a worker's work. Attempts may run on until the drain deadline; then they are cancelled with their grace period,
 * then without; last, their reports may be acked. Each part has its share of what time is given.
 */
import type { Clock } from '../clock/clock.port.ts';
import type { AttemptTable } from './attempt-table.ts';
import type { Outbox } from './outbox.ts';

/** Of the whole deadline, so much at most is kept for each of: grace, kill, acks. */
const reserveMsMax = 1_500;

export type DrainPlan = {
  deadlineMs: number;
  drainDeadlineMs: number;
  attempts: AttemptTable;
  outbox: Outbox;
  /** Called when offers are refused from now on. */
  onBegun: () => void;
};

export type Drain = {
  run(plan: DrainPlan): Promise<void>;
  hasBegun(): boolean;
  attemptsEnded(): void;
  reportsAcked(): void;
};

export function createDrain(clock: Clock): Drain {
  let hasBegun = false;
  let wake: () => void = () => {};

  /** Resolves when it is done, or at the time. */
  const until = async (dueAt: number, isDone: () => boolean): Promise<void> => {
    while (!isDone() && clock.now() < dueAt) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(dueAt - clock.now(), resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  };

  return {
    hasBegun: () => hasBegun,
    attemptsEnded: () => wake(),
    reportsAcked: () => wake(),
    run: async ({ deadlineMs, drainDeadlineMs, attempts, outbox, onBegun }) => {
      hasBegun = true;
      onBegun();
      const endAt = clock.now() + deadlineMs;
      const reserveMs = Math.min(reserveMsMax, deadlineMs / 6);
      const isIdle = (): boolean => attempts.runningCount() === 0;
      await until(Math.min(clock.now() + drainDeadlineMs, endAt - 3 * reserveMs), isIdle);
      for (const record of attempts.running()) attempts.cancel(record, 'drain');
      await until(endAt - 2 * reserveMs, isIdle);
      for (const record of attempts.running()) attempts.cancel(record, 'drain', 'now');
      await until(endAt - reserveMs, isIdle);
      await until(endAt, () => outbox.count() === 0);
    },
  };
}
