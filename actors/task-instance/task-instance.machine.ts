/**
 * One task of a run: from waiting for what it needs to its end, through as many attempts as it takes.
 *
 * T1 (I4) Events of an attempt count only while it is the current one: a late report of an earlier attempt changes nothing.
 * T2 An attempt that was assigned ends by exactly one of succeeded, failed, stopped, lost or rejected, and then frees its slot.
 * T3 A task is assigned only when it is ready, and ready only when everything that it needs has succeeded.
 */
import { assign, setup } from 'xstate';
import type { Fault, HoldReason, WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, Incarnation, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { effectOnly } from '../kit/machine-fold.ts';

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

export type TaskContext = {
  task: TaskName;
  unmetNeeds: number;
  /** Attempts so far, lost ones included. */
  attempt: number;
  failures: number;
  losses: number;
  current: AttemptPlace | null;
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

type Scope = { context: TaskContext; event: TaskMachineEvent };

const taskSetup = setup({
  types: {} as { context: TaskContext; events: TaskMachineEvent; input: TaskContext },
  guards: {
    isLastNeed: ({ context }) => context.unmetNeeds <= 1,
    isCurrentAttempt,
    isTimedStart: (scope) =>
      isCurrentAttempt(scope) && scope.event.type === 'TaskStarted' && scope.event.data.timeoutAt !== undefined,
    isRetriedFailure: (scope) =>
      isCurrentAttempt(scope) && scope.event.type === 'TaskFailed' && scope.event.data.retry !== undefined,
    isGivenUpLoss: (scope) => isCurrentAttempt(scope) && scope.event.type === 'TaskLost' && scope.event.data.givenUp,
    isCurrentWhileStopping: (scope) => isCurrentAttempt(scope) && scope.context.cancelReason === 'stop',
  },
  actions: {
    countNeed: assign({ unmetNeeds: ({ context }) => Math.max(0, context.unmetNeeds - 1) }),
    rememberHold: assign(({ event }) => (event.type === 'TaskHeld' ? { held: event.data.reason } : {})),
    rememberAssignment: assign(({ event }) => assignmentOf(event)),
    rememberStart: assign(({ event }) =>
      event.type === 'TaskStarted' ? { startedAt: event.data.startedAt, timeoutAt: event.data.timeoutAt ?? null } : {},
    ),
    rememberStop: assign({ cancelReason: 'stop' as const }),
    rememberTimeout: assign(({ context }) => ({ cancelReason: context.cancelReason ?? ('timeout' as const) })),
    endAttempt: assign(({ context, event }) => ({ ...noAttempt, ...outcomeOf(context, event) })),
    forgetRetry: assign({ dueAt: null }),
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

function placeOf({ context }: { context: TaskContext }): AttemptPlace {
  if (context.current === null) throw new Error(`the task ${context.task} has no attempt (T2)`);
  return context.current;
}

const timeoutTimer = (scope: { context: TaskContext }) => ({
  timerId: timerIds.timeout(placeOf(scope).attemptId),
  dueAt: scope.context.timeoutAt ?? 0,
});
const retryTimer = ({ context }: { context: TaskContext }) => ({
  timerId: timerIds.retry(context.task, context.failures),
  dueAt: context.dueAt ?? 0,
});

function assignmentOf(event: TaskMachineEvent): Partial<TaskContext> {
  if (event.type !== 'TaskAssigned') return {};
  const { attemptId, worker, workerIncarnation, attempt } = event.data;
  return {
    ...noAttempt,
    current: { attemptId, worker, workerIncarnation },
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
    return { startedAt, finishedAt, fault, failures: context.failures + 1, dueAt: retry?.dueAt ?? null };
  }
  if (event.type === 'TaskLost') {
    return { finishedAt: event.data.lostAt, fault: event.data.reason, losses: context.losses + 1 };
  }
  return event.type === 'TaskStopped' ? { finishedAt: event.data.finishedAt } : {};
}

const release = { type: 'releaseSlot', params: placeOf } as const;
const revoke = { type: 'revokeAttempt', params: placeOf } as const;
const disarmTimeout = { type: 'disarmTimer', params: timeoutTimer } as const;
const end = [disarmTimeout, release, 'endAttempt'] as const;

const succeed = { guard: 'isCurrentAttempt', target: 'succeeded', actions: end } as const;
const stop = { guard: 'isCurrentAttempt', target: 'stopped', actions: end } as const;
const fail = [
  { guard: 'isRetriedFailure', target: 'backingOff', actions: [...end, { type: 'armTimer', params: retryTimer }] },
  { guard: 'isCurrentAttempt', target: 'failed', actions: end },
] as const;
const lose = [
  { guard: 'isGivenUpLoss', target: 'failed', actions: [revoke, ...end] },
  { guard: 'isCurrentWhileStopping', target: 'stopped', actions: [revoke, ...end] },
  { guard: 'isCurrentAttempt', target: 'ready', actions: [revoke, ...end] },
] as const;
const start = [
  {
    guard: 'isTimedStart',
    target: 'running',
    actions: ['rememberStart', { type: 'armTimer', params: timeoutTimer }],
  },
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

function cancelOf(scope: { context: TaskContext }): AttemptPlace & { reason: 'stop' | 'timeout' } {
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
        TaskRejected: { guard: 'isCurrentAttempt', target: 'ready', actions: end },
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
        TaskRejected: stop,
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
