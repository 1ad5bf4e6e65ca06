/**
 * Attempts that have started and not said so. Most end before the delay is over, and their last report says it all; so
 * only those that are still here after it report `started`. One timer serves all, since all wait equally long.
 */
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { AttemptRecord } from './attempt-record.ts';

/** An attempt that ends sooner sends one report instead of two. */
export const startedReportDelayMs = 20;

export type StartedLine = {
  add(record: AttemptRecord): void;
  stop(): void;
};

export function createStartedLine(options: { clock: Clock; onDue: (record: AttemptRecord) => void }): StartedLine {
  const { clock, onDue } = options;
  const waiting: { record: AttemptRecord; dueAt: number }[] = [];
  let timer: Timer | undefined;

  const arm = (): void => {
    const first = waiting[0];
    if (first !== undefined) timer = clock.after(Math.max(0, first.dueAt - clock.now()), fire);
  };
  const fire = (): void => {
    timer = undefined;
    const now = clock.now();
    let dueCount = 0;
    while (dueCount < waiting.length && (waiting[dueCount]?.dueAt ?? 0) <= now) dueCount += 1;
    for (const { record } of waiting.splice(0, dueCount)) if (record.state === 'running') onDue(record);
    arm();
  };

  return {
    add: (record) => {
      waiting.push({ record, dueAt: clock.now() + startedReportDelayMs });
      if (timer === undefined) arm();
    },
    stop: () => {
      timer?.cancel();
      waiting.length = 0;
    },
  };
}
