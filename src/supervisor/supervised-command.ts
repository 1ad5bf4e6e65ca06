/** A command under the supervisor, as its worker knows it. */
import type { Timer } from '../clock/clock.port.ts';
import type { CommandListener, CommandOrder } from '../tasks/command-host.port.ts';
import type { ProcessIdentity } from '../tasks/process-table.port.ts';
import type { CancelReason } from '../tasks/task-type.port.ts';

export type SupervisedCommand = {
  readonly attemptId: string;
  readonly listener: CommandListener;
  readonly graceMs: number;
  /** Until its process is known: so long it cannot have run. */
  order: CommandOrder | undefined;
  state: 'waiting' | 'sent' | 'sentAgain' | 'ended';
  process: ProcessIdentity | undefined;
  cancelled: CancelReason | undefined;
  cancelDeadline: Timer | undefined;
};

/** To be sent to the supervisor. */
export function orderedCommand(order: CommandOrder, listener: CommandListener): SupervisedCommand {
  const { attemptId, graceMs } = order;
  return { ...blank, attemptId, graceMs, listener, order, state: 'waiting' };
}

/** Known to the supervisor. */
export function adoptedCommand(
  { attemptId, graceMs }: { attemptId: string; graceMs: number },
  listener: CommandListener,
): SupervisedCommand {
  return { ...blank, attemptId, graceMs, listener, order: undefined, state: 'sent' };
}

const blank = { process: undefined, cancelled: undefined, cancelDeadline: undefined };
