/**
 * What the owner of a run knows of the applications of an attempt, since it asks the clusters itself. Absent from the state
 * of a task whose attempt is run by a worker as usual.
 */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { KillReason, OrphanPolicy } from '../../schemas/events/application.events.ts';
import type {
  Fault,
  WorkflowInstanceEvent,
  WorkflowInstanceEventOf,
} from '../../schemas/events/workflow-instance.events.ts';
import type { TaskContext, TaskMachineEvent } from './task-instance.state.ts';

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

type Change = Partial<TaskContext>;
export type ApplicationEvent = Extract<WorkflowInstanceEvent, { type: `Application${string}` }>;
type TendedEvent = Exclude<ApplicationEvent, { type: 'ApplicationFound' }>;

export const nothingTended: Tended = { orphan: null, decision: null, seen: [] };

/** When something of it becomes due; each time once. */
export function dueTimesOf({ seen }: Tended): number[] {
  const times = seen
    .filter(({ hasEnded, isGivenUp }) => !hasEnded && !isGivenUp)
    .flatMap(({ dueAt, followDueAt, kill }) => [dueAt, kill === null ? followDueAt : null]);
  return [...new Set(times.filter((at) => at !== null))].sort((a, b) => a - b);
}

export const hasKill = ({ tended }: TaskContext): boolean => tended?.seen.some(({ kill }) => kill !== null) ?? false;

export function orphanOf({ tended }: TaskContext, event: TaskMachineEvent): Change {
  if (event.type !== 'TaskOrphaned') return {};
  const { since, why, policy, clusters, reason, client } = event.data;
  const ended = client && {
    startedAt: client.startedAt ?? null,
    finishedAt: client.finishedAt,
    exitCode: client.exitCode ?? null,
  };
  const { code, message } = reason;
  const orphan = {
    since,
    why,
    policy,
    clusters: [...clusters],
    reason: { code, message },
    client: ended ?? null,
  };
  return { tended: { ...(tended ?? nothingTended), orphan }, absence: null };
}

export function seenOf(context: TaskContext, event: TaskMachineEvent): Change {
  const tended = context.tended ?? nothingTended;
  switch (event.type) {
    case 'ApplicationSeen':
    case 'ApplicationEnded':
      return { tended: { ...tended, seen: heard(tended.seen, event.data.cluster, changedBy(tended, event)) } };
    case 'ApplicationAdopted':
    case 'ApplicationKillRequested':
      return decidedOf(tended, event);
    case 'ApplicationGivenUp':
      return { tended: { ...tended, seen: withEntry(tended.seen, changedBy(tended, event)) } };
    default:
      return {};
  }
}

function decidedOf(
  tended: Tended,
  event: WorkflowInstanceEventOf<'ApplicationAdopted' | 'ApplicationKillRequested'>,
): Change {
  const { decidedBy } = event.data;
  const seen = withEntry(tended.seen, changedBy(tended, event));
  if (decidedBy === undefined) return { tended: { ...tended, seen } };
  const decision = event.type === 'ApplicationAdopted' ? 'adopt' : (event.data.decision ?? tended.decision);
  return { tended: { ...tended, decision, seen }, resolvedBy: decidedBy.key };
}

function changedBy(tended: Tended, event: TendedEvent): SeenApplication {
  const { cluster, id = null } = event.data;
  const known = entryOf(tended.seen, cluster, id) ?? newEntry(cluster, id);
  switch (event.type) {
    case 'ApplicationSeen': {
      const { state, reason, dueAt } = event.data;
      const until = dueAt ?? (known.kill === null ? null : known.dueAt);
      return { ...known, state, reason: faultOf(reason), dueAt: until, isGivenUp: false };
    }
    case 'ApplicationEnded': {
      const { state, diagnostics } = event.data;
      const reason = diagnostics === undefined ? null : { code: 'APPLICATION_FAILED', message: diagnostics };
      return { ...known, state, hasEnded: true, reason, dueAt: null, isGivenUp: false };
    }
    case 'ApplicationAdopted':
      return { ...known, followDueAt: event.data.dueAt };
    case 'ApplicationKillRequested':
      return { ...known, kill: event.data.why, dueAt: event.data.dueAt };
    case 'ApplicationGivenUp':
      return { ...known, state: event.data.state, reason: faultOf(event.data.reason), dueAt: null, isGivenUp: true };
  }
}

function newEntry(cluster: string, id: string | null): SeenApplication {
  const state = { state: 'unknown', hasEnded: false, reason: null } as const;
  return { cluster, id, ...state, kill: null, dueAt: null, followDueAt: null, isGivenUp: false };
}

export function entryOf(seen: Tended['seen'], cluster: string, id: string | null): SeenApplication | undefined {
  return seen.find((one) => one.cluster === cluster && one.id === id);
}

/** A cluster that tells of one application is not away any more, and something bears the tag. */
function heard(seen: Tended['seen'], cluster: string, entry: SeenApplication): SeenApplication[] {
  const others = entry.id === null ? seen : seen.filter((one) => one.cluster !== cluster || one.id !== null);
  return withEntry(others, entry);
}

function withEntry(seen: Tended['seen'], entry: SeenApplication): SeenApplication[] {
  const at = seen.findIndex(({ cluster, id }) => cluster === entry.cluster && id === entry.id);
  return at < 0 ? [...seen, entry] : seen.with(at, entry);
}

const faultOf = (fault: Fault | undefined): Fault | null =>
  fault === undefined ? null : { code: fault.code, message: fault.message };
