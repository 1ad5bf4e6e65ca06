/** What each event changes in a task group, and what it asks of the outside. */
import type { SlotHolder, TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import { counted, ownershipOf } from '../kit/owned-actor.ts';
import type { TaskGroupEffect } from './task-group.effects.ts';
import {
  findWaiting,
  grantable,
  type HeldSlots,
  holderOf,
  isSameHolder,
  type TaskGroupContext,
} from './task-group.state.ts';

type Folded = { context: TaskGroupContext; effects: TaskGroupEffect[] };

/** @param status after the event: an open group grants what it can. */
export function foldTaskGroup(before: TaskGroupContext, event: TaskGroupEvent, status: 'open' | 'closed'): Folded {
  const context = { ...changed(before, event), ...counted(before) };
  const effects: TaskGroupEffect[] = [];
  const isIdle = before.waiting.length + before.holders.length === 0;
  if (event.type === 'SlotRequested' && isIdle) effects.push({ type: 'watchHolders' });
  if (event.type === 'SlotGranted' || event.type === 'SlotForced') {
    effects.push({ type: 'tellHolder', holder: holderOf(event.data.holder) });
  }
  if (event.type === 'TaskGroupConfigured' && context.waiting.length > 0) effects.push({ type: 'tellWaiting' });
  if (status === 'open' && grantable(context) !== undefined) effects.push({ type: 'grantSlots' });
  return { context, effects };
}

function changed(context: TaskGroupContext, event: TaskGroupEvent): TaskGroupContext {
  switch (event.type) {
    case 'OwnershipTaken':
      return { ...context, ...ownershipOf(context, event) };
    case 'TaskGroupConfigured':
      return { ...context, slots: event.data.slots };
    case 'SlotRequested': {
      const { holder, priority, slots, requestedAt } = event.data;
      return { ...context, waiting: [...context.waiting, { holder: holderOf(holder), priority, slots, requestedAt }] };
    }
    case 'SlotGranted':
      return granted(context, event.data.holder, { grantedAt: event.data.grantedAt, isForced: false });
    case 'SlotForced':
      return granted(context, event.data.holder, { grantedAt: event.data.forcedAt, isForced: true });
    case 'SlotReleased':
      return { ...context, holders: without(context.holders, event.data.holder) };
    case 'RequestWithdrawn':
      return { ...context, waiting: without(context.waiting, event.data.holder) };
    case 'SlotPriorityChanged': {
      const { holder, priority } = event.data;
      const waiting = context.waiting.map((one) => (isSameHolder(one.holder, holder) ? { ...one, priority } : one));
      return { ...context, waiting };
    }
  }
}

function granted(
  context: TaskGroupContext,
  holder: SlotHolder,
  how: Pick<HeldSlots, 'grantedAt' | 'isForced'>,
): TaskGroupContext {
  const request = findWaiting(context, holder);
  if (request === undefined) return context;
  const holders = [...context.holders, { ...request, ...how }];
  return { ...context, waiting: without(context.waiting, holder), holders };
}

function without<T extends { holder: SlotHolder }>(all: readonly T[], holder: SlotHolder): T[] {
  return all.filter((one) => !isSameHolder(one.holder, holder));
}
