/** Pure questions about a task group: what it looks like, and why a task waits for it. */

import type { SlotHolder } from '../../schemas/events/task-group.events.ts';
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskGroupName, WorkerGroup } from '../../schemas/ids.ts';
import type { TaskGroupView } from '../../schemas/messages/concurrency.messages.ts';
import type { TaskGroupSnapshot } from './task-group.machine.ts';
import { findWaiting, slotsTaken, type TaskGroupContext } from './task-group.state.ts';

export type SlotReason = Pick<HoldReason, 'code' | 'message'>;

const holdersNamed = 3;

/** Undefined when the holder does not wait. */
export function slotReason(
  name: TaskGroupName,
  { value, context }: TaskGroupSnapshot,
  holder: SlotHolder,
): SlotReason | undefined {
  const request = findWaiting(context, holder);
  if (request === undefined) return undefined;
  if (value === 'unset') {
    const remedy = `set them with: millrace group set ${name} --slots <number>`;
    return { code: 'GROUP_CLOSED', message: `the task group ${name} has no slots yet; ${remedy}` };
  }
  if (value === 'closed') return { code: 'GROUP_CLOSED', message: `the task group ${name} is closed` };
  if (request.slots > context.slots) {
    const found = `it needs ${request.slots} slots of the task group ${name}, which has ${context.slots}`;
    return { code: 'GROUP_SLOTS_TAKEN', message: `${found}; give the group more, or force it` };
  }
  return { code: 'GROUP_SLOTS_TAKEN', message: `${takenIn(name, context)} held by ${holdersOf(context)}` };
}

/** The reason as a task shows it. */
export function groupHold(reason: SlotReason, group: WorkerGroup): HoldReason {
  return { ...reason, group };
}

function takenIn(name: TaskGroupName, context: TaskGroupContext): string {
  return `${slotsTaken(context)} of ${context.slots} slots of the task group ${name} are taken,`;
}

function holdersOf({ holders }: TaskGroupContext): string {
  if (holders.length === 0) return 'nobody; others are before it';
  const named = holders.slice(0, holdersNamed).map(({ holder }) => `${holder.task} of ${holder.instance}`);
  return holders.length > holdersNamed
    ? `${named.join(', ')} and ${holders.length - holdersNamed} more`
    : named.join(', ');
}

/** @param listMax most holders and most requests that are listed. */
export function taskGroupView(
  name: TaskGroupName,
  { value, context }: TaskGroupSnapshot,
  listMax: number,
): TaskGroupView {
  const { holders, waiting, slots, owner, epoch } = context;
  return {
    name,
    status: value,
    slots,
    taken: slotsTaken(context),
    waitingCount: waiting.length,
    holders: holders.slice(0, listMax).map(({ holder, slots: held, priority, grantedAt, isForced }) => ({
      ...holder,
      slots: held,
      priority,
      grantedAt,
      isForced,
    })),
    waiting: waiting.slice(0, listMax).map(({ holder, slots: wanted, priority, requestedAt }) => ({
      ...holder,
      slots: wanted,
      priority,
      requestedAt,
    })),
    ...(owner === null ? {} : { owner: { master: owner.master, epoch } }),
  };
}
