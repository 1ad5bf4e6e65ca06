/** Tells how far outputs have come: the first news at once, then one word per attempt and interval. */
import type { Clock, Timer } from '../clock/clock.port.ts';

const intervalMs = 25;

export type OutputNotices = {
  note(attemptId: string, sizeBytes: number): void;
  /** Tells now what waits, as far as it is taken. */
  flush(): void;
};

/** `tell` returns false when it cannot be told now. */
export function createOutputNotices(
  clock: Clock,
  tell: (attemptId: string, sizeBytes: number) => boolean,
): OutputNotices {
  const waiting = new Map<string, number>();
  let timer: Timer | undefined;
  const flush = (): void => {
    for (const [attemptId, sizeBytes] of waiting) if (tell(attemptId, sizeBytes)) waiting.delete(attemptId);
  };
  return {
    note: (attemptId, sizeBytes) => {
      waiting.set(attemptId, sizeBytes);
      if (timer !== undefined) return;
      flush();
      timer = clock.after(intervalMs, () => {
        timer = undefined;
        flush();
      });
    },
    flush,
  };
}
