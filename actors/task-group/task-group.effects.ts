/** What the outside owes for a task group. Every effect is harmless when it is run again. */
import type { SlotHolder } from '../../schemas/events/task-group.events.ts';
import { grantable, type TaskGroupContext, type TaskGroupStatus } from './task-group.state.ts';

export type TaskGroupEffect =
  /** Slots are free for somebody who waits: comes back as GrantSlots. */
  | { type: 'grantSlots' }
  /** The owner of the run is to know that its task has its slots. It also asks by itself, now and then. */
  | { type: 'tellHolder'; holder: SlotHolder }
  /** What the group grants has changed: those who wait are to know why they do. */
  | { type: 'tellWaiting' }
  /** Make sure, now and then, that holders and those who wait still live: comes back as ReleaseSlot. */
  | { type: 'watchHolders' };

type State = { value: TaskGroupStatus; context: TaskGroupContext };

/** All that is owed in this state: what a new owner runs after a takeover. */
export function pendingGroupEffects({ value, context }: State): TaskGroupEffect[] {
  const { holders, waiting } = context;
  const effects: TaskGroupEffect[] = holders.map(({ holder }) => ({ type: 'tellHolder', holder }));
  if (holders.length + waiting.length > 0) effects.push({ type: 'watchHolders' });
  if (value === 'open' && grantable(context) !== undefined) effects.push({ type: 'grantSlots' });
  return effects;
}
