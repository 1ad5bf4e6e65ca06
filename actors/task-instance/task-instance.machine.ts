/**
 * One task of a run: from waiting for what it needs to its end, through as many attempts as it takes.
 *
 * T1 (I4) Events of an attempt count only while it is the current one: a late report of an earlier attempt changes nothing.
 * T2 An attempt that was assigned ends by exactly one of succeeded, failed, stopped, lost or rejected, and then frees its slot.
 * T3 A task is assigned only when it is ready, and ready only when everything that it needs has succeeded.
 * T4 A task ends as stopped, and never tries again, only because it was asked to stop: a timeout ends as a failure.
 * T5 What is kept of an event has the schema's fields in the schema's order, whatever object it came in (I5).
 * T6 A task whose worker is absent keeps its attempt: it goes on when the worker returns, and ends by a report or a loss.
 */
import { setup } from 'xstate';
import type { Fault, HoldReason, WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, Incarnation, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { effectOnly, update } from '../kit/machine-fold.ts';
import { isFinalRefusal } from './final-refusals.ts';

export const taskStatuses = [
  'waiting',
  'ready',
  'assigned',
  'accepted',
  'running',
  'absent',
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
  /** `since` tells one absence of the worker from the next. */
  workerReturn: (attemptId: AttemptId, since: number) => `return.${attemptId}.${since}`,
} as const;

/** Since when the worker of the current attempt is absent, and why; `dueAt` is null where a person is asked. */
type Absence = { since: number; dueAt: number | null; reason: Fault };

type TaskContext = {
  task: TaskName;
  unmetNeeds: number;
  /** Attempts so far, lost ones included. */
  attempt: number;
  failures: number;
  losses: number;
  /** Offers that a worker refused for a reason that will not pass. */
  refusals: number;
  current: AttemptPlace | null;
  /** The newest attempt, also after it ended: where its log is. */
  last: AttemptPlace | null;
  startedAt: number | null;
  finishedAt: number | null;
  timeoutAt: number | null;
  /** When the next attempt follows, while backing off. */
  dueAt: number | null;
  held: HoldReason | null;
  absence: Absence | null;
  /** Key of the last command by which a person decided on a loss. */
  resolvedBy: string | null;
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
      refusals: 0,
      current: null,
      last: null,
      startedAt: null,
      finishedAt: null,
      timeoutAt: null,
      dueAt: null,
      held: null,
      absence: null,
      resolvedBy: null,
      fault: null,
      outputs: null,
      cancelReason: null,
    },
  };
}

const noAttempt = { current: null, timeoutAt: null, held: null, absence: null, cancelReason: null } as const;

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
    isLimitedAbsence: (scope) => isAbsence(scope) && isLimited(scope),
    isAskedAbsence: (scope) => isAbsence(scope) && !isLimited(scope),
    isLimitedAbsenceAfterTimeout: (scope) =>
      isAbsence(scope) && isLimited(scope) && scope.context.cancelReason === 'timeout',
    isAskedAbsenceAfterTimeout: (scope) =>
      isAbsence(scope) && !isLimited(scope) && scope.context.cancelReason === 'timeout',
    isTimedStartAtLast: (scope) =>
      isFirstStart(scope) && scope.event.type === 'TaskStarted' && scope.event.data.timeoutAt !== undefined,
    isFirstStart,
    isReturnAfterTimeout: (scope) => isCurrentAttempt(scope) && scope.context.cancelReason === 'timeout',
    isReturnToTimedRun: (scope) => isCurrentAttempt(scope) && scope.context.timeoutAt !== null,
    isReturnToRun: (scope) => isCurrentAttempt(scope) && scope.context.startedAt !== null,
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
    rememberAbsence: change(({ event }) => absenceOf(event)),
    endAbsence: change(() => ({ absence: null })),
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

const isAbsence = (scope: Scope) => scope.event.type === 'TaskWorkerAbsent' && isCurrentAttempt(scope);
const isLimited = ({ event }: Scope) => event.type === 'TaskWorkerAbsent' && event.data.dueAt !== undefined;

function isFirstStart(scope: Scope): boolean {
  return scope.event.type === 'TaskStarted' && isCurrentAttempt(scope) && scope.context.startedAt === null;
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

const returnTimer = (scope: ContextScope) => ({
  timerId: timerIds.workerReturn(placeOf(scope).attemptId, scope.context.absence?.since ?? 0),
});
const armReturn = {
  type: 'armTimer',
  params: (scope: ContextScope) => ({ ...returnTimer(scope), dueAt: scope.context.absence?.dueAt ?? 0 }),
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

function absenceOf(event: TaskMachineEvent): Partial<TaskContext> {
  if (event.type !== 'TaskWorkerAbsent') return {};
  const { since, dueAt, reason } = event.data;
  return { absence: { since, dueAt: dueAt ?? null, reason: faultOf(reason) } };
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
    return { startedAt, finishedAt, fault: faultOf(fault), failures, refusals: 0, dueAt: retry?.dueAt ?? null };
  }
  if (event.type === 'TaskLost') {
    const { lostAt, reason, decidedBy } = event.data;
    const lost = { finishedAt: lostAt, fault: faultOf(reason), refusals: 0 };
    // A person who lets the task run again lets its losses be counted anew.
    if (decidedBy !== undefined) return { ...lost, losses: 0, resolvedBy: decidedBy.key };
    return { ...lost, losses: context.losses + 1 };
  }
  if (event.type === 'TaskRejected') {
    return isFinalRefusal(event.data.reason) ? { refusals: context.refusals + 1 } : {};
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
const cancel = { type: 'cancelAttempt', params: cancelOf } as const;
const beginStop = { target: 'cancelling', actions: ['rememberStop', cancel] } as const;
const beginTimeout = {
  guard: 'isCurrentAttempt',
  target: 'cancelling',
  actions: ['rememberTimeout', cancel],
} as const;

function cancelOf(scope: ContextScope): AttemptPlace & { reason: 'stop' | 'timeout' } {
  return { ...placeOf(scope), reason: scope.context.cancelReason ?? 'stop' };
}

const absent = [
  { guard: 'isLimitedAbsence', target: 'absent', actions: [disarmTimeout, 'rememberAbsence', armReturn] },
  { guard: 'isAskedAbsence', target: 'absent', actions: [disarmTimeout, 'rememberAbsence'] },
] as const;
const absentAfterTimeout = [
  { ...absent[0], guard: 'isLimitedAbsenceAfterTimeout' },
  { ...absent[1], guard: 'isAskedAbsenceAfterTimeout' },
] as const;
const disarmReturn = { type: 'disarmTimer', params: returnTimer } as const;
const goOn = [disarmReturn, 'endAbsence'] as const;
const endAbsent = [disarmReturn, ...end] as const;

const attemptEnds = {
  TaskSucceeded: succeed,
  TaskFailed: fail,
  TaskLost: lose,
  TaskWorkerAbsent: absent,
  StopAsked: beginStop,
} as const;

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
    absent: {
      on: {
        TaskStarted: [
          { guard: 'isTimedStartAtLast', target: 'running', actions: [...goOn, 'rememberStart', armTimeout] },
          { guard: 'isFirstStart', target: 'running', actions: [...goOn, 'rememberStart'] },
        ],
        TaskWorkerReturned: [
          { guard: 'isReturnAfterTimeout', target: 'cancelling', actions: [...goOn, cancel] },
          { guard: 'isReturnToTimedRun', target: 'running', actions: [...goOn, armTimeout] },
          { guard: 'isReturnToRun', target: 'running', actions: goOn },
          { guard: 'isCurrentAttempt', target: 'accepted', actions: goOn },
        ],
        TaskSucceeded: { ...succeed, actions: endAbsent },
        TaskFailed: [
          { ...fail[0], actions: [...endAbsent, armRetry] },
          { ...fail[1], actions: endAbsent },
        ],
        TaskLost: [
          { guard: 'isGivenUpLoss', target: 'failed', actions: [revoke, ...endAbsent] },
          { guard: 'isCurrentAttempt', target: 'ready', actions: [revoke, ...endAbsent] },
        ],
        StopAsked: { target: 'cancelling', actions: [...goOn, 'rememberStop', cancel] },
      },
    },
    cancelling: {
      on: {
        TaskSucceeded: succeed,
        TaskFailed: fail,
        TaskLost: lose,
        TaskWorkerAbsent: absentAfterTimeout,
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
