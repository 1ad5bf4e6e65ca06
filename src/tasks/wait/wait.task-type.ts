/**
 * `wait`: succeeds after a duration, or at a time; at once when neither is given or the time has passed. It is nothing
 * but a time: a restarted worker goes on waiting.
 */
import { settingsOf } from '../settings-of.ts';
import type { AttemptContext, RunningAttempt, TaskType } from '../task-type.port.ts';

export const waitTaskType: TaskType = {
  type: 'wait',
  hasOutsideEffects: () => false,
  start: (context) => wait(context, context.clock.now()),
  adopt: (context, { startedAt }) => Promise.resolve(wait(context, startedAt ?? context.clock.now())),
};

function wait(context: AttemptContext, startedAt: number): RunningAttempt {
  const { durationMs, untilAt = startedAt } = settingsOf(context.offer, 'wait');
  const dueAt = durationMs === undefined ? untilAt : startedAt + durationMs;
  const delayMs = Math.max(0, dueAt - context.clock.now());
  const timer = context.clock.after(delayMs, () => context.ended({ kind: 'succeeded', outputs: {} }));
  return {
    cancel: () => {
      timer.cancel();
      context.ended({ kind: 'cancelled' });
    },
  };
}
