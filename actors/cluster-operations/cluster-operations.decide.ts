/** Orders for the cluster, decided into events. What has been done already is answered with no events. */
import type { ClusterOperationsCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { ClusterOperationsEvent } from '../../schemas/events/cluster-operations.events.ts';
import type { Decision } from '../kit/decider.ts';
import { takeOwnership } from '../kit/owned-actor.ts';
import type { ClusterOperationsSnapshot } from './cluster-operations.machine.ts';
import { type ClusterOperationsContext, findCrown, findFreeze, frozenOf } from './cluster-operations.state.ts';

type CommandOf<T extends ClusterOperationsCommand['type']> = Extract<ClusterOperationsCommand, { type: T }>;
type Asked = { key: string; by: string; reason?: string };

export function decideClusterOperations(
  { context }: ClusterOperationsSnapshot,
  command: ClusterOperationsCommand,
): Decision<ClusterOperationsEvent> {
  return { kind: 'events', events: eventsOf(context, command) };
}

const askedOf = ({ key, by, reason }: Asked): Asked => ({ key, by, ...(reason === undefined ? {} : { reason }) });

function eventsOf(context: ClusterOperationsContext, command: ClusterOperationsCommand): ClusterOperationsEvent[] {
  switch (command.type) {
    case 'TakeOwnership':
      return [takeOwnership(context, command)];
    case 'PlaceCrown':
      return placeCrown(context, command);
    case 'RemoveCrown': {
      const { id, why, now, by, reason } = command;
      if (findCrown(context, id) === undefined) return [];
      const told = reason === undefined ? {} : { reason };
      return [{ type: 'CrownRemoved', data: { id, why, removedAt: now, by, ...told } }];
    }
    case 'Freeze': {
      const target = frozenOf(command.target);
      if (findFreeze(context, target) !== undefined) return [];
      return [{ type: 'FreezePlaced', data: { target, placedAt: command.now, ...askedOf(command) } }];
    }
    case 'Unfreeze': {
      const target = frozenOf(command.target);
      if (findFreeze(context, target) === undefined) return [];
      return [{ type: 'FreezeLifted', data: { target, liftedAt: command.now, ...askedOf(command) } }];
    }
  }
}

/** A task has at most one crown: who crowns it again is told of the first. */
function placeCrown(context: ClusterOperationsContext, command: CommandOf<'PlaceCrown'>): ClusterOperationsEvent[] {
  const { id, instance, task, upstreams, now } = command;
  const isCrowned = context.crowns.some(
    (crown) => crown.id === id || crown.key === command.key || (crown.instance === instance && crown.task === task),
  );
  if (isCrowned) return [];
  return [{ type: 'CrownPlaced', data: { id, instance, task, upstreams, placedAt: now, ...askedOf(command) } }];
}
