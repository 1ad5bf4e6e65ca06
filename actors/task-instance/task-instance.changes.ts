/**
 * What each event leaves in the state of a task.
 *
 * T5 What is kept of an event has the schema's fields in the schema's order, whatever object it came in (I5).
 */
import type { Awaited, Fault, HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import { entries } from '../kit/persistent-vector.ts';
import { isFinalRefusal } from './final-refusals.ts';
import { type KnownApplication, type TaskContext, type TaskMachineEvent, waitingTask } from './task-instance.state.ts';

type Change = Partial<TaskContext>;

export const noAttempt = {
  current: null,
  timeoutAt: null,
  queue: null,
  held: null,
  absence: null,
  awaiting: null,
  cancelReason: null,
  tended: undefined,
} as const;

const faultOf = ({ code, message }: Fault): Fault => ({ code, message });

export function holdOf({ code, message, group }: HoldReason): HoldReason {
  return { code, message, group };
}

export function assignmentOf(event: TaskMachineEvent): Change {
  if (event.type !== 'TaskAssigned') return {};
  const { attemptId, worker, workerIncarnation, attempt, cacheKey } = event.data;
  const place = { attemptId, worker, workerIncarnation };
  return {
    ...noAttempt,
    current: place,
    last: place,
    attempt,
    cacheKey: cacheKey ?? null,
    startedAt: null,
    finishedAt: null,
    dueAt: null,
  };
}

/** Of one task; of more the oldest are forgotten. */
const applicationsKeptMax = 1_000;

export function isNewApplication({ applications }: TaskContext, event: TaskMachineEvent): boolean {
  if (event.type !== 'ApplicationFound') return false;
  const { attemptId, id } = event.data;
  return !applications.some((known) => known.id === id && known.attemptId === attemptId);
}

export function applicationsOf({ applications }: TaskContext, event: TaskMachineEvent): Change {
  if (event.type !== 'ApplicationFound') return {};
  const { attemptId, kind, id, cluster, user, trackingUrl } = event.data;
  const found: KnownApplication = {
    attemptId,
    kind,
    id,
    cluster,
    ...(user === undefined ? {} : { user }),
    ...(trackingUrl === undefined ? {} : { trackingUrl }),
  };
  return { applications: [...applications, found].slice(-applicationsKeptMax) };
}

export function absenceOf(event: TaskMachineEvent): Change {
  if (event.type !== 'TaskWorkerAbsent') return {};
  const { since, dueAt, reason } = event.data;
  return { absence: { since, dueAt: dueAt ?? null, reason: faultOf(reason) }, tended: undefined };
}

export function awaitingOf(event: TaskMachineEvent): Change {
  if (event.type !== 'TaskAwaits') return {};
  const { attemptId, attempt, since, dueAt, awaits } = event.data;
  const awaiting = { attemptId, since, dueAt: dueAt ?? null, awaits: awaitedOf(awaits) };
  const begun = { ...noAttempt, awaiting, attempt, startedAt: since, finishedAt: null, dueAt: null };
  return awaits.kind === 'workflow' ? { ...begun, child: awaits.child } : begun;
}

function awaitedOf(awaits: Awaited): Awaited {
  switch (awaits.kind) {
    case 'signal':
      return { kind: 'signal', name: awaits.name };
    case 'approval':
      return { kind: 'approval', ...(awaits.question === undefined ? {} : { question: awaits.question }) };
    case 'workflow': {
      const { child, workflow, version } = awaits;
      return { kind: 'workflow', child, workflow, ...(version === undefined ? {} : { version }) };
    }
    case 'dependent':
      return { kind: 'dependent' };
  }
}

export function outcomeOf(context: TaskContext, event: TaskMachineEvent): Change {
  switch (event.type) {
    case 'TaskSucceeded': {
      const { startedAt, finishedAt, outputs } = event.data;
      return { startedAt, finishedAt, outputs, fault: null };
    }
    case 'TaskFailed': {
      const { finishedAt, fault, retry } = event.data;
      const startedAt = event.data.startedAt ?? context.startedAt;
      const failures = context.failures + 1;
      return { startedAt, finishedAt, fault: faultOf(fault), failures, refusals: 0, dueAt: retry?.dueAt ?? null };
    }
    case 'TaskConcluded': {
      const { finishedAt, outputs, fault, retry, result } = event.data;
      if (result === 'succeeded') return { finishedAt, outputs: outputs ?? {}, fault: null };
      const failures = context.failures + (result === 'failed' ? 1 : 0);
      return { finishedAt, fault: fault === undefined ? null : faultOf(fault), failures, dueAt: retry?.dueAt ?? null };
    }
    case 'TaskLost': {
      const { lostAt, reason, decidedBy } = event.data;
      const lost = { finishedAt: lostAt, fault: faultOf(reason), refusals: 0 };
      // A person who lets the task run again lets its losses be counted anew.
      if (decidedBy !== undefined) return { ...lost, losses: 0, resolvedBy: decidedBy.key };
      return { ...lost, losses: context.losses + 1 };
    }
    case 'TaskRejected':
      return isFinalRefusal(event.data.reason) ? { refusals: context.refusals + 1 } : {};
    case 'TaskStopped':
      return { finishedAt: event.data.finishedAt };
    default:
      return {};
  }
}

/** How a task ends, or waits, that no attempt was made of. */
export function endWithoutAttemptOf(event: TaskMachineEvent): Change {
  switch (event.type) {
    case 'TaskBranchChosen': {
      const { decidedAt, choice, next } = event.data;
      const branch = { choice, next: [...next] };
      return { ...noAttempt, startedAt: decidedAt, finishedAt: decidedAt, outputs: {}, fault: null, branch };
    }
    case 'TaskDryRun':
      return { ...noAttempt, finishedAt: event.data.finishedAt, outputs: {}, fault: null };
    case 'TaskCacheHit': {
      const { takenAt, source, outputs } = event.data;
      const { instance, task, attemptId, finishedAt } = source;
      const cached = { instance, task, attemptId, finishedAt };
      return { ...noAttempt, startedAt: null, finishedAt: takenAt, outputs, fault: null, cached };
    }
    case 'TaskUnstartable':
      return { ...noAttempt, finishedAt: event.data.failedAt, fault: faultOf(event.data.fault) };
    case 'TaskQueueTimedOut':
      return { ...noAttempt, finishedAt: event.data.timedOutAt, fault: faultOf(event.data.fault) };
    case 'TaskForced': {
      const { key, by, reason, forcedAt, outputs } = event.data;
      const forcedBy = { key, by, reason: reason ?? null };
      return { ...noAttempt, finishedAt: forcedAt, outputs, fault: null, skip: null, forcedBy };
    }
    case 'TaskSkipped': {
      const { key, by, reason } = event.data;
      return { ...noAttempt, dueAt: null, skip: { why: 'person', key, by, reason: reason ?? null } };
    }
    default:
      return {};
  }
}

export function queueOf({ queue }: TaskContext, event: TaskMachineEvent): Change {
  if (event.type === 'TaskQueued') {
    const { since, dueAt } = event.data;
    return { queue: { since, dueAt, hasWarned: false } };
  }
  return queue === null ? {} : { queue: { ...queue, hasWarned: true } };
}

export function stopOf(event: TaskMachineEvent): Change {
  if (event.type !== 'TaskStopRequested') return { cancelReason: 'stop' };
  const { key, by, reason } = event.data;
  return { cancelReason: 'stop', stop: { key, by, reason: reason ?? null } };
}

/** As if it had never run; what it was and who asked for what stays countable. */
export function clearedOf(context: TaskContext, event: TaskMachineEvent): Change {
  if (event.type !== 'Cleared') return {};
  const { task, attempt, last, applications, round, isolations, priority, passOver, expansion } = context;
  return {
    ...waitingTask(task, event.needCount).context,
    expansion: event.keepsItems === true ? expansion : null,
    passOver: event.isChosen && passOver === 'notSelected' ? null : passOver,
    round: event.isChosen ? lastRoundOf(context) + 1 : round,
    attempt,
    last,
    applications,
    isolations,
    priority,
  };
}

/** The highest round of a map and its items. */
function lastRoundOf({ round, expansion }: TaskContext): number {
  let last = round;
  if (expansion !== null) for (const [, { context }] of entries(expansion.items)) last = Math.max(last, context.round);
  return last;
}
