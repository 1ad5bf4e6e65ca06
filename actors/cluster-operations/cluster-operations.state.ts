/** What people have ordered for the whole cluster, as plain JSON. */
import type { Frozen } from '../../schemas/events/cluster-operations.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import { type OwnedContext, unowned } from '../kit/owned-actor.ts';

export type Crown = {
  id: string;
  instance: InstanceId;
  task: TaskName;
  upstreams: readonly TaskName[];
  placedAt: number;
  key: string;
  by: string;
  reason: string | null;
};

export type Freeze = { target: Frozen; placedAt: number; by: string; reason: string | null };

export type ClusterOperationsContext = OwnedContext & {
  /** In the order in which they were placed. */
  crowns: readonly Crown[];
  freezes: readonly Freeze[];
};

export const noOperations: ClusterOperationsContext = { ...unowned, crowns: [], freezes: [] };

/** The fields of the schema in its order (I5). */
export const frozenOf = ({ kind, name }: Frozen): Frozen => ({ kind, name }) as Frozen; // Kind and name belong together.

export const isSameTarget = (a: Frozen, b: Frozen): boolean => a.kind === b.kind && a.name === b.name;

export const findFreeze = ({ freezes }: ClusterOperationsContext, target: Frozen): Freeze | undefined =>
  freezes.find((freeze) => isSameTarget(freeze.target, target));

export const findCrown = ({ crowns }: ClusterOperationsContext, id: string): Crown | undefined =>
  crowns.find((crown) => crown.id === id);
