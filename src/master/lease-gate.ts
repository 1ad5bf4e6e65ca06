/**
 * A master that could not renew its membership may have been declared gone. Until it has renewed, it starts no effects:
 * they wait, and runs that were taken away meanwhile never have theirs run.
 */
import type { Clock } from '../clock/clock.port.ts';

export type LeaseGate = {
  /** The membership was renewed: what waits is done. */
  renewed(): void;
  isOpen(): boolean;
  /** Does it now, or after the next renewal. */
  pass(action: () => void): void;
};

export function createLeaseGate({ clock, ttlMs }: { clock: Clock; ttlMs: number }): LeaseGate {
  let renewedAt = clock.now();
  let waiting: (() => void)[] = [];
  const isOpen = () => clock.now() - renewedAt < ttlMs;
  return {
    isOpen,
    renewed: () => {
      renewedAt = clock.now();
      const actions = waiting;
      waiting = [];
      for (const action of actions) action();
    },
    pass: (action) => {
      if (isOpen()) action();
      else waiting.push(action);
    },
  };
}
