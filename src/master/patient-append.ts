/** The append of one run: waits as long as the event store is away, and parts what is too large for one append. */
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { instanceStream } from '../journal/codec.ts';
import type { Journal, NewEvent } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { LiveInstance } from './live-instance.ts';

export type AppendSurroundings = { journal: Journal; clock: Clock; log: Log };

const retryDelayMs = 500;

/**
 * Repeats while the store is away: the same events with the same ids, so that nothing is written twice. False when the stream
 * is not where it was expected, or the run was dropped meanwhile.
 */
export async function appendPatiently(
  surroundings: AppendSurroundings,
  live: LiveInstance,
  expected: number,
  events: NewEvent[],
): Promise<boolean> {
  const { journal, clock, log } = surroundings;
  while (!live.isDropped) {
    try {
      const result = await journal.append(instanceStream(live.id), expected < 0 ? 'none' : expected, events);
      return result.kind === 'appended';
    } catch (fault) {
      if (!(fault instanceof AppError)) throw fault;
      if (fault.code === 'APPEND_TOO_LARGE' && events.length > 1) {
        // Every prefix of decided events is a state that a new owner can go on from.
        const middle = Math.floor(events.length / 2);
        if (!(await appendPatiently(surroundings, live, expected, events.slice(0, middle)))) return false;
        return appendPatiently(surroundings, live, expected + middle, events.slice(middle));
      }
      if (!fault.isRetryable) throw fault;
      log.warn({ instanceId: live.id, code: fault.code }, 'append waits for the event store');
      await new Promise<void>((resolve) => {
        clock.after(retryDelayMs, resolve);
      });
    }
  }
  return false;
}
