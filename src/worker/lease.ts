/**
 * How long this worker may count on being a member. Masters give the attempts of a worker away that was absent for too
 * long; the worker must have acted before.
 *
 * L1 Time is this process's own and monotonic, and counts from when the last successful renewal was begun: what a master
 *    saw of it came later. Clocks of other machines are never compared.
 * L2 After a freeze no timer has fired yet: whoever takes work asks the clock, not the timer.
 */
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';

export type Lease = {
  start(): void;
  stop(): void;
  /** To be given to `renewed`, if what begins now succeeds. */
  now(): number;
  renewed(begunAt: number): void;
  isLost(): boolean;
};

export type LeaseOptions = {
  /** Without a renewal for longer than this it is lost. */
  lossMs: number;
  clock: Clock;
  monotonicNow: () => number;
  onRenewed: (validForMs: number) => void;
  /** Called once for each loss. */
  onLost: (sinceMs: number) => void;
  log: Log;
};

export function createLease({ lossMs, clock, monotonicNow, onRenewed, onLost, log }: LeaseOptions): Lease {
  let renewedAt = monotonicNow();
  let timer: Timer | undefined;
  let hasToldLoss = false;
  let isStopped = false;

  const sinceMs = (): number => monotonicNow() - renewedAt;
  const watch = (): void => {
    timer?.cancel();
    if (!isStopped) timer = clock.after(Math.max(1, Math.ceil(lossMs - sinceMs()) + 1), look);
  };
  const look = (): void => {
    if (sinceMs() <= lossMs) {
      watch();
      return;
    }
    hasToldLoss = true;
    onLost(Math.round(sinceMs()));
  };

  return {
    start: () => {
      renewedAt = monotonicNow();
      watch();
    },
    stop: () => {
      isStopped = true;
      timer?.cancel();
    },
    now: monotonicNow,
    renewed: (begunAt) => {
      renewedAt = begunAt;
      const validForMs = lossMs - sinceMs();
      if (validForMs <= 0) return; // It took too long to be of use; the next one may not.
      if (hasToldLoss) log.info({}, 'membership renewed after its loss');
      hasToldLoss = false;
      watch();
      onRenewed(validForMs);
    },
    isLost: () => sinceMs() > lossMs,
  };
}
