/**
 * Ends a process group: SIGTERM, a grace period, SIGKILL, and the check that it is gone. No event tells the end of
 * grandchildren, so the group is looked at again and again, but only while it is being ended.
 */
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { ProcessTable } from './process-table.port.ts';

const firstCheckDelayMs = 5;
const longestCheckDelayMs = 200;
/** A process that SIGKILL does not end within this time hangs in the kernel: nothing more can be done. */
const killDeadlineMs = 10_000;

export type GroupEnding = {
  /** Begins, or hurries up when it had begun with more time. */
  begin(graceMs: number): void;
  hasBegun(): boolean;
};

export type GroupEndingOptions = {
  processes: ProcessTable;
  clock: Clock;
  groupId: number;
  /** Called once. `isGone` is false when the group outlived SIGKILL. */
  onEnded: (isGone: boolean) => void;
};

export function createGroupEnding({ processes, clock, groupId, onEnded }: GroupEndingOptions): GroupEnding {
  let killAt: number | undefined;
  let wasKilled = false;
  let hasEnded = false;
  let timer: Timer | undefined;

  /** True when it has just been killed. */
  const killWhenDue = (dueAt: number): boolean => {
    if (wasKilled || clock.now() < dueAt) return false;
    wasKilled = true;
    processes.signalGroup(groupId, 'SIGKILL');
    return true;
  };
  const check = (dueAt: number, delayMs: number): void => {
    const isGone = !processes.isGroupAlive(groupId);
    if (isGone || clock.now() >= dueAt + killDeadlineMs) {
      hasEnded = true;
      onEnded(isGone);
      return;
    }
    const pauseMs = killWhenDue(dueAt) ? firstCheckDelayMs : delayMs;
    const untilKillMs = wasKilled ? longestCheckDelayMs : dueAt - clock.now();
    const nextDelayMs = Math.min(pauseMs * 2, longestCheckDelayMs);
    timer = clock.after(Math.min(pauseMs, untilKillMs), () => check(dueAt, nextDelayMs));
  };

  return {
    begin: (graceMs) => {
      const dueAt = clock.now() + graceMs;
      if (hasEnded || (killAt !== undefined && killAt <= dueAt)) return;
      if (killAt === undefined && graceMs > 0) processes.signalGroup(groupId, 'SIGTERM');
      killAt = dueAt;
      killWhenDue(dueAt);
      timer?.cancel();
      timer = clock.after(firstCheckDelayMs, () => check(dueAt, firstCheckDelayMs));
    },
    hasBegun: () => killAt !== undefined,
  };
}
