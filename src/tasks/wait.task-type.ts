/** `wait`: succeeds after a duration, or at a time; at once when neither is given or the time has passed. */
import { settingsOf } from './settings-of.ts';
import type { TaskType } from './task-type.port.ts';

export const waitTaskType: TaskType = {
  type: 'wait',
  hasOutsideEffects: () => false,
  start: (context) => {
    const settings = settingsOf(context.offer, 'wait');
    const untilDueMs = settings.untilAt === undefined ? 0 : settings.untilAt - context.clock.now();
    const delayMs = settings.durationMs ?? Math.max(0, untilDueMs);
    const timer = context.clock.after(delayMs, () => context.ended({ kind: 'succeeded', outputs: {} }));
    return {
      cancel: () => {
        timer.cancel();
        context.ended({ kind: 'cancelled' });
      },
    };
  },
};
