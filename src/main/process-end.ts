/** How a role process learns that it is to stop: a signal, or the end of the process that started it. */

export type StopReason = 'signal' | 'parentGone';

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
    if (process.channel !== undefined) process.once('disconnect', () => resolve('parentGone'));
  });
}

function endNow(): never {
  process.exit(130);
}

/** Tells the starting process, if there is one that listens, that this one is ready. */
export function tellReady(facts: Record<string, unknown> = {}): void {
  if (process.connected) process.send?.({ ready: true, ...facts });
}
