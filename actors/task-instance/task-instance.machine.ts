/**
 * One task of a run: from waiting for what it needs to its end, through as many attempts as it takes.
 *
 * T1 (I4) Events of an attempt count only while it is the current one: a late report of an earlier attempt changes nothing.
 * T2 An attempt that was assigned ends by exactly one of succeeded, failed, stopped, lost or rejected, and then frees its slot.
 * T3 A task is assigned only when it is ready, and ready only when all that it needs has ended, at least one of it so that
 *    the task may run, and nothing so that it must not.
 * T4 A task ends as stopped, and never tries again, only because it was asked to stop: a timeout ends as a failure.
 * T6 A task whose worker is absent keeps its attempt: it goes on when the worker returns, and ends by a report or a loss.
 * T7 What has ended runs again only after its state was cleared; then it waits for its needs as if it were new.
 * T8 A map ends only when all of its items have, and its end follows from theirs.
 * T9 An application counts once for its attempt, whatever became of that: it may live on when the attempt has ended.
 * T10 An attempt that nobody runs any more, and that may have applications on a cluster, keeps its task until they have
 *    ended, or the limit of waiting for that is over.
 */
import {
  armAwait,
  armDelay,
  armExpansion,
  armQueue,
  armRetry,
  armReturn,
  armTimeout,
  attendedOf,
  cancelOf,
  disarmAwait,
  disarmDelay,
  disarmExpansion,
  disarmRetry,
  disarmReturn,
  disarmTimeout,
  placeOf,
  taskSetup,
  tendedOf,
} from './task-instance.setup.ts';

const release = { type: 'releaseSlot', params: placeOf } as const;
const revoke = { type: 'revokeAttempt', params: placeOf } as const;
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
const tend = { type: 'tendApplications', params: tendedOf } as const;
const beginTimeout = [
  {
    guard: 'isCurrentWithApplications',
    target: 'cancelling',
    actions: ['rememberTimeout', 'beginTending', cancel, tend],
  },
  { guard: 'isCurrentAttempt', target: 'cancelling', actions: ['rememberTimeout', cancel] },
] as const;

/** The run is being stopped, or a person stops this task alone. */
const whenStopped = <T>(transition: T) => ({ StopAsked: transition, TaskStopRequested: transition });
const beginStop = whenStopped([
  { guard: 'hasApplications', target: 'cancelling', actions: ['rememberStop', 'beginTending', cancel, tend] },
  { target: 'cancelling', actions: ['rememberStop', cancel] },
] as const);

const absent = [
  { guard: 'isLimitedAbsence', target: 'absent', actions: [disarmTimeout, 'rememberAbsence', armReturn] },
  { guard: 'isAskedAbsence', target: 'absent', actions: [disarmTimeout, 'rememberAbsence'] },
] as const;
const absentAfterTimeout = [
  { ...absent[0], guard: 'isLimitedAbsenceAfterTimeout' },
  { ...absent[1], guard: 'isAskedAbsenceAfterTimeout' },
] as const;
/** T10. */
const orphan = {
  guard: 'isNewOrphan',
  target: 'absent',
  actions: [disarmTimeout, 'rememberOrphan', tend],
} as const;
const see = { guard: 'isTended', actions: 'rememberSeen' } as const;
const tending = {
  ApplicationSeen: see,
  ApplicationEnded: see,
  ApplicationAdopted: see,
  ApplicationKillRequested: see,
  ApplicationGivenUp: see,
} as const;
const goOn = [disarmReturn, 'endAbsence'] as const;
const endAbsent = [disarmReturn, ...end] as const;

const attend = { type: 'attend', params: attendedOf } as const;
const leave = { type: 'leave', params: attendedOf } as const;
const endAwait = [disarmAwait, 'endAttempt'] as const;
const conclude = [
  { guard: 'isConcludedWell', target: 'succeeded', actions: endAwait },
  { guard: 'isConcludedForNow', target: 'backingOff', actions: [...endAwait, armRetry] },
  { guard: 'isConcludedBadly', target: 'failed', actions: endAwait },
  { guard: 'isConcludedByStop', target: 'stopped', actions: endAwait },
] as const;

const collect = [
  { guard: 'isCollectedWell', target: 'succeeded', actions: [disarmExpansion, 'collect'] },
  { guard: 'isCollectedBadly', target: 'failed', actions: [disarmExpansion, 'collect'] },
  { guard: 'isCollectedByStop', target: 'stopped', actions: [disarmExpansion, 'collect'] },
] as const;

const attemptEnds = {
  TaskSucceeded: succeed,
  TaskFailed: fail,
  TaskLost: lose,
  TaskWorkerAbsent: absent,
  TaskOrphaned: orphan,
  ...beginStop,
} as const;

const skip = { target: 'skipped', actions: 'endWithoutAttempt' } as const;
/** T7. */
const clear = { Cleared: { target: 'waiting', actions: 'clear' } } as const;
/** What a person may still make of a task that ended badly. */
const redress = {
  ...clear,
  TaskForced: { target: 'succeeded', actions: 'endWithoutAttempt' },
  TaskSkipped: skip,
} as const;

export const taskInstanceMachine = taskSetup.createMachine({
  id: 'taskInstance',
  context: ({ input }) => input,
  initial: 'waiting',
  on: {
    Isolated: { actions: 'countIsolation' },
    Rejoined: { actions: 'uncountIsolation' },
    Prioritised: { actions: 'rememberPriority' },
    ItemsChanged: { actions: 'rememberItems' },
    ApplicationFound: { guard: 'isNewApplication', actions: 'rememberApplication' },
  },
  states: {
    waiting: {
      on: {
        NeedMet: [
          { guard: 'isLastNeedPassedOver', target: 'skipped', actions: ['countMetNeed', 'skipPassedOver'] },
          { guard: 'isLastNeed', target: 'ready', actions: 'countMetNeed' },
          { actions: 'countMetNeed' },
        ],
        NeedDead: [
          { guard: 'isLastNeedOfNone', target: 'skipped', actions: ['countDeadNeed', 'skipBranch'] },
          { guard: 'isLastNeedPassedOver', target: 'skipped', actions: ['countDeadNeed', 'skipPassedOver'] },
          { guard: 'isLastNeed', target: 'ready', actions: 'countDeadNeed' },
          { actions: 'countDeadNeed' },
        ],
        NeedFailed: 'blocked',
        StopAsked: 'stopped',
        TaskStopRequested: { target: 'stopped', actions: 'rememberStop' },
        TaskSkipped: skip,
        PassedOver: { actions: 'passOver' },
        Cleared: { actions: 'clear' },
      },
    },
    ready: {
      entry: 'placeTask',
      on: {
        TaskHeld: { actions: 'rememberHold' },
        TaskDelayed: { target: 'delayed', actions: ['rememberDelay', armDelay] },
        TaskQueued: { actions: ['rememberQueue', armQueue] },
        TaskQueueTimedOut: [
          { guard: 'isQueueWarning', actions: 'rememberQueue' },
          { guard: 'isQueueFailure', target: 'failed', actions: ['withdrawTask', 'endWithoutAttempt'] },
        ],
        TaskAssigned: {
          target: 'assigned',
          actions: ['rememberAssignment', { type: 'offerAttempt', params: placeOf }],
        },
        TaskAwaits: [
          { guard: 'isLimitedAwait', target: 'awaiting', actions: ['rememberAwaiting', attend, armAwait] },
          { target: 'awaiting', actions: ['rememberAwaiting', attend] },
        ],
        TaskExpanded: [
          { guard: 'isLimitedExpansion', target: 'expanded', actions: ['rememberExpansion', armExpansion] },
          { guard: 'isExpansion', target: 'expanded', actions: 'rememberExpansion' },
        ],
        TaskBranchChosen: { target: 'succeeded', actions: 'endWithoutAttempt' },
        TaskDryRun: { target: 'succeeded', actions: 'endWithoutAttempt' },
        TaskCacheHit: { target: 'succeeded', actions: ['withdrawTask', 'endWithoutAttempt'] },
        TaskUnstartable: { target: 'failed', actions: 'endWithoutAttempt' },
        TaskSkipped: { ...skip, actions: ['withdrawTask', 'endWithoutAttempt'] },
        StopAsked: { target: 'stopped', actions: 'withdrawTask' },
        TaskStopRequested: { target: 'stopped', actions: ['withdrawTask', 'rememberStop'] },
        Isolated: { actions: ['countIsolation', 'withdrawTask'] },
        Rejoined: [
          { guard: 'isLastIsolation', actions: ['uncountIsolation', 'placeTask'] },
          { actions: 'uncountIsolation' },
        ],
        Prioritised: { actions: ['rememberPriority', 'withdrawTask', 'placeTask'] },
        Cleared: { target: 'waiting', actions: ['withdrawTask', 'clear'] },
      },
    },
    delayed: {
      on: {
        TaskDelayOver: { target: 'ready', actions: 'rememberDelayOver' },
        ...whenStopped({ target: 'stopped', actions: [disarmDelay, 'rememberStop', 'forgetRetry'] } as const),
        TaskSkipped: { ...skip, actions: [disarmDelay, 'endWithoutAttempt'] },
        Cleared: { target: 'waiting', actions: [disarmDelay, 'clear'] },
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
    running: {
      on: {
        ...attemptEnds,
        TaskTimedOut: beginTimeout,
        TaskTimeoutWarned: { guard: 'isCurrentAttempt', actions: 'forgetTimeout' },
      },
    },
    awaiting: {
      on: {
        TaskConcluded: conclude,
        TaskTimedOut: { guard: 'isCurrentAwait', target: 'cancelling', actions: ['rememberTimeout', leave] },
        TaskTimeoutWarned: { guard: 'isCurrentAwait', actions: 'forgetAwaitLimit' },
        ...whenStopped([
          { guard: 'isAwaitingChild', target: 'cancelling', actions: ['rememberStop', leave] },
          { target: 'stopped', actions: ['rememberStop', leave, ...endAwait] },
        ] as const),
      },
    },
    // The events of its items are theirs: what becomes of them reaches the map as ItemsChanged.
    expanded: {
      on: {
        TaskCollected: collect,
        TaskTimedOut: { guard: 'isCurrentExpansion', target: 'cancelling', actions: 'rememberTimeout' },
        TaskTimeoutWarned: { guard: 'isCurrentExpansion', actions: 'forgetExpansionLimit' },
        ...whenStopped({ target: 'cancelling', actions: 'rememberStop' } as const),
      },
    },
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
        TaskOrphaned: { guard: 'isNewOrphan', actions: [disarmReturn, 'rememberOrphan', tend] },
        TaskWorkerAbsent: { guard: 'isAskedOrphan', actions: 'rememberAbsence' },
        ...tending,
        ...whenStopped([
          { guard: 'isOrphaned', target: 'cancelling', actions: ['rememberStop', tend] },
          {
            guard: 'hasApplications',
            target: 'cancelling',
            actions: [...goOn, 'rememberStop', 'beginTending', cancel, tend],
          },
          { target: 'cancelling', actions: [...goOn, 'rememberStop', cancel] },
        ] as const),
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
        TaskConcluded: conclude,
        TaskCollected: collect,
        TaskOrphaned: { guard: 'isNewOrphan', actions: ['rememberOrphan', tend] },
        ...tending,
        ...whenStopped({ actions: 'rememberStop' } as const),
      },
    },
    backingOff: {
      on: {
        TaskRetryDue: { target: 'ready', actions: 'forgetRetry' },
        StopAsked: { target: 'stopped', actions: [disarmRetry, 'forgetRetry'] },
        TaskStopRequested: { target: 'stopped', actions: [disarmRetry, 'forgetRetry', 'rememberStop'] },
        TaskSkipped: { ...skip, actions: [disarmRetry, 'endWithoutAttempt'] },
        Cleared: { target: 'waiting', actions: [disarmRetry, 'clear'] },
      },
    },
    succeeded: { on: clear },
    failed: { on: redress },
    stopped: { on: redress },
    blocked: { on: redress },
    skipped: { on: { ...clear, TaskForced: redress.TaskForced } },
  },
});
