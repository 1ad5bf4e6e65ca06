/**
 * A task group: tasks of any runs share its slots.
 *
 * G1 (I8) The slots that are taken are those of the holders; nothing is counted up and down.
 * G2 A slot is granted only while the group is open, in the order of priority and age, and only if it is free. A person may
 *    force one beyond that.
 * G3 Lowering the number of slots takes none away: nothing is granted until enough holders are done.
 */
import { type SnapshotFrom, setup } from 'xstate';
import type { TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import { effectOnly, updateWithEffects } from '../kit/machine-fold.ts';
import { isNextEpoch } from '../kit/owned-actor.ts';
import type { TaskGroupEffect } from './task-group.effects.ts';
import { foldTaskGroup } from './task-group.fold.ts';
import {
  findHolder,
  findWaiting,
  grantable,
  isSameHolder,
  newTaskGroup,
  type TaskGroupContext,
} from './task-group.state.ts';

type Scope = { context: TaskGroupContext; event: TaskGroupEvent };
type EffectOf<T extends TaskGroupEffect['type']> = Extract<TaskGroupEffect, { type: T }>;

const fold = updateWithEffects<TaskGroupContext, TaskGroupEvent>;

const groupSetup = setup({
  types: {} as { context: TaskGroupContext; events: TaskGroupEvent },
  guards: {
    isNextEpoch,
    isOpening: ({ event }) => event.type === 'TaskGroupConfigured' && event.data.isOpen,
    isNew: ({ context, event }) =>
      event.type === 'SlotRequested' &&
      findWaiting(context, event.data.holder) === undefined &&
      findHolder(context, event.data.holder) === undefined,
    isWaiting,
    isHolder: ({ context, event }) =>
      event.type === 'SlotReleased' && findHolder(context, event.data.holder) !== undefined,
    isNext: ({ context, event }) => {
      const next = event.type === 'SlotGranted' ? grantable(context) : undefined;
      return next !== undefined && event.type === 'SlotGranted' && isSameHolder(next.holder, event.data.holder);
    },
  },
  actions: {
    foldOpen: fold(({ context, event }) => foldTaskGroup(context, event, 'open')),
    foldClosed: fold(({ context, event }) => foldTaskGroup(context, event, 'closed')),
    grantSlots: (_, _params: EffectOf<'grantSlots'>) => effectOnly(),
    tellHolder: (_, _params: EffectOf<'tellHolder'>) => effectOnly(),
    tellWaiting: (_, _params: EffectOf<'tellWaiting'>) => effectOnly(),
    watchHolders: (_, _params: EffectOf<'watchHolders'>) => effectOnly(),
  },
});

function isWaiting({ context, event }: Scope): boolean {
  return (
    event.type !== 'OwnershipTaken' && 'holder' in event.data && findWaiting(context, event.data.holder) !== undefined
  );
}

const configured = [
  { guard: 'isOpening', target: 'open', actions: 'foldOpen' },
  { target: 'closed', actions: 'foldClosed' },
] as const;

/** What is taken whether the group is open or not. */
function always<A extends 'foldOpen' | 'foldClosed'>(actions: A) {
  return {
    OwnershipTaken: { guard: 'isNextEpoch', actions },
    TaskGroupConfigured: configured,
    SlotRequested: { guard: 'isNew', actions },
    SlotForced: { guard: 'isWaiting', actions },
    SlotReleased: { guard: 'isHolder', actions },
    RequestWithdrawn: { guard: 'isWaiting', actions },
    SlotPriorityChanged: { guard: 'isWaiting', actions },
  } as const;
}

export const taskGroupMachine = groupSetup.createMachine({
  id: 'taskGroup',
  context: () => newTaskGroup,
  initial: 'unset',
  states: {
    unset: { on: always('foldClosed') },
    open: { on: { ...always('foldOpen'), SlotGranted: { guard: 'isNext', actions: 'foldOpen' } } },
    closed: { on: always('foldClosed') },
  },
});

export type TaskGroupSnapshot = SnapshotFrom<typeof taskGroupMachine>;
