/** Task types whose attempts are one promise: awaited, and given up by a signal. They do not survive their worker. */
import type { TaskType as TaskTypeName } from '../../schemas/definition/task-settings.ts';
import type { AttemptContext, AttemptResult, TaskType } from './task-type.port.ts';

/** @param perform never rejects: every fault is a result */
export function createPromisedTaskType(
  type: TaskTypeName,
  perform: (context: AttemptContext, signal: AbortSignal) => Promise<AttemptResult>,
): TaskType {
  return {
    type,
    hasOutsideEffects: () => true,
    start: (context) => {
      const abort = new AbortController();
      // The promise cannot reject.
      void perform(context, abort.signal).then((result) =>
        context.ended(abort.signal.aborted ? { kind: 'cancelled' } : result),
      );
      return { cancel: () => abort.abort() };
    },
  };
}
