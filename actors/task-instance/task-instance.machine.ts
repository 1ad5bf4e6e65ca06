/**
 * One task of a run: from waiting for what it needs to its end, through as many attempts as it takes.
 *
 * T1 (I4) Events of an attempt count only while it is the current one: a late report of an earlier attempt changes nothing.
 * T2 An attempt that was assigned ends by exactly one of succeeded, failed, stopped, lost or rejected, and then frees its slot.
 * T3 A task is assigned only when it is ready, and ready only when everything that it needs has succeeded.
 * T4 A task ends as stopped, and never tries again, only because it was asked to stop: a timeout ends as a failure.
 * T5 What is kept of an event has the schema's fields in the schema's order, whatever object it came in (I5).
 */
import { setup } from 'xstate';
import type { Fault, HoldReason, WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, Incarnation, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { effectOnly, update } from '../kit/machine-fold.ts';

export const taskStatuses = [
  'waiting',
  'ready',
  'assigned',
  'accepted',
  'running',
  'cancelling',
  'backingOff',
  'succeeded',
  'failed',
  'stopped',
  'blocked',
] as const;

export type TaskStatus = (typeof taskStatuses)[number];

/** Where an attempt is, or is to be. */
export type AttemptPlace = { attemptId: AttemptId; worker: WorkerId; workerIncarnation: Incarnation };

export const timerIds = {
  timeout: (attemptId: AttemptId) => `timeout.${attemptId}`,
  retry: (task: TaskName, failures: number) => `retry.${task}.${failures}`,
} as const;

type TaskContext = {
  task: TaskName;
  unmetNeeds: number;
  /** Attempts so far, lost ones included. */
  attempt: number;
  failures: number;
  losses: number;
  current: AttemptPlace | null;
  /** The newest attempt, also after it ended: where its log is. */
  last: AttemptPlace | null;
  startedAt: number | null;
  finishedAt: number | null;
  timeoutAt: number | null;
  /** When the next attempt follows, while backing off. */
  dueAt: number | null;
  held: HoldReason | null;
  fault: Fault | null;
  outputs: JsonRecord | null;
  cancelReason: 'stop' | 'timeout' | null;
};

export type TaskState = { status: TaskStatus; context: TaskContext };

type Journaled = Extract<WorkflowInstanceEvent, { type: `Task${string}` }>;

/** Journaled events of the task, and what follows for it from events of others. */
export type TaskMachineEvent = Journaled | { type: 'NeedMet' } | { type: 'NeedFailed' } | { type: 'StopAsked' };

export function waitingTask(task: TaskName, needCount: number): TaskState {
  return {
    status: 'waiting',
    context: {
      task,
      unmetNeeds: needCount,
      attempt: 0,
      failures: 0,
      losses: 0,
      current: null,
      last: null,
      startedAt: null,
      finishedAt: null,
      timeoutAt: null,
      dueAt: null,
      held: null,
      fault: null,
      outputs: null,
      cancelReason: null,
    },
  };
}

const noAttempt = { current: null, timeoutAt: null, held: null, cancelReason: null } as const;

type ContextScope = { context: TaskContext };
type Scope = ContextScope & { event: TaskMachineEvent };

const change = update<TaskContext, TaskMachineEvent>;

const taskSetup = setup({
  types: {} as { context: TaskContext; events: TaskMachineEvent; input: TaskContext },
  guards: {
    isLastNeed: ({ context }) => context.unmetNeeds <= 1,
    isCurrentAttempt,
    isTimedStart: (scope) =>
      isCurrentAttempt(scope) && scope.event.type === 'TaskStarted' && scope.event.data.timeoutAt !== undefined,
    isRetriedFailure: (scope) => isCurrentFailure(scope, 'retried') && scope.context.cancelReason !== 'stop',
    isFinalFailure: (scope) => isCurrentFailure(scope, 'final'),
    isGivenUpLoss: (scope) => isCurrentAttempt(scope) && scope.event.type === 'TaskLost' && scope.event.data.givenUp,
    isCurrentWhileStopping: (scope) => isCurrentAttempt(scope) && scope.context.cancelReason === 'stop',
    isUnstartedWhileStopping: (scope) =>
      isCurrentAttempt(scope) && scope.context.cancelReason === 'stop' && scope.context.startedAt === null,
  },
  actions: {
    countNeed: change(({ context }) => ({ unmetNeeds: Math.max(0, context.unmetNeeds - 1) })),
    rememberHold: change(({ event }) => (event.type === 'TaskHeld' ? { held: holdOf(event.data.reason) } : {})),
    rememberAssignment: change(({ event }) => assignmentOf(event)),
    rememberStart: change(({ event }) =>
      event.type === 'TaskStarted' ? { startedAt: event.data.startedAt, timeoutAt: event.data.timeoutAt ?? null } : {},
    ),
    rememberStop: change(() => ({ cancelReason: 'stop' })),
    rememberTimeout: change(({ context }) => ({ cancelReason: context.cancelReason ?? 'timeout' })),
    endAttempt: change(({ context, event }) => ({ ...noAttempt, ...outcomeOf(context, event) })),
    forgetRetry: change(() => ({ dueAt: null })),
    placeTask: effectOnly,
    withdrawTask: effectOnly,
    offerAttempt: (_, _params: AttemptPlace) => effectOnly(),
    cancelAttempt: (_, _params: AttemptPlace & { reason: 'stop' | 'timeout' }) => effectOnly(),
    revokeAttempt: (_, _params: AttemptPlace) => effectOnly(),
    releaseSlot: (_, _params: AttemptPlace) => effectOnly(),
    armTimer: (_, _params: { timerId: string; dueAt: number }) => effectOnly(),
    disarmTimer: (_, _params: { timerId: string }) => effectOnly(),
  },
});

function isCurrentAttempt({ context, event }: Scope): boolean {
  return 'data' in event && 'attemptId' in event.data && event.data.attemptId === context.current?.attemptId;
}

function isCurrentFailure(scope: Scope, kind: 'retried' | 'final'): boolean {
  if (scope.event.type !== 'TaskFailed' || !isCurrentAttempt(scope)) return false;
  return (scope.event.data.retry === undefined) === (kind === 'final');
}

function placeOf({ context }: ContextScope): AttemptPlace {
  if (context.current === null) throw new Error(`the task ${context.task} has no attempt (T2)`);
  return context.current;
}

const timeoutTimer = (scope: ContextScope) => ({ timerId: timerIds.timeout(placeOf(scope).attemptId) });
const retryTimer = ({ context }: ContextScope) => ({ timerId: timerIds.retry(context.task, context.failures) });
const armTimeout = {
  type: 'armTimer',
  params: (scope: ContextScope) => ({ ...timeoutTimer(scope), dueAt: scope.context.timeoutAt ?? 0 }),
} as const;
const armRetry = {
  type: 'armTimer',
  params: (scope: ContextScope) => ({ ...retryTimer(scope), dueAt: scope.context.dueAt ?? 0 }),
} as const;

const faultOf = ({ code, message }: Fault): Fault => ({ code, message });
const holdOf = ({ code, message, group }: HoldReason): HoldReason => ({ code, message, group });

function assignmentOf(event: TaskMachineEvent): Partial<TaskContext> {
  if (event.type !== 'TaskAssigned') return {};
  const { attemptId, worker, workerIncarnation, attempt } = event.data;
  const place = { attemptId, worker, workerIncarnation };
  return {
    ...noAttempt,
    current: place,
    last: place,
    attempt,
    startedAt: null,
    finishedAt: null,
    dueAt: null,
  };
}

function outcomeOf(context: TaskContext, event: TaskMachineEvent): Partial<TaskContext> {
  if (event.type === 'TaskSucceeded') {
    const { startedAt, finishedAt, outputs } = event.data;
    return { startedAt, finishedAt, outputs, fault: null };
  }
  if (event.type === 'TaskFailed') {
    const { finishedAt, fault, retry } = event.data;
    const startedAt = event.data.startedAt ?? context.startedAt;
    const failures = context.failures + 1;
    return { startedAt, finishedAt, fault: faultOf(fault), failures, dueAt: retry?.dueAt ?? null };
  }
  if (event.type === 'TaskLost') {
    return { finishedAt: event.data.lostAt, fault: faultOf(event.data.reason), losses: context.losses + 1 };
  }
  return event.type === 'TaskStopped' ? { finishedAt: event.data.finishedAt } : {};
}

const release = { type: 'releaseSlot', params: placeOf } as const;
const revoke = { type: 'revokeAttempt', params: placeOf } as const;
const disarmTimeout = { type: 'disarmTimer', params: timeoutTimer } as const;
const end = [disarmTimeout, release, 'endAttempt'] as const;

const succeed = { guard: 'isCurrentAttempt', target: 'succeeded', actions: end } as const;
const stop = { guard: 'isCurrentWhileStopping', target: 'stopped', actions: end } as const;
const fail = [
  { guard: 'isRetriedFailure', target: 'backingOff', actions: [...end, armRetry] },
  { guard: 'isFinalFailure', target: 'failed', actions: end },
] as const;
const lose = [
  { guard: 'isGivenUpLoss', target: 'failed', actions: [revoke, ...end] },
  { guard: 'isCurrentWhileStopping', target: 'stopped', actions: [revoke, ...end] },
  { guard: 'isCurrentAttempt', target: 'ready', actions: [revoke, ...end] },
] as const;
const start = [
  { guard: 'isTimedStart', target: 'running', actions: ['rememberStart', armTimeout] },
  { guard: 'isCurrentAttempt', target: 'running', actions: 'rememberStart' },
] as const;
const beginStop = {
  target: 'cancelling',
  actions: ['rememberStop', { type: 'cancelAttempt', params: cancelOf }],
} as const;
const beginTimeout = {
  guard: 'isCurrentAttempt',
  target: 'cancelling',
  actions: ['rememberTimeout', { type: 'cancelAttempt', params: cancelOf }],
} as const;

function cancelOf(scope: ContextScope): AttemptPlace & { reason: 'stop' | 'timeout' } {
  return { ...placeOf(scope), reason: scope.context.cancelReason ?? 'stop' };
}

const attemptEnds = { TaskSucceeded: succeed, TaskFailed: fail, TaskLost: lose, StopAsked: beginStop } as const;

export const taskInstanceMachine = taskSetup.createMachine({
  id: 'taskInstance',
  context: ({ input }) => input,
  initial: 'waiting',
  states: {
    waiting: {
      on: {
        NeedMet: [{ guard: 'isLastNeed', target: 'ready', actions: 'countNeed' }, { actions: 'countNeed' }],
        NeedFailed: 'blocked',
        StopAsked: 'stopped',
      },
    },
    ready: {
      entry: 'placeTask',
      on: {
        TaskHeld: { actions: 'rememberHold' },
        TaskAssigned: {
          target: 'assigned',
          actions: ['rememberAssignment', { type: 'offerAttempt', params: placeOf }],
        },
        StopAsked: { target: 'stopped', actions: 'withdrawTask' },
      },
    },
    assigned: {
      on: {
        ...attemptEnds,
        TaskAccepted: { guard: 'isCurrentAttempt', target: 'accepted' },
        // Revoked also here: the offer may have arrived although its answer did not.
        TaskRejected: { guard: 'isCurrentAttempt', target: 'ready', actions: [revoke, ...end] },
        TaskStarted: start,
      },
    },
    accepted: { on: { ...attemptEnds, TaskStarted: start } },
    running: { on: { ...attemptEnds, TaskTimedOut: beginTimeout } },
    cancelling: {
      on: {
        TaskSucceeded: succeed,
        TaskFailed: fail,
        TaskLost: lose,
        TaskStopped: stop,
        TaskRejected: { ...stop, guard: 'isUnstartedWhileStopping' },
        StopAsked: { actions: 'rememberStop' },
      },
    },
    backingOff: {
      on: {
        TaskRetryDue: { target: 'ready', actions: 'forgetRetry' },
        StopAsked: { target: 'stopped', actions: [{ type: 'disarmTimer', params: retryTimer }, 'forgetRetry'] },
      },
    },
    succeeded: { type: 'final' },
    failed: { type: 'final' },
    stopped: { type: 'final' },
    blocked: { type: 'final' },
  },
});
