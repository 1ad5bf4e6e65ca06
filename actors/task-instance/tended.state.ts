/**
 * What the owner of a run knows of the applications of an attempt, since it asks the clusters itself. Absent from the state
 * of a task whose attempt is run by a worker as usual.
 */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { KillReason, OrphanPolicy } from '../../schemas/events/application.events.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';

/** Nobody runs the attempt any more. */
export type Orphan = {
  since: number;
  why: 'lost' | 'failed' | 'cancelled';
  policy: OrphanPolicy;
  clusters: readonly string[];
  reason: Fault;
  client: { startedAt: number | null; finishedAt: number; exitCode: number | null } | null;
};

export type SeenApplication = {
  cluster: string;
  /** Null: all that bears the tag of the attempt. */
  id: string | null;
  state: Application['state'] | 'away';
  hasEnded: boolean;
  reason: Fault | null;
  kill: KillReason | null;
  /** How long a better answer, or the end of a kill, is waited for. */
  dueAt: number | null;
  /** How long it is followed. */
  followDueAt: number | null;
  isGivenUp: boolean;
};

export type Tended = {
  orphan: Orphan | null;
  /** What a person made of it. */
  decision: 'adopt' | 'retry' | 'fail' | null;
  seen: readonly SeenApplication[];
};

export const nothingTended: Tended = { orphan: null, decision: null, seen: [] };

/** When something of it becomes due; each time once. */
export function dueTimesOf({ seen }: Tended): number[] {
  const times = seen
    .filter(({ hasEnded, isGivenUp }) => !hasEnded && !isGivenUp)
    .flatMap(({ dueAt, followDueAt, kill }) => [dueAt, kill === null ? followDueAt : null]);
  return [...new Set(times.filter((at) => at !== null))].sort((a, b) => a - b);
}

export const hasKill = ({ tended }: { tended?: Tended | undefined }): boolean =>
  tended?.seen.some(({ kill }) => kill !== null) ?? false;

/** Its clusters that have said nothing yet of what the attempt may have there. */
export function unaskedClustersOf({ orphan, seen }: Tended): string[] {
  return (orphan?.clusters ?? []).filter((cluster) => seen.every((one) => one.cluster !== cluster));
}

export function entryOf(seen: Tended['seen'], cluster: string, id: string | null): SeenApplication | undefined {
  return seen.find((one) => one.cluster === cluster && one.id === id);
}
