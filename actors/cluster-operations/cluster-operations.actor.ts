/** The journaled actor of the orders to the cluster: machine, decisions and effects joined. */
import type { ClusterOperationsCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { ClusterOperationsEvent } from '../../schemas/events/cluster-operations.events.ts';
import { type OwnedActor, ownedActor } from '../kit/owned-actor.ts';
import { decideClusterOperations } from './cluster-operations.decide.ts';
import { type ClusterOperationsEffect, pendingOperationsEffects } from './cluster-operations.effects.ts';
import { type ClusterOperationsSnapshot, clusterOperationsMachine } from './cluster-operations.machine.ts';

export type ClusterOperationsActor = OwnedActor<
  ClusterOperationsSnapshot,
  ClusterOperationsEvent,
  ClusterOperationsCommand,
  ClusterOperationsEffect
>;

export const clusterOperationsActor: ClusterOperationsActor = ownedActor<
  ClusterOperationsSnapshot,
  ClusterOperationsEvent,
  ClusterOperationsCommand,
  ClusterOperationsEffect
>({
  machine: clusterOperationsMachine,
  decide: decideClusterOperations,
  pendingEffects: pendingOperationsEffects,
});
