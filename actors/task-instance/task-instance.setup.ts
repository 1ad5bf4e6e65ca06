/** The guards and actions of the task machine: when an event counts, what it changes, and what is owed because of it. */
import { setup } from 'xstate';
import type { AttemptId } from '../../schemas/ids.ts';
import { effectOnly, update, updateWithEffects } from '../kit/machine-fold.ts';
import { collectionOf, expansionOf } from './expansion.changes.ts';
import {
  absenceOf,
  applicationsOf,
  assignmentOf,
  awaitingOf,
  clearedOf,
  endWithoutAttemptOf,
  holdOf,
  isNewApplication,
  noAttempt,
  outcomeOf,
  queueOf,
  stopOf,
} from './task-instance.changes.ts';
import {
  type AttemptPlace,
  type Awaiting,
  haveItemsEnded,
  type TaskContext,
  type TaskMachineEvent,
  timerIds,
} from './task-instance.state.ts';
import { orphanOf, seenOf } from './tended.changes.ts';
import { dueTimesOf, nothingTended } from './tended.state.ts';

type ContextScope = { context: TaskContext };
type Scope = ContextScope & { event: TaskMachineEvent };
type CancelReason = 'stop' | 'timeout';

const change = update<TaskContext, TaskMachineEvent>;

const isStopping = ({ context }: ContextScope) => context.cancelReason === 'stop';
const isLastNeed = ({ context }: ContextScope) => context.unmetNeeds <= 1;
const isPassedOver = ({ context }: ContextScope) => context.passOver !== null;

function isCurrentAttempt({ context, event }: Scope): boolean {
  return 'data' in event && 'attemptId' in event.data && event.data.attemptId === context.current?.attemptId;
}

function isCurrentAwait({ context, event }: Scope): boolean {
  return 'data' in event && 'attemptId' in event.data && event.data.attemptId === context.awaiting?.attemptId;
}

/** With lists, or with the items from before. */
function isExpansion({ context, event }: Scope): boolean {
  return event.type === 'TaskExpanded' && (event.data.over !== undefined || context.expansion !== null);
}

function isCurrentExpansion({ context, event }: Scope): boolean {
  return 'data' in event && 'attemptId' in event.data && event.data.attemptId === context.expansion?.attemptId;
}

/** All items have ended; events of an earlier expansion come too late. */
function isCollection(scope: Scope, result: 'succeeded' | 'stopped' | 'failed'): boolean {
  const { event, context } = scope;
  if (event.type !== 'TaskCollected' || !isCurrentExpansion(scope) || event.data.result !== result) return false;
  return context.expansion !== null && haveItemsEnded(context.expansion);
}

const isTimed = ({ event }: Scope) => event.type === 'TaskStarted' && event.data.timeoutAt !== undefined;
const isAbsence = (scope: Scope) => scope.event.type === 'TaskWorkerAbsent' && isCurrentAttempt(scope);
const isLimited = ({ event }: Scope) => event.type === 'TaskWorkerAbsent' && event.data.dueAt !== undefined;
const isAfterTimeout = ({ context }: ContextScope) => context.cancelReason === 'timeout';

function isFirstStart(scope: Scope): boolean {
  return scope.event.type === 'TaskStarted' && isCurrentAttempt(scope) && scope.context.startedAt === null;
}

function isCurrentFailure(scope: Scope, kind: 'retried' | 'final'): boolean {
  if (scope.event.type !== 'TaskFailed' || !isCurrentAttempt(scope)) return false;
  return (scope.event.data.retry === undefined) === (kind === 'final');
}

function isConclusion(scope: Scope, kind: 'succeeded' | 'stopped' | 'retried' | 'failed'): boolean {
  if (scope.event.type !== 'TaskConcluded' || !isCurrentAwait(scope)) return false;
  const { result, retry } = scope.event.data;
  return kind === (result === 'failed' && retry !== undefined ? 'retried' : result);
}

export const taskSetup = setup({
  types: {} as { context: TaskContext; events: TaskMachineEvent; input: TaskContext },
  guards: {
    isLastNeed,
    isLastNeedPassedOver: (scope) => isLastNeed(scope) && isPassedOver(scope),
    isLastNeedOfNone: (scope) => isLastNeed(scope) && scope.context.metNeeds === 0,
    isLastIsolation: ({ context }) => context.isolations <= 1,
    isCurrentAttempt,
    isTimedStart: (scope) => isCurrentAttempt(scope) && isTimed(scope),
    isRetriedFailure: (scope) => isCurrentFailure(scope, 'retried') && !isStopping(scope),
    isFinalFailure: (scope) => isCurrentFailure(scope, 'final'),
    isGivenUpLoss: (scope) => isCurrentAttempt(scope) && scope.event.type === 'TaskLost' && scope.event.data.givenUp,
    isLimitedAbsence: (scope) => isAbsence(scope) && isLimited(scope),
    isAskedAbsence: (scope) => isAbsence(scope) && !isLimited(scope),
    isLimitedAbsenceAfterTimeout: (scope) => isAbsence(scope) && isLimited(scope) && isAfterTimeout(scope),
    isAskedAbsenceAfterTimeout: (scope) => isAbsence(scope) && !isLimited(scope) && isAfterTimeout(scope),
    isTimedStartAtLast: (scope) => isFirstStart(scope) && isTimed(scope),
    isFirstStart,
    isReturnAfterTimeout: (scope) => isCurrentAttempt(scope) && isAfterTimeout(scope),
    isReturnToTimedRun: (scope) => isCurrentAttempt(scope) && scope.context.timeoutAt !== null,
    isReturnToRun: (scope) => isCurrentAttempt(scope) && scope.context.startedAt !== null,
    isCurrentWhileStopping: (scope) => isCurrentAttempt(scope) && isStopping(scope),
    isUnstartedWhileStopping: (scope) =>
      isCurrentAttempt(scope) && isStopping(scope) && scope.context.startedAt === null,
    /** Its owner knows of applications: they are to end with it. */
    hasApplications: ({ context }) => hasApplications(context),
    isCurrentWithApplications: (scope) => isCurrentAttempt(scope) && hasApplications(scope.context),
    isOrphaned: ({ context }) => isOrphaned(context),
    isNewOrphan: (scope) => isCurrentAttempt(scope) && !isOrphaned(scope.context),
    isTended: (scope) => isCurrentAttempt(scope) && scope.context.tended !== undefined,
    isAskedOrphan: (scope) => isAbsence(scope) && !isLimited(scope) && isOrphaned(scope.context),
    isNewApplication: ({ context, event }) => isNewApplication(context, event),
    isExpansion,
    isLimitedExpansion: (scope) =>
      isExpansion(scope) && scope.event.type === 'TaskExpanded' && scope.event.data.dueAt !== undefined,
    isCurrentExpansion,
    isCollectedWell: (scope) => isCollection(scope, 'succeeded'),
    isCollectedBadly: (scope) => isCollection(scope, 'failed'),
    isCollectedByStop: (scope) => isCollection(scope, 'stopped'),
    isLimitedAwait: ({ event }) => event.type === 'TaskAwaits' && event.data.dueAt !== undefined,
    isCurrentAwait,
    isAwaitingChild: ({ context }) => context.awaiting?.awaits.kind === 'workflow',
    isConcludedWell: (scope) => isConclusion(scope, 'succeeded'),
    isConcludedForNow: (scope) => isConclusion(scope, 'retried') && !isStopping(scope),
    isConcludedBadly: (scope) => isConclusion(scope, 'failed'),
    isConcludedByStop: (scope) => isConclusion(scope, 'stopped'),
    isQueueWarning: ({ context, event }) =>
      event.type === 'TaskQueueTimedOut' && event.data.action === 'warn' && context.queue?.hasWarned === false,
    isQueueFailure: ({ event }) => event.type === 'TaskQueueTimedOut' && event.data.action === 'fail',
  },
  actions: {
    countMetNeed: change(({ context }) => ({
      unmetNeeds: Math.max(0, context.unmetNeeds - 1),
      metNeeds: context.metNeeds + Math.min(1, context.unmetNeeds),
    })),
    countDeadNeed: change(({ context }) => ({ unmetNeeds: Math.max(0, context.unmetNeeds - 1) })),
    skipBranch: change(() => ({ skip: { why: 'branch' } })),
    skipPassedOver: change(({ context }) => ({ skip: { why: context.passOver ?? 'disabled' } })),
    passOver: change(({ context }) => ({ passOver: context.passOver ?? 'notSelected' })),
    clear: change(({ context, event }) => clearedOf(context, event)),
    countIsolation: change(({ context }) => ({ isolations: context.isolations + 1 })),
    uncountIsolation: change(({ context }) => ({ isolations: Math.max(0, context.isolations - 1) })),
    rememberPriority: change(({ event }) => (event.type === 'Prioritised' ? { priority: event.priority } : {})),
    rememberHold: change(({ event }) => (event.type === 'TaskHeld' ? { held: holdOf(event.data.reason) } : {})),
    rememberDelay: change(({ event }) => (event.type === 'TaskDelayed' ? { dueAt: event.data.dueAt, held: null } : {})),
    rememberDelayOver: change(() => ({ dueAt: null, isDelayOver: true })),
    rememberQueue: change(({ context, event }) => queueOf(context, event)),
    rememberAssignment: change(({ event }) => assignmentOf(event)),
    rememberApplication: change(({ context, event }) => applicationsOf(context, event)),
    rememberAwaiting: change(({ event }) => awaitingOf(event)),
    rememberExpansion: change(({ context, event }) => expansionOf(context, event)),
    rememberItems: change(({ event }) => (event.type === 'ItemsChanged' ? { expansion: event.expansion } : {})),
    forgetExpansionLimit: change(({ context }) =>
      context.expansion === null ? {} : { expansion: { ...context.expansion, dueAt: null } },
    ),
    collect: change(({ context, event }) => collectionOf(context, event)),
    rememberStart: change(({ event }) =>
      event.type === 'TaskStarted' ? { startedAt: event.data.startedAt, timeoutAt: event.data.timeoutAt ?? null } : {},
    ),
    rememberStop: change(({ event }) => stopOf(event)),
    rememberTimeout: change(({ context }) => ({ cancelReason: context.cancelReason ?? 'timeout' })),
    forgetTimeout: change(() => ({ timeoutAt: null })),
    forgetAwaitLimit: change(({ context }) =>
      context.awaiting === null ? {} : { awaiting: { ...context.awaiting, dueAt: null } },
    ),
    rememberAbsence: change(({ event }) => absenceOf(event)),
    rememberOrphan: change(({ context, event }) => orphanOf(context, event)),
    beginTending: change(({ context }) => ({ tended: context.tended ?? nothingTended })),
    rememberSeen: updateWithEffects<TaskContext, TaskMachineEvent>(({ context, event }) =>
      withTimers(context, seenOf(context, event)),
    ),
    endAbsence: change(() => ({ absence: null, tended: undefined })),
    endAttempt: change(({ context, event }) => ({ ...noAttempt, ...outcomeOf(context, event) })),
    endWithoutAttempt: change(({ event }) => endWithoutAttemptOf(event)),
    forgetRetry: change(() => ({ dueAt: null })),
    placeTask: effectOnly,
    withdrawTask: effectOnly,
    offerAttempt: (_, _params: AttemptPlace) => effectOnly(),
    cancelAttempt: (_, _params: AttemptPlace & { reason: CancelReason }) => effectOnly(),
    revokeAttempt: (_, _params: AttemptPlace) => effectOnly(),
    releaseSlot: (_, _params: AttemptPlace) => effectOnly(),
    attend: (_, _params: Attended) => effectOnly(),
    leave: (_, _params: Attended) => effectOnly(),
    tendApplications: (_, _params: { attemptId: AttemptId }) => effectOnly(),
    armTimer: (_, _params: { timerId: string; dueAt: number }) => effectOnly(),
    disarmTimer: (_, _params: { timerId: string }) => effectOnly(),
  },
});

const hasApplications = ({ applications, current }: TaskContext) =>
  applications.some(({ attemptId }) => attemptId === current?.attemptId);
const isOrphaned = ({ tended }: TaskContext) => tended !== undefined && tended.orphan !== null;

/** Each limit has a timer of its own, under its time. One that comes too late means nothing. */
function withTimers(context: TaskContext, change: Partial<TaskContext>) {
  const known = context.tended === undefined ? [] : dueTimesOf(context.tended);
  const { attemptId } = placeOf({ context });
  const times = change.tended === undefined ? [] : dueTimesOf(change.tended);
  const effects = times
    .filter((dueAt) => !known.includes(dueAt))
    .map((dueAt) => ({ type: 'armTimer' as const, timerId: timerIds.applications(attemptId, dueAt), dueAt }));
  return { context: { ...context, ...change }, effects };
}

export type Attended = Pick<Awaiting, 'attemptId' | 'awaits'>;

export function placeOf({ context }: ContextScope): AttemptPlace {
  if (context.current === null) throw new Error(`the task ${context.task} has no attempt (T2)`);
  return context.current;
}

export const tendedOf = (scope: ContextScope): { attemptId: AttemptId } => ({ attemptId: placeOf(scope).attemptId });

export function attendedOf({ context }: ContextScope): Attended {
  if (context.awaiting === null) throw new Error(`the task ${context.task} awaits nothing`);
  const { attemptId, awaits } = context.awaiting;
  return { attemptId, awaits };
}

export function cancelOf(scope: ContextScope): AttemptPlace & { reason: CancelReason } {
  return { ...placeOf(scope), reason: scope.context.cancelReason ?? 'stop' };
}

const awaitedId = ({ context }: ContextScope): AttemptId => attendedOf({ context }).attemptId;

/** The timers of a task, each under an id of its own. */
const timeoutTimer = (scope: ContextScope) => ({ timerId: timerIds.timeout(placeOf(scope).attemptId) });
const retryTimer = ({ context }: ContextScope) => ({ timerId: timerIds.retry(context.task, context.failures) });
const delayTimer = ({ context }: ContextScope) => ({ timerId: timerIds.delay(context.task, context.round) });
const expansionTimer = ({ context }: ContextScope) => {
  if (context.expansion === null) throw new Error(`the task ${context.task} has no items`);
  return { timerId: timerIds.awaited(context.expansion.attemptId) };
};
const awaitTimer = (scope: ContextScope) => ({ timerId: timerIds.awaited(awaitedId(scope)) });
const queueTimer = ({ context }: ContextScope) => ({
  timerId: timerIds.queue(context.task, context.queue?.since ?? 0),
});
const returnTimer = (scope: ContextScope) => ({
  timerId: timerIds.workerReturn(placeOf(scope).attemptId, scope.context.absence?.since ?? 0),
});

const arming = (timer: (scope: ContextScope) => { timerId: string }, dueAt: (context: TaskContext) => number | null) =>
  ({
    type: 'armTimer',
    params: (scope: ContextScope) => ({ ...timer(scope), dueAt: dueAt(scope.context) ?? 0 }),
  }) as const;
const disarming = (timer: (scope: ContextScope) => { timerId: string }) =>
  ({ type: 'disarmTimer', params: timer }) as const;

export const armTimeout = arming(timeoutTimer, ({ timeoutAt }) => timeoutAt);
export const armRetry = arming(retryTimer, ({ dueAt }) => dueAt);
export const armDelay = arming(delayTimer, ({ dueAt }) => dueAt);
export const armReturn = arming(returnTimer, ({ absence }) => absence?.dueAt ?? null);
export const armAwait = arming(awaitTimer, ({ awaiting }) => awaiting?.dueAt ?? null);
export const armExpansion = arming(expansionTimer, ({ expansion }) => expansion?.dueAt ?? null);
export const armQueue = arming(queueTimer, ({ queue }) => queue?.dueAt ?? null);
export const disarmTimeout = disarming(timeoutTimer);
export const disarmRetry = disarming(retryTimer);
export const disarmDelay = disarming(delayTimer);
export const disarmReturn = disarming(returnTimer);
export const disarmAwait = disarming(awaitTimer);
export const disarmExpansion = disarming(expansionTimer);
