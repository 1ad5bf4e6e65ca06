/** What each event changes in the orders for the cluster. Masters that follow the stream fold it in the same way. */
import type { ClusterOperationsEvent } from '../../schemas/events/cluster-operations.events.ts';
import { counted, ownershipOf } from '../kit/owned-actor.ts';
import type { ClusterOperationsEffect } from './cluster-operations.effects.ts';
import { type ClusterOperationsContext, frozenOf, isSameTarget } from './cluster-operations.state.ts';

type Folded = { context: ClusterOperationsContext; effects: ClusterOperationsEffect[] };

export function foldClusterOperations(before: ClusterOperationsContext, event: ClusterOperationsEvent): Folded {
  const context = { ...changed(before, event), ...counted(before) };
  return { context, effects: event.type === 'CrownPlaced' ? [{ type: 'watchCrowns' }] : [] };
}

function changed(context: ClusterOperationsContext, event: ClusterOperationsEvent): ClusterOperationsContext {
  const { crowns, freezes } = context;
  switch (event.type) {
    case 'OwnershipTaken':
      return { ...context, ...ownershipOf(context, event) };
    case 'CrownPlaced': {
      const { id, instance, task, upstreams, placedAt, key, by, reason } = event.data;
      const crown = { id, instance, task, upstreams, placedAt, key, by, reason: reason ?? null };
      return { ...context, crowns: [...crowns, crown] };
    }
    case 'CrownRemoved':
      return { ...context, crowns: crowns.filter(({ id }) => id !== event.data.id) };
    case 'FreezePlaced': {
      const { target, placedAt, by, reason } = event.data;
      return { ...context, freezes: [...freezes, { target: frozenOf(target), placedAt, by, reason: reason ?? null }] };
    }
    case 'FreezeLifted':
      return { ...context, freezes: freezes.filter(({ target }) => !isSameTarget(target, event.data.target)) };
  }
}
