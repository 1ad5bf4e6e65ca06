/**
 * Task types whose attempts are one promise: awaited, and given up by a signal. One that does not heed the signal holds the
 * attempt no longer than a grace period; what it comes to later is not told.
 */
import type { TaskType as TaskTypeName } from '../../schemas/definition/task-settings.ts';
import type { Timer } from '../clock/clock.port.ts';
import type { AttemptContext, AttemptResult, CancelReason, RunningAttempt, TaskType } from './task-type.port.ts';

const defaultGraceMs = 10_000;
const note = '\n[millrace: what ran did not end when it was cancelled; it may go on]\n';

/** Never rejects: every fault is a result. */
type Perform = (context: AttemptContext, signal: AbortSignal) => Promise<AttemptResult>;

export function createPromisedTaskType(type: TaskTypeName, perform: Perform): TaskType {
  return { type, hasOutsideEffects: () => true, start: (context) => runPromised(context, perform) };
}

/** Why the signal of an attempt was given. */
class AttemptCancelled extends Error {
  override readonly name = 'AbortError';
  readonly reason: CancelReason;

  constructor(reason: CancelReason) {
    super(`the attempt was cancelled: ${reason}`);
    this.reason = reason;
  }
}

/** Undefined while it goes on. */
export function cancelReasonOf({ reason }: AbortSignal): CancelReason | undefined {
  return reason instanceof AttemptCancelled ? reason.reason : undefined;
}

/** @param graceMs how long it may go on after it was cancelled */
export function runPromised(context: AttemptContext, perform: Perform, graceMs = defaultGraceMs): RunningAttempt {
  const abort = new AbortController();
  let hasEnded = false;
  let grace: Timer | undefined;
  const end = (result: AttemptResult): void => {
    if (hasEnded) return;
    hasEnded = true;
    grace?.cancel();
    context.ended(abort.signal.aborted ? { kind: 'cancelled' } : result);
  };
  const giveUp = (): void => {
    if (hasEnded) return;
    context.writeLog(Buffer.from(note));
    end({ kind: 'cancelled' });
  };
  // The promise cannot reject.
  void perform(context, abort.signal).then(end);
  return {
    cancel: (_, reason = 'stop') => {
      if (abort.signal.aborted || hasEnded) return;
      abort.abort(new AttemptCancelled(reason));
      grace = context.clock.after(graceMs, giveUp);
    },
  };
}
