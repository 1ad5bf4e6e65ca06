/** Runs commands as children of this very process: they end with it. For tests, and for a worker without a supervisor. */
import type { CommandHost } from './command-host.port.ts';
import { CommandRun, type CommandSurroundings } from './command-run.ts';

export function createDirectCommandHost(surroundings: CommandSurroundings): CommandHost {
  return {
    start: (order, listener) => {
      const run = new CommandRun(order, listener, surroundings);
      run.start();
      return {
        openGate: () => run.openGate(),
        cancel: (urgency, reason) => run.cancel(urgency, reason),
        forget: () => {},
      };
    },
    adopt: () => Promise.resolve(undefined),
  };
}
