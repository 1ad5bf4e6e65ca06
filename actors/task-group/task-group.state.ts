/** The state of a task group as plain JSON. How many slots are taken follows from who holds some (I8). */
import { type Priority, priorities } from '../../schemas/definition/workflow.definition.ts';
import type { SlotHolder } from '../../schemas/events/task-group.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import { type OwnedContext, unowned } from '../kit/owned-actor.ts';

export type SlotRequest = { holder: SlotHolder; priority: Priority; slots: number; requestedAt: number };

export type HeldSlots = SlotRequest & {
  grantedAt: number;
  /** Granted by a person, whatever the group had left. */
  isForced: boolean;
};

export type TaskGroupContext = OwnedContext & {
  slots: number;
  /** In the order in which they asked. */
  waiting: readonly SlotRequest[];
  /** In the order in which they got them. */
  holders: readonly HeldSlots[];
};

/** `unset`: nobody has said how many slots the group has; what asks for some waits. */
export type TaskGroupStatus = 'unset' | 'open' | 'closed';

export const newTaskGroup: TaskGroupContext = { ...unowned, slots: 0, waiting: [], holders: [] };

export const isSameHolder = (a: SlotHolder, b: SlotHolder): boolean =>
  a.instance === b.instance && a.task === b.task && a.round === b.round && a.turn === b.turn;

/** The fields of the schema in its order, whatever object they came in (I5). */
export const holderOf = ({ instance, task, round, turn }: SlotHolder): SlotHolder => ({ instance, task, round, turn });

export const findWaiting = ({ waiting }: TaskGroupContext, holder: SlotHolder): SlotRequest | undefined =>
  waiting.find((request) => isSameHolder(request.holder, holder));

export const findHolder = ({ holders }: TaskGroupContext, holder: SlotHolder): HeldSlots | undefined =>
  holders.find((held) => isSameHolder(held.holder, holder));

/** Requests of a task that wait, of whichever turn. */
export const waitingOf = ({ waiting }: TaskGroupContext, instance: InstanceId, task: TaskName): SlotRequest[] =>
  waiting.filter(({ holder }) => holder.instance === instance && holder.task === task);

export const slotsTaken = ({ holders }: TaskGroupContext): number => holders.reduce((sum, { slots }) => sum + slots, 0);

/**
 * Whose turn it is: by priority, then age. One that asks for more than the group has at all is passed over; one for which
 * too few are free now is not, or it would never get its turn.
 */
export function firstWaiting({ waiting, slots }: TaskGroupContext): SlotRequest | undefined {
  let first: SlotRequest | undefined;
  for (const request of waiting) {
    if (request.slots > slots) continue;
    if (first === undefined || rankOf(request) < rankOf(first)) first = request;
  }
  return first;
}

/** The request that can be granted now, if the group is open. */
export function grantable(context: TaskGroupContext): SlotRequest | undefined {
  const first = firstWaiting(context);
  return first !== undefined && slotsTaken(context) + first.slots <= context.slots ? first : undefined;
}

const rankOf = ({ priority }: SlotRequest): number => priorities.indexOf(priority);
