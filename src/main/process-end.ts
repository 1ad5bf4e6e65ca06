/** How a role process learns that it is to stop: a signal, or the end of the process that started it. */

export type StopReason = 'signal' | 'parentGone';

/**
 * For the beginning of a role: until it can be told to stop, it ends at once with the process that started it. Otherwise a
 * role whose parent dies early would wait for its servers for ever.
 */
export function endWithParent(): void {
  if (hasLostParent()) endNow();
  process.once('disconnect', endNow);
}

/** Resolves at the first signal, or when the parent's channel closes. A second SIGINT or SIGTERM ends the process at once. */
export function whenToldToStop(): Promise<StopReason> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.once('SIGINT', endNow);
      process.once('SIGTERM', endNow);
      resolve('signal');
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    // The terminal was closed. Kernel and shell may both tell so: that is no second signal.
    process.on('SIGHUP', () => resolve('signal'));
    process.off('disconnect', endNow);
    process.once('disconnect', () => resolve('parentGone'));
    if (hasLostParent()) resolve('parentGone');
  });
}

/** There was a channel from a parent, and it is closed. */
function hasLostParent(): boolean {
  return process.send !== undefined && !process.connected;
}

function endNow(): never {
  process.exit(130);
}

/** Tells the starting process, if there is one that listens, that this one is ready. */
export function tellReady(facts: Record<string, unknown> = {}): void {
  if (process.connected) process.send?.({ ready: true, ...facts });
}
