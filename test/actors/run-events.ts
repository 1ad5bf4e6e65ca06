/** Events and commands of a run with everything that a test does not look at filled in. Times count from 1,000,000. */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type {
  ClusterTold,
  LossDecision,
  WorkflowInstanceCommand,
} from '../../schemas/commands/workflow-instance.commands.ts';
import type {
  HoldReason,
  PlacementReason,
  WorkflowInstanceEvent,
  WorkflowInstanceEventOf,
  WorkflowInstanceEventType,
} from '../../schemas/events/workflow-instance.events.ts';
import type {
  AttemptId,
  CacheKey,
  Digest,
  Incarnation,
  InstanceId,
  MasterId,
  SubmissionKey,
  TaskName,
  WorkerGroup,
  WorkerId,
  WorkflowName,
} from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';

export const now = 1_000_000;
export const lossesMax = 2;

const uuid = (block: string, count: number) =>
  `${block.padEnd(8, '0')}-0000-4000-8000-${String(count).padStart(12, '0')}`;

export const instance = uuid('1', 1) as InstanceId;
export const worker = 'worker-1' as WorkerId;
export const workerIncarnation = uuid('2', 1) as Incarnation;
const incarnationOf = (count: number) => uuid('3', count) as Incarnation;
export const attemptIdOf = (count: number) => uuid('a', count) as AttemptId;
export const nameOf = (task: string) => task as TaskName;

export const fault = { code: 'TASK_EXIT_NONZERO', message: 'exit code 1' };
export const lossReason = { code: 'WORKER_UNREACHABLE', message: 'worker-1 does not answer' };
const why: PlacementReason = {
  balancer: 'leastBusyOfTwo',
  candidates: [{ worker, freeSlots: 4, load: 0.25 }],
  candidateCount: 1,
};
export const holdReason: HoldReason = {
  code: 'NO_FREE_SLOT',
  message: 'all slots are taken',
  group: 'default' as WorkerGroup,
};
export const definitionReference = { name: 'tested' as WorkflowName, version: 1, digest: '0'.repeat(64) as Digest };
const owner = { master: 'master-1' as MasterId, incarnation: incarnationOf(1), host: 'host-1' };

export const submitted: WorkflowInstanceEvent = {
  type: 'WorkflowSubmitted',
  data: { definition: definitionReference, key: 'key-1' as SubmissionKey, params: {}, submittedAt: now },
};

export function ownershipTaken(epoch: number): WorkflowInstanceEventOf<'OwnershipTaken'> {
  const reason = epoch === 1 ? 'created' : 'masterLost';
  return { type: 'OwnershipTaken', data: { epoch, ...owner, claimRevision: epoch, reason } };
}

export const cacheKey = 'c'.repeat(64) as CacheKey;
const asked = { key: 'asked-1', by: 'ann' };
const noEnds = { succeeded: 0, failed: 0, stopped: 0, skipped: 0 };

type TaskEventType = Extract<WorkflowInstanceEventType, `Task${string}`>;

/** An event of a task with every required field; `attempt` is the number in the attempt's id. */
export function taskEvent(type: TaskEventType, name: string, attempt = 1, more: object = {}): WorkflowInstanceEvent {
  const task = nameOf(name);
  const data = { task, attemptId: attemptIdOf(attempt) };
  const fields: Record<TaskEventType, object> = {
    TaskHeld: { task, reason: holdReason },
    TaskAssigned: { ...data, attempt, worker, workerIncarnation, why },
    TaskRejected: { ...data, reason: lossReason },
    TaskAccepted: data,
    TaskStarted: { ...data, startedAt: now },
    TaskSucceeded: { ...data, startedAt: now, finishedAt: now, outputs: {} },
    TaskFailed: { ...data, finishedAt: now, fault },
    TaskTimedOut: { ...data, timedOutAt: now },
    TaskLost: { ...data, lostAt: now, reason: lossReason, givenUp: false },
    TaskWorkerAbsent: { ...data, since: now, reason: lossReason },
    TaskOrphaned: { ...data, since: now, why: 'lost', policy: 'adopt', clusters: ['hadoop'], reason: lossReason },
    TaskWorkerReturned: { ...data, returnedAt: now },
    TaskRetryDue: { task },
    TaskStopped: { ...data, finishedAt: now },
    TaskDelayed: { task, dueAt: now + 100 },
    TaskDelayOver: { task },
    TaskQueued: { task, since: now, dueAt: now + 100 },
    TaskQueueTimedOut: { task, timedOutAt: now, action: 'fail', fault },
    TaskTimeoutWarned: { ...data, warnedAt: now },
    TaskBranchChosen: { task, decidedAt: now, choice: 'otherwise', next: [] },
    TaskUnstartable: { task, failedAt: now, fault },
    TaskAwaits: { ...data, attempt, since: now, awaits: { kind: 'approval' } },
    TaskConcluded: { ...data, finishedAt: now, result: 'succeeded', outputs: {} },
    TaskExpanded: { ...data, attempt, expandedAt: now, itemCount: 2, over: [{ name: 'x', values: [1, 2] }] },
    TaskCollected: { ...data, finishedAt: now, result: 'succeeded', counts: noEnds },
    TaskDryRun: { task, finishedAt: now },
    TaskCacheHit: {
      task,
      takenAt: now,
      cacheKey,
      source: { instance, task, attemptId: attemptIdOf(99), finishedAt: now },
      outputs: {},
    },
    TaskStopRequested: { task, ...asked },
    TaskSkipped: { task, ...asked },
    TaskForced: { task, ...asked, forcedAt: now, outputs: {} },
  };
  return { type, data: { ...fields[type], ...more } } as WorkflowInstanceEvent;
}

export const yarnApplication = { kind: 'yarn', id: 'application_1700000000000_0001', cluster: 'hadoop' } as const;

export function applicationFound(
  task: string,
  attempt = 1,
  more: object = {},
): WorkflowInstanceEventOf<'ApplicationFound'> {
  const data = { task: nameOf(task), attemptId: attemptIdOf(attempt), ...yarnApplication, ...more };
  return { type: 'ApplicationFound', data };
}

const sightings = {
  ApplicationSeen: { state: 'running', seenAt: now },
  ApplicationEnded: { state: 'succeeded', seenAt: now },
  ApplicationAdopted: { adoptedAt: now, dueAt: now + 1_000 },
  ApplicationKillRequested: { requestedAt: now, why: 'stop', dueAt: now + 1_000 },
  ApplicationGivenUp: { givenUpAt: now, state: 'away', reason: lossReason },
} as const;

/** What the owner of the run has seen or asked at the cluster. */
export function applicationEvent(
  type: keyof typeof sightings,
  task: string,
  attempt = 1,
  more: object = {},
): WorkflowInstanceEvent {
  const { id, cluster } = yarnApplication;
  const data = { task: nameOf(task), attemptId: attemptIdOf(attempt), cluster, id, ...sightings[type], ...more };
  return { type, data } as WorkflowInstanceEvent;
}

/** Every cluster of the attempt has answered. */
export function tell(task: string, attempt: number, ...answers: ClusterTold[]): WorkflowInstanceCommand {
  const told = { now, random: 0.5, lossesMax, task: nameOf(task), attemptId: attemptIdOf(attempt) };
  return { type: 'TellApplications', ...told, answers };
}

/** The cluster knows the application, in this state. */
export function yarnTold(state: Application['state'], more: Partial<Application> = {}): ClusterTold {
  const { kind, cluster, id } = yarnApplication;
  const hasEnded = state === 'succeeded' || state === 'failed' || state === 'killed';
  return { kind, cluster, applications: [{ id, state, hasEnded, tags: [], ...more }] };
}

export const yarnAway: ClusterTold = {
  cluster: yarnApplication.cluster,
  fault: { code: 'CLUSTER_UNREACHABLE', message: 'no address answers' },
};

export const willRetry = { retry: { delayMs: 1_000, dueAt: now + 1_000 } };

export function runEvent(type: Exclude<WorkflowInstanceEventType, TaskEventType>): WorkflowInstanceEvent {
  switch (type) {
    case 'WorkflowSubmitted':
      return submitted;
    case 'OwnershipTaken':
      return ownershipTaken(1);
    case 'WorkflowStopRequested':
      return { type, data: { key: 'stop-1', by: 'ann' } };
    case 'StateCleared':
      return { type, data: { scope: 'failed', ...asked } };
    case 'IsolationAdded':
    case 'IsolationRemoved':
      return { type, data: { task: nameOf('a'), ...asked } };
    case 'PriorityChanged':
      return { type, data: { priority: 'high', ...asked } };
    case 'SignalReceived':
      return { type, data: { name: 'go', payload: 1, ...asked } };
    case 'WorkflowMoved': {
      const to = { ...definitionReference, version: 2, digest: '1'.repeat(64) as Digest };
      const definition = workflowOf([taskOf('a'), taskOf('added')]);
      return { type, data: { ...asked, movedAt: now, from: definitionReference, to, definition } };
    }
    case 'ApplicationFound':
      return applicationFound('a', 1);
    case 'ApplicationSeen':
    case 'ApplicationEnded':
    case 'ApplicationAdopted':
    case 'ApplicationKillRequested':
    case 'ApplicationGivenUp':
      return applicationEvent(type, 'a');
    case 'ResultKept': {
      const result = { attemptId: attemptIdOf(1), finishedAt: now, outputs: {} };
      return { type, data: { task: nameOf('a'), cacheKey, expiresAt: now + 1_000, result } };
    }
    case 'WorkflowAdmitted':
      return { type, data: { admittedAt: now } };
    case 'WorkflowPauseRequested':
    case 'WorkflowResumed':
      return { type, data: asked };
    case 'WorkflowPaused':
      return { type, data: { pausedAt: now } };
    case 'WorkflowReopened':
      return { type, data: { ...asked, reopenedAt: now } };
    case 'WorkflowTimedOut':
      return { type, data: { timedOutAt: now, action: 'fail' } };
    case 'WorkflowSucceeded':
      return { type, data: { finishedAt: now } };
    case 'WorkflowFailed':
      return { type, data: { finishedAt: now, failedTasks: [], failedCount: 0 } };
    case 'WorkflowStopped':
      return { type, data: { finishedAt: now, by: 'ann' } };
  }
}

export const submit: Extract<WorkflowInstanceCommand, { type: 'SubmitWorkflow' }> = {
  type: 'SubmitWorkflow',
  now,
  definition: definitionReference,
  key: 'key-1' as SubmissionKey,
  params: {},
};
/** As a master submits: it owns the run from the second event on. */
export const submitOwned: WorkflowInstanceCommand = { ...submit, owner: { ...owner, claimRevision: 1 } };
export const requestStop: WorkflowInstanceCommand = { type: 'RequestStop', now, key: 'stop-1', by: 'ann' };
export const conclude: WorkflowInstanceCommand = { type: 'ConcludeWorkflow', now };

export function takeOwnership(life: number): WorkflowInstanceCommand {
  const reason = life === 1 ? 'created' : 'masterLost';
  return { type: 'TakeOwnership', now, ...owner, incarnation: incarnationOf(life), claimRevision: life, reason };
}

export function assign(task: string, attempt = 1): WorkflowInstanceCommand {
  const attemptId = attemptIdOf(attempt);
  return { type: 'AssignTask', now, task: nameOf(task), attemptId, worker, workerIncarnation, why };
}

export function hold(task: string): WorkflowInstanceCommand {
  return { type: 'HoldTask', now, task: nameOf(task), reason: holdReason };
}

export function reject(task: string, attempt = 1): WorkflowInstanceCommand {
  return { type: 'RejectAttempt', now, task: nameOf(task), attemptId: attemptIdOf(attempt), reason: lossReason };
}

export function findApplication(task: string, attempt = 1): WorkflowInstanceCommand {
  const attemptId = attemptIdOf(attempt);
  return { type: 'RecordApplications', now, task: nameOf(task), attemptId, applications: [yarnApplication] };
}

/** @param mayReturn false when the worker has answered that it does not know the attempt */
export function lose(task: string, attempt = 1, mayReturn = true): WorkflowInstanceCommand {
  const attemptId = attemptIdOf(attempt);
  return { type: 'LoseAttempt', now, task: nameOf(task), attemptId, reason: lossReason, lossesMax, mayReturn };
}

export function returnAttempt(task: string, attempt = 1): WorkflowInstanceCommand {
  return { type: 'ReturnAttempt', now, task: nameOf(task), attemptId: attemptIdOf(attempt) };
}

export function resolveLost(task: string, decision: LossDecision, key = 'resolve-1'): WorkflowInstanceCommand {
  return { type: 'ResolveLost', now, task: nameOf(task), decision, key, by: 'ann' };
}

export function fireTimer(task: string, timerId: string): WorkflowInstanceCommand {
  return { type: 'FireTimer', now, random: 0.5, task: nameOf(task), timerId, lossesMax };
}

export type ReportKind = AttemptReport['kind'];
export const reportKinds = ['accepted', 'started', 'succeeded', 'failed', 'cancelled', 'lost'] as const;

export function report(kind: ReportKind, task: string, attempt = 1): WorkflowInstanceCommand {
  const fields: Record<ReportKind, object> = {
    accepted: {},
    started: { startedAt: now },
    succeeded: { startedAt: now, finishedAt: now, outputs: {} },
    failed: { startedAt: now, finishedAt: now, fault, exitCode: 1 },
    cancelled: { startedAt: now, finishedAt: now },
    lost: { finishedAt: now, fault: lossReason },
  };
  const reported = { kind, instance, task: nameOf(task), attemptId: attemptIdOf(attempt), sequence: 1 };
  return {
    type: 'RecordReport',
    now,
    random: 0.5,
    lossesMax,
    report: { ...reported, ...fields[kind] } as AttemptReport,
  };
}
