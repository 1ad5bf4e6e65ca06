/** What the events of a run add up to, for a person who watches. Cost per event does not grow with the run. */
import type { WorkflowInstanceEventType } from '../../../schemas/events/workflow-instance.events.ts';
import type { EventView, RunStatus } from '../../../schemas/messages/client.messages.ts';
import { type DataOf, knownEvent } from './describe-event.ts';

export type TaskPhase =
  | 'waiting'
  | 'held'
  | 'assigned'
  | 'running'
  | 'absent'
  | 'retrying'
  | 'succeeded'
  | 'failed'
  | 'stopped'
  | 'skipped';

export type WatchedTask = {
  name: string;
  phase: TaskPhase;
  worker: string | undefined;
  /** When the current attempt was assigned, or started once that is known. */
  since: number | undefined;
  note: string | undefined;
};

export type RunProgress = {
  status: RunStatus;
  submittedAt: number | undefined;
  finishedAt: number | undefined;
  owner: string | undefined;
  tasks: Map<string, WatchedTask>;
  counts: Record<TaskPhase, number>;
  /** Items of each map that has begun. */
  itemCounts: Map<string, number>;
  /** Names of the tasks that are assigned or running, oldest first. */
  active: Set<string>;
  /** Why the first failed task failed. */
  firstFailure: string | undefined;
};

export function createRunProgress(): RunProgress {
  return {
    status: 'running',
    submittedAt: undefined,
    finishedAt: undefined,
    owner: undefined,
    tasks: new Map(),
    counts: {
      waiting: 0,
      held: 0,
      assigned: 0,
      running: 0,
      absent: 0,
      retrying: 0,
      succeeded: 0,
      failed: 0,
      stopped: 0,
      skipped: 0,
    },
    itemCounts: new Map(),
    active: new Set(),
    firstFailure: undefined,
  };
}

type Change<T extends WorkflowInstanceEventType> = (
  progress: RunProgress,
  data: DataOf<T>,
  decidedAt: number | undefined,
) => void;

const changes: { [T in WorkflowInstanceEventType]: Change<T> } = {
  WorkflowSubmitted: (progress, { submittedAt }) => {
    progress.submittedAt = submittedAt;
  },
  OwnershipTaken: (progress, { master }) => {
    progress.owner = master;
  },
  TaskHeld: (progress, { task, reason }) => moveTask(progress, task, { phase: 'held', note: reason.message }),
  TaskAssigned: (progress, { task, worker }, since) =>
    moveTask(progress, task, { phase: 'assigned', worker, since, note: undefined }),
  TaskRejected: (progress, { task, reason }) => moveTask(progress, task, { phase: 'waiting', note: reason.message }),
  TaskAccepted: () => undefined,
  TaskStarted: (progress, { task, startedAt }) => moveTask(progress, task, { phase: 'running', since: startedAt }),
  ApplicationFound: (progress, { task, id, cluster }) => noteTask(progress, task, `${id} on ${cluster}`),
  TaskOrphaned: (progress, { task, reason }) => moveTask(progress, task, { phase: 'absent', note: reason.message }),
  ApplicationSeen: (progress, { task, id, cluster, state }) =>
    noteTask(progress, task, `${id ?? 'what it has started'} on ${cluster}: ${state}`),
  ApplicationEnded: (progress, { task, id, cluster, state }) =>
    noteTask(progress, task, `${id} on ${cluster}: ${state}`),
  ApplicationAdopted: (progress, { task, id, cluster }) => noteTask(progress, task, `follows ${id} on ${cluster}`),
  ApplicationKillRequested: (progress, { task, id, cluster }) => noteTask(progress, task, `ends ${id} on ${cluster}`),
  ApplicationGivenUp: (progress, { task, reason }) => noteTask(progress, task, reason.message),
  TaskSucceeded: (progress, { task }) => moveTask(progress, task, { phase: 'succeeded' }),
  TaskFailed: (progress, { task, fault, retry }) => {
    if (retry === undefined) progress.firstFailure ??= `${task}: ${fault.message} (${fault.code})`;
    moveTask(progress, task, { phase: retry === undefined ? 'failed' : 'retrying', note: fault.message });
  },
  TaskTimedOut: (progress, { task }) => moveTask(progress, task, { phase: 'running', note: 'timed out' }),
  TaskLost: (progress, { task, reason, givenUp }) => {
    if (givenUp) progress.firstFailure ??= `${task}: lost and given up: ${reason.message} (${reason.code})`;
    moveTask(progress, task, { phase: givenUp ? 'failed' : 'waiting', note: reason.message });
  },
  TaskWorkerAbsent: (progress, { task, reason }) => moveTask(progress, task, { phase: 'absent', note: reason.message }),
  TaskWorkerReturned: (progress, { task }) => moveTask(progress, task, { phase: 'running', note: undefined }),
  TaskRetryDue: (progress, { task }) => moveTask(progress, task, { phase: 'waiting' }),
  TaskStopped: (progress, { task }) => moveTask(progress, task, { phase: 'stopped' }),
  TaskDelayed: (progress, { task }) => moveTask(progress, task, { phase: 'waiting', note: 'delayed' }),
  TaskDelayOver: (progress, { task }) => moveTask(progress, task, { phase: 'waiting', note: undefined }),
  TaskQueued: () => undefined,
  TaskQueueTimedOut: (progress, { task, fault, action }) => {
    if (action === 'fail') failTask(progress, task, fault);
  },
  TaskTimeoutWarned: (progress, { task }) => moveTask(progress, task, { phase: 'running', note: 'takes too long' }),
  TaskBranchChosen: (progress, { task }) => moveTask(progress, task, { phase: 'succeeded' }),
  TaskUnstartable: (progress, { task, fault }) => failTask(progress, task, fault),
  TaskAwaits: (progress, { task, awaits, since }) =>
    moveTask(progress, task, { phase: 'running', worker: undefined, since, note: `waits: ${awaits.kind}` }),
  TaskConcluded: (progress, { task, result, fault, retry }) => {
    if (result === 'succeeded') moveTask(progress, task, { phase: 'succeeded' });
    else if (result === 'stopped') moveTask(progress, task, { phase: 'stopped' });
    else if (retry === undefined) failTask(progress, task, fault);
    else moveTask(progress, task, { phase: 'retrying', note: fault?.message });
  },
  TaskExpanded: (progress, { task, itemCount, expandedAt }) => {
    progress.itemCounts.set(task, itemCount);
    moveTask(progress, task, { phase: 'running', worker: undefined, since: expandedAt, note: `${itemCount} items` });
  },
  TaskCollected: (progress, { task, result, fault }) => {
    if (result === 'failed') failTask(progress, task, fault);
    else moveTask(progress, task, { phase: result });
  },
  TaskDryRun: (progress, { task }) => moveTask(progress, task, { phase: 'succeeded' }),
  TaskCacheHit: (progress, { task }) => moveTask(progress, task, { phase: 'succeeded' }),
  ResultKept: () => undefined,
  TaskStopRequested: () => undefined,
  TaskSkipped: (progress, { task }) => moveTask(progress, task, { phase: 'skipped' }),
  TaskForced: (progress, { task }) => moveTask(progress, task, { phase: 'succeeded' }),
  StateCleared: () => undefined,
  IsolationAdded: () => undefined,
  IsolationRemoved: () => undefined,
  PriorityChanged: () => undefined,
  SignalReceived: () => undefined,
  WorkflowMoved: () => undefined,
  WorkflowAdmitted: (progress) => {
    progress.status = 'running';
  },
  WorkflowPauseRequested: (progress) => {
    progress.status = 'pausing';
  },
  WorkflowPaused: (progress) => {
    progress.status = 'paused';
  },
  WorkflowResumed: (progress) => {
    progress.status = 'running';
  },
  WorkflowReopened: (progress) => {
    progress.status = 'running';
    progress.finishedAt = undefined;
    progress.firstFailure = undefined;
  },
  WorkflowTimedOut: (progress, { action }) => {
    if (action === 'fail') progress.status = 'stopping';
  },
  WorkflowStopRequested: (progress) => {
    progress.status = 'stopping';
  },
  WorkflowSucceeded: (progress, { finishedAt }) => endRun(progress, 'succeeded', finishedAt),
  WorkflowFailed: (progress, { finishedAt }) => endRun(progress, 'failed', finishedAt),
  WorkflowStopped: (progress, { finishedAt }) => endRun(progress, 'stopped', finishedAt),
};

/** Changes the progress in place. Events of later versions change nothing. */
export function applyEvent(progress: RunProgress, event: EventView): void {
  const known = knownEvent(event);
  if (known === undefined) return;
  const { decidedAt } = event.metadata;
  applyKnown(progress, known, typeof decidedAt === 'number' ? decidedAt : undefined);
}

function applyKnown<T extends WorkflowInstanceEventType>(
  progress: RunProgress,
  event: { type: T; data: DataOf<T> },
  decidedAt: number | undefined,
): void {
  changes[event.type](progress, event.data, decidedAt);
}

function endRun(progress: RunProgress, status: RunStatus, finishedAt: number): void {
  progress.status = status;
  progress.finishedAt = finishedAt;
}

function failTask(progress: RunProgress, task: string, fault: { code: string; message: string } | undefined): void {
  const why = fault === undefined ? 'failed' : `${fault.message} (${fault.code})`;
  progress.firstFailure ??= `${task}: ${why}`;
  moveTask(progress, task, { phase: 'failed', note: fault?.message });
}

/** Of a task that goes on. */
function noteTask(progress: RunProgress, name: string, note: string): void {
  const task = progress.tasks.get(name);
  if (task !== undefined && progress.active.has(name)) progress.tasks.set(name, { ...task, note });
}

function moveTask(progress: RunProgress, name: string, change: Partial<WatchedTask> & { phase: TaskPhase }): void {
  const before = progress.tasks.get(name);
  if (before !== undefined) progress.counts[before.phase] -= 1;
  progress.counts[change.phase] += 1;
  const task = { ...(before ?? { name, worker: undefined, since: undefined, note: undefined }), ...change };
  progress.tasks.set(name, task);
  if (change.phase === 'assigned' || change.phase === 'running') progress.active.add(name);
  else progress.active.delete(name);
}
