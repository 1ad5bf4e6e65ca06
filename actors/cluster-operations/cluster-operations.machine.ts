/**
 * Orders for the whole cluster: crowns and freezes.
 *
 * O1 While a crown exists, only crowned tasks and what they need are placed; without one, nobody is held by it.
 * O2 A crown ends once: its task or its run has ended, or a person has removed it.
 */
import { type SnapshotFrom, setup } from 'xstate';
import type { ClusterOperationsEvent } from '../../schemas/events/cluster-operations.events.ts';
import { effectOnly, updateWithEffects } from '../kit/machine-fold.ts';
import { isNextEpoch } from '../kit/owned-actor.ts';
import type { ClusterOperationsEffect } from './cluster-operations.effects.ts';
import { foldClusterOperations } from './cluster-operations.fold.ts';
import { type ClusterOperationsContext, findCrown, findFreeze, noOperations } from './cluster-operations.state.ts';

const operationsSetup = setup({
  types: {} as { context: ClusterOperationsContext; events: ClusterOperationsEvent },
  guards: {
    isNextEpoch,
    isNewCrown: ({ context, event }) => event.type === 'CrownPlaced' && findCrown(context, event.data.id) === undefined,
    isCrown: ({ context, event }) => event.type === 'CrownRemoved' && findCrown(context, event.data.id) !== undefined,
    isNewFreeze: ({ context, event }) =>
      event.type === 'FreezePlaced' && findFreeze(context, event.data.target) === undefined,
    isFrozen: ({ context, event }) =>
      event.type === 'FreezeLifted' && findFreeze(context, event.data.target) !== undefined,
  },
  actions: {
    fold: updateWithEffects<ClusterOperationsContext, ClusterOperationsEvent>(({ context, event }) =>
      foldClusterOperations(context, event),
    ),
    watchCrowns: (_, _params: ClusterOperationsEffect) => effectOnly(),
  },
});

export const clusterOperationsMachine = operationsSetup.createMachine({
  id: 'clusterOperations',
  context: () => noOperations,
  initial: 'open',
  states: {
    open: {
      on: {
        OwnershipTaken: { guard: 'isNextEpoch', actions: 'fold' },
        CrownPlaced: { guard: 'isNewCrown', actions: 'fold' },
        CrownRemoved: { guard: 'isCrown', actions: 'fold' },
        FreezePlaced: { guard: 'isNewFreeze', actions: 'fold' },
        FreezeLifted: { guard: 'isFrozen', actions: 'fold' },
      },
    },
  },
});

export type ClusterOperationsSnapshot = SnapshotFrom<typeof clusterOperationsMachine>;
