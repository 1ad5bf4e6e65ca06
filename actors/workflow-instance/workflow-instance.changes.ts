/** What each life-cycle event leaves in the state of a run, with the schema's fields in the schema's order (I5). */
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonValue } from '../../schemas/json.ts';
import type { Plan } from '../graph/plan.ts';
import { type Asked, commandKeysKept, type WorkflowInstanceContext } from './workflow-instance.state.ts';

type Context = WorkflowInstanceContext;
type Change = Partial<Context>;

export const counted = (context: Context): Pick<Context, 'eventCount'> => ({ eventCount: context.eventCount + 1 });

type AskedFor = { key: string; by: string; reason?: string | undefined };

const askedOf = ({ key, by, reason }: AskedFor): Asked => ({ key, by, reason: reason ?? null });

function keyed(context: Context, { key }: AskedFor): Change {
  return { ...counted(context), commandKeys: [...context.commandKeys, key].slice(-commandKeysKept) };
}

export function submissionOf(plan: Plan, context: Context, event: WorkflowInstanceEvent): Change {
  if (event.type !== 'WorkflowSubmitted') return {};
  const { definition, key, params, submittedAt, given, dryRun, priority, logicalAt, parent } = event.data;
  const { name, version, digest } = definition;
  return {
    ...counted(context),
    definition: { name, version, digest },
    key,
    params,
    submittedAt,
    given: given ?? null,
    logicalAt: logicalAt ?? null,
    parent: parent === undefined ? null : { instance: parent.instance, task: parent.task, depth: parent.depth },
    dryRun: dryRun ?? false,
    priority: priority ?? null,
    timeoutAt: limitOf(plan, submittedAt),
  };
}

const limitOf = ({ definition: { timeoutMs } }: Plan, from: number) =>
  timeoutMs === undefined ? null : from + timeoutMs;

export function ownershipOf(context: Context, event: WorkflowInstanceEvent): Change {
  if (event.type !== 'OwnershipTaken') return {};
  const { epoch, master, incarnation, host, claimRevision } = event.data;
  return { ...counted(context), epoch, owner: { master, incarnation, host, claimRevision } };
}

/** What a person asked of the run, apart from what it means for tasks. */
export function requestOf(plan: Plan, context: Context, event: WorkflowInstanceEvent): Change {
  switch (event.type) {
    case 'WorkflowStopRequested':
      return { ...keyed(context, event.data), stop: askedOf(event.data) };
    case 'WorkflowPauseRequested':
      return { ...keyed(context, event.data), pause: askedOf(event.data) };
    case 'WorkflowResumed':
      return { ...keyed(context, event.data), pause: null };
    case 'WorkflowReopened': {
      const timeoutAt = limitOf(plan, event.data.reopenedAt);
      const anew = { finishedAt: null, stop: null, pause: null, timedOut: null, timeoutAt };
      return { ...keyed(context, event.data), ...anew, round: context.round + 1 };
    }
    case 'StateCleared':
    case 'WorkflowMoved':
      return keyed(context, event.data);
    case 'PriorityChanged': {
      const { task, priority } = event.data;
      return { ...keyed(context, event.data), ...(task === undefined ? { priority } : {}) };
    }
    case 'IsolationAdded': {
      const entry = { task: event.data.task, ...askedOf(event.data) };
      return { ...keyed(context, event.data), isolated: [...context.isolated, entry] };
    }
    case 'IsolationRemoved': {
      const isolated = context.isolated.filter(({ task }) => task !== event.data.task);
      return { ...keyed(context, event.data), isolated };
    }
    case 'SignalReceived': {
      const { name, payload } = event.data;
      const waiting = [...(context.signals[name] ?? []), payload];
      return { ...keyed(context, event.data), signals: { ...context.signals, [name]: waiting } };
    }
    default:
      return {};
  }
}

/** The key under which a person asked something of one task. */
export function taskRequestOf(context: Context, event: WorkflowInstanceEvent): Change {
  const key = keyOf(event);
  return key === undefined ? {} : { commandKeys: [...context.commandKeys, key].slice(-commandKeysKept) };
}

function keyOf(event: WorkflowInstanceEvent): string | undefined {
  switch (event.type) {
    case 'TaskSkipped':
    case 'TaskForced':
    case 'TaskStopRequested':
      return event.data.key;
    case 'TaskConcluded':
      return event.data.decidedBy?.key;
    default:
      return undefined;
  }
}

/** A task that awaited a signal takes the oldest one of its name. */
export function takenSignal(context: Context, name: string): Pick<Context, 'signals'> {
  const [, ...rest] = context.signals[name] ?? [];
  const { [name]: _, ...others } = context.signals;
  const signals: Record<string, readonly JsonValue[]> = rest.length === 0 ? others : { ...others, [name]: rest };
  return { signals };
}

export function timeoutOf(context: Context, event: WorkflowInstanceEvent): Change {
  return event.type === 'WorkflowTimedOut' ? { ...counted(context), timedOut: event.data.action } : {};
}

export function endOf(context: Context, event: WorkflowInstanceEvent): Change {
  const isEnd =
    event.type === 'WorkflowSucceeded' || event.type === 'WorkflowFailed' || event.type === 'WorkflowStopped';
  return isEnd ? { ...counted(context), finishedAt: event.data.finishedAt } : {};
}
