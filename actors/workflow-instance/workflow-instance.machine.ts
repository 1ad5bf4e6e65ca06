/**
 * One run of one workflow version. It is fed recorded events only; each event that it takes counts, so that a fold which
 * changes nothing is a broken journal.
 *
 * I1 OwnershipTaken raises the epoch by exactly one.
 * I4 Events of an attempt are taken only while it is the task's current attempt (the task machine's T1).
 * I9 A run ends only when every task has ended, and its end follows from theirs. It goes on after that only if a person
 *    opens it again.
 */
import type { SnapshotFrom } from 'xstate';
import type { Plan } from '../graph/plan.ts';
import { machineSetup } from './workflow-instance.setup.ts';
import { initialContext, type Outcome, type WorkflowInstanceStatus } from './workflow-instance.state.ts';

/** The machine of runs of one plan. Make it once per definition version: runs share it. */
export function workflowInstanceMachine(plan: Plan) {
  const start = initialContext(plan);
  return machineSetup(plan).createMachine({
    id: 'workflowInstance',
    context: () => start,
    initial: 'submitted',
    states: {
      submitted: {
        on: {
          WorkflowSubmitted: [
            { guard: 'isQueued', target: 'queued', actions: ['rememberSubmission', 'passOver', 'askAdmission'] },
            { target: 'active', actions: ['rememberSubmission', 'passOver', 'armRunTimeout', 'releaseRoots'] },
          ],
        },
      },
      queued: {
        on: {
          ...ownership,
          ...turn,
          ...stop,
          ...conclusionsIn('queued'),
        },
      },
      active: {
        on: {
          ...ownership,
          ...taskEvents,
          ...failures,
          ...placements,
          ...steering,
          ...timeout,
          ...stop,
          WorkflowPauseRequested: { target: 'pausing', actions: ['rememberRequest', 'withdrawReady'] },
          ...conclusionsIn('active'),
        },
      },
      pausing: {
        on: {
          ...ownership,
          ...taskEvents,
          ...failures,
          ...steering,
          ...timeout,
          ...stop,
          ...resume,
          WorkflowPaused: { guard: 'hasNothingLive', target: 'paused', actions: 'count' },
          ...conclusionsIn('pausing'),
        },
      },
      paused: {
        on: {
          ...ownership,
          ...taskEvents,
          ...failures,
          ...steering,
          ...timeout,
          ...stop,
          ...resume,
          ...move,
          ...conclusionsIn('paused'),
        },
      },
      stopping: { on: { ...ownership, ...taskEvents, ...conclusionsIn('stopping') } },
      ending: { on: { ...ownership, ...taskEvents, ...conclusionsIn('ending') } },
      succeeded: { on: reopening() },
      failed: { on: reopening() },
      stopped: { on: reopening() },
    },
  });
}

export type WorkflowInstanceSnapshot = SnapshotFrom<ReturnType<typeof workflowInstanceMachine>>;

const takeTaskEvent = { guard: 'isTaskLegal', actions: 'foldTask' } as const;
/** An event after which a task may have failed for good: under the failure policy `end` it ends the run. */
const takeEnd = [{ guard: 'endsRun', target: 'ending', actions: 'foldLastTask' }, takeTaskEvent] as const;
const redress = { guard: 'isTaskLegal', actions: 'redressTask' } as const;

/** What may become of tasks whether or not new ones are begun. */
const taskEvents = {
  TaskHeld: takeTaskEvent,
  TaskRejected: takeTaskEvent,
  TaskAccepted: takeTaskEvent,
  TaskStarted: takeTaskEvent,
  ApplicationFound: takeTaskEvent,
  TaskOrphaned: takeTaskEvent,
  ApplicationSeen: takeTaskEvent,
  ApplicationEnded: takeTaskEvent,
  ApplicationAdopted: takeTaskEvent,
  ApplicationKillRequested: takeTaskEvent,
  ApplicationGivenUp: takeTaskEvent,
  TaskSucceeded: takeTaskEvent,
  TaskFailed: takeTaskEvent,
  TaskTimedOut: takeTaskEvent,
  TaskTimeoutWarned: takeTaskEvent,
  TaskQueueTimedOut: takeTaskEvent,
  TaskLost: takeTaskEvent,
  TaskWorkerAbsent: takeTaskEvent,
  TaskWorkerReturned: takeTaskEvent,
  TaskRetryDue: takeTaskEvent,
  TaskDelayOver: takeTaskEvent,
  TaskStopped: takeTaskEvent,
  TaskConcluded: takeTaskEvent,
  TaskCollected: takeTaskEvent,
  ResultKept: { guard: 'isNewResult', actions: 'count' },
} as const;

/** After these a task may have failed for good. */
const failures = {
  TaskRejected: takeEnd,
  TaskFailed: takeEnd,
  TaskQueueTimedOut: takeEnd,
  TaskLost: takeEnd,
  TaskStopped: takeEnd,
  TaskConcluded: takeEnd,
  TaskCollected: takeEnd,
} as const;

/** Tasks begin. */
const placements = {
  TaskAssigned: takeTaskEvent,
  TaskDelayed: takeTaskEvent,
  TaskQueued: takeTaskEvent,
  TaskAwaits: takeTaskEvent,
  TaskExpanded: takeTaskEvent,
  TaskBranchChosen: takeTaskEvent,
  TaskDryRun: takeTaskEvent,
  TaskCacheHit: takeTaskEvent,
  TaskUnstartable: takeEnd,
} as const;

/** What people ask while the run goes on or pauses. */
const steering = {
  TaskStopRequested: takeEnd,
  TaskSkipped: redress,
  TaskForced: redress,
  StateCleared: { actions: ['rememberRequest', 'clearTasks'] },
  IsolationAdded: { actions: ['rememberRequest', 'isolateTasks'] },
  IsolationRemoved: { guard: 'isIsolated', actions: ['rememberRequest', 'rejoinTasks'] },
  PriorityChanged: { actions: ['rememberRequest', 'prioritiseTasks'] },
  SignalReceived: { actions: 'rememberRequest' },
} as const;

const admission = {
  WorkflowAdmitted: [
    { guard: 'isReopened', target: 'active', actions: ['count', 'armRunTimeout', 'placeReady'] },
    { target: 'active', actions: ['count', 'armRunTimeout', 'releaseRoots'] },
  ],
} as const;

/** A run that was opened again waits for its turn anew: what may begin does so when the run is admitted. */
const clearingLater = {
  TaskSkipped: { guard: 'isRedressedAgain', actions: 'redressTaskLater' },
  TaskForced: { guard: 'isRedressedAgain', actions: 'redressTaskLater' },
  StateCleared: { guard: 'isReopened', actions: ['rememberRequest', 'clearTasksLater'] },
} as const;

const ownership = { OwnershipTaken: { guard: 'isNextEpoch', actions: 'rememberOwner' } } as const;
const stop = { WorkflowStopRequested: { target: 'stopping', actions: ['rememberRequest', 'stopTasks'] } } as const;
const resume = { WorkflowResumed: { target: 'active', actions: ['rememberRequest', 'placeReady'] } } as const;
/** What the other version means for the tasks is up to the actor: this machine is that of one version. */
const move = { WorkflowMoved: { guard: 'isOfThisVersion', actions: 'rememberRequest' } } as const;
/** Of a run that waits for its turn. */
const turn = { ...admission, ...clearingLater, ...move, ApplicationFound: takeTaskEvent } as const;
const timeout = {
  WorkflowTimedOut: [
    { guard: 'isFatalTimeout', target: 'ending', actions: ['rememberTimeout', 'stopTasks'] },
    { guard: 'isFirstTimeout', actions: 'rememberTimeout' },
  ],
} as const;

function reopening() {
  return {
    ...ownership,
    WorkflowReopened: [
      { guard: 'isQueued', target: 'queued', actions: ['rememberRequest', 'askAdmission'] },
      { target: 'active', actions: ['rememberRequest', 'armRunTimeout'] },
    ],
  } as const;
}

/** A run ends as its tasks did, and as stopped only after it was asked to stop (I9). */
function conclusionsIn(status: WorkflowInstanceStatus) {
  const conclusion = <T extends Outcome>(outcome: T) =>
    ({ guard: { type: 'endsAs', params: { status, outcome } }, target: outcome, actions: 'rememberEnd' }) as const;
  return {
    WorkflowSucceeded: conclusion('succeeded'),
    WorkflowFailed: conclusion('failed'),
    WorkflowStopped: conclusion('stopped'),
  } as const;
}
