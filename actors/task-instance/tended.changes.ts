/** What the events of applications change in what the owner knows of them. */
import type {
  Fault,
  WorkflowInstanceEvent,
  WorkflowInstanceEventOf,
} from '../../schemas/events/workflow-instance.events.ts';
import type { TaskContext, TaskMachineEvent } from './task-instance.state.ts';
import { entryOf, nothingTended, type SeenApplication, type Tended } from './tended.state.ts';

type Change = Partial<TaskContext>;
export type ApplicationEvent = Extract<WorkflowInstanceEvent, { type: `Application${string}` }>;
type TendedEvent = Exclude<ApplicationEvent, { type: 'ApplicationFound' }>;

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
