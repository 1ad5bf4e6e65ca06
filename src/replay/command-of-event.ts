/**
 * The command behind a recorded decision, as far as its first event tells it: what the owner was asked, with the time and
 * the chance that it had. Asked again in the same state, the machine must decide the same events. Undefined for an event of
 * which this build does not know what led to it: that one is only folded.
 */
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import { runTimeoutTimer } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { conclusionCommand, failureCommand, lossCommand, reportCommand, startCommand } from './command-of-attempt.ts';
import type { Decided } from './decided-events.ts';

export function commandOf(decided: Decided): WorkflowInstanceCommand | undefined {
  const { events, decidedAt: now } = decided;
  const [event, next] = events;
  if (event === undefined) return undefined;
  switch (event.type) {
    case 'WorkflowSubmitted':
      return submission(event.data, next);
    case 'OwnershipTaken': {
      const { epoch: _, ...claim } = event.data;
      return withoutUndefined({ type: 'TakeOwnership', now, ...claim });
    }
    case 'WorkflowReopened':
      return next === undefined ? undefined : askedCommand(next, event.data.reopenedAt);
    case 'WorkflowAdmitted':
      return withoutUndefined({ type: 'AdmitWorkflow', now: event.data.admittedAt, evidence: event.data.evidence });
    case 'WorkflowPaused':
      return { type: 'ConcludePause', now: event.data.pausedAt };
    case 'WorkflowTimedOut': {
      const timerId = runTimeoutTimer(decided.snapshot.context.round);
      return { type: 'FireRunTimer', now: event.data.timedOutAt, timerId };
    }
    case 'WorkflowSucceeded':
    case 'WorkflowFailed':
    case 'WorkflowStopped':
      return { type: 'ConcludeWorkflow', now: event.data.finishedAt };
    default:
      return (
        signalCommand(event, next) ??
        askedCommand(event, now) ??
        placementCommand(event, decided) ??
        taskCommand(event, decided)
      );
  }
}

type Submitted = Extract<WorkflowInstanceEvent, { type: 'WorkflowSubmitted' }>['data'];

/** The first owner takes a run in the append that makes it. */
function submission(
  { submittedAt: now, ...wishes }: Submitted,
  next: WorkflowInstanceEvent | undefined,
): WorkflowInstanceCommand {
  if (next?.type !== 'OwnershipTaken' || next.data.reason !== 'created' || next.data.epoch !== 1) {
    return withoutUndefined({ type: 'SubmitWorkflow', now, ...wishes });
  }
  const { master, incarnation, host, claimRevision } = next.data;
  return withoutUndefined({
    type: 'SubmitWorkflow',
    now,
    ...wishes,
    owner: { master, incarnation, host, claimRevision },
  });
}

/** What a person asked for. */
export function askedCommand(event: WorkflowInstanceEvent, now: number): WorkflowInstanceCommand | undefined {
  switch (event.type) {
    case 'WorkflowStopRequested':
      return withoutUndefined({ type: 'RequestStop', now, ...event.data });
    case 'WorkflowPauseRequested':
      return withoutUndefined({ type: 'RequestPause', now, ...event.data });
    case 'WorkflowResumed':
      return withoutUndefined({ type: 'RequestResume', now, ...event.data });
    case 'StateCleared':
      return withoutUndefined({ type: 'ClearTasks', now, ...event.data });
    case 'WorkflowMoved': {
      const { movedAt, from: _, ...asked } = event.data;
      return withoutUndefined({ type: 'MoveVersion', now: movedAt, ...asked });
    }
    case 'IsolationAdded':
      return withoutUndefined({ type: 'IsolateTask', now, ...event.data });
    case 'IsolationRemoved':
      return withoutUndefined({ type: 'RejoinTask', now, ...event.data });
    case 'PriorityChanged':
      return withoutUndefined({ type: 'ChangePriority', now, ...event.data });
    case 'SignalReceived':
      return withoutUndefined({ type: 'SendSignal', now, ...event.data });
    case 'TaskStopRequested':
      return withoutUndefined({ type: 'StopTask', now, ...event.data });
    case 'TaskSkipped':
      return withoutUndefined({ type: 'SkipTask', now, ...event.data });
    case 'TaskForced': {
      const { forcedAt, ...asked } = event.data;
      return withoutUndefined({ type: 'ForceTask', now: forcedAt, ...asked });
    }
    default:
      return undefined;
  }
}

/** A task that takes the signal at once tells when it came. */
function signalCommand(
  event: WorkflowInstanceEvent,
  next: WorkflowInstanceEvent | undefined,
): WorkflowInstanceCommand | undefined {
  if (event.type !== 'SignalReceived' || next?.type !== 'TaskConcluded') return undefined;
  return askedCommand(event, next.data.finishedAt);
}

/** How a ready task begins, or why it does not. */
function placementCommand(event: WorkflowInstanceEvent, { decidedAt }: Decided): WorkflowInstanceCommand | undefined {
  switch (event.type) {
    case 'TaskHeld':
      return { type: 'HoldTask', now: decidedAt, ...event.data };
    case 'TaskAssigned': {
      const { attempt: _, ...place } = event.data;
      return withoutUndefined({ type: 'AssignTask', now: decidedAt, ...place });
    }
    case 'TaskQueued':
      return { type: 'QueueTask', now: event.data.since, task: event.data.task };
    case 'TaskCacheHit': {
      const { takenAt, ...result } = event.data;
      return withoutUndefined({ type: 'UseResult', now: takenAt, ...result });
    }
    default:
      return undefined;
  }
}

/** What is told of a task: by its worker, by a timer, by who waits for it. */
function taskCommand(event: WorkflowInstanceEvent, decided: Decided): WorkflowInstanceCommand | undefined {
  if (followsFromCluster(event, decided)) return undefined;
  switch (event.type) {
    case 'TaskRejected':
      return { type: 'RejectAttempt', now: decided.decidedAt, ...event.data };
    case 'TaskAccepted':
    case 'TaskStarted':
    case 'TaskSucceeded':
    case 'TaskStopped':
      return reportCommand(event, decided);
    case 'ApplicationFound': {
      const { task, attemptId, ...application } = event.data;
      return { type: 'RecordApplications', now: decided.decidedAt, task, attemptId, applications: [application] };
    }
    case 'TaskFailed':
      return failureCommand(event.data, decided);
    case 'TaskLost':
    case 'TaskWorkerAbsent':
      return lossCommand(event, decided);
    case 'TaskWorkerReturned': {
      const { task, attemptId, returnedAt } = event.data;
      return { type: 'ReturnAttempt', now: returnedAt, task, attemptId };
    }
    case 'TaskDelayed':
    case 'TaskBranchChosen':
    case 'TaskUnstartable':
    case 'TaskAwaits':
    case 'TaskDryRun':
    case 'TaskExpanded':
      return startCommand(event, decided);
    case 'TaskCollected':
      return { type: 'CollectItems', now: event.data.finishedAt, task: event.data.task };
    case 'TaskConcluded':
      return conclusionCommand(event.data, decided);
    case 'TaskTimedOut':
    case 'TaskTimeoutWarned':
    case 'TaskRetryDue':
    case 'TaskDelayOver':
    case 'TaskQueueTimedOut':
      return timerCommand(event, decided);
    default:
      return undefined;
  }
}

/** What clusters said stands in the events only where it was news. */
function followsFromCluster(event: WorkflowInstanceEvent, { plan, snapshot }: Decided): boolean {
  if (!('task' in event.data) || event.data.task === undefined || 'decidedBy' in event.data) return false;
  const tended = taskStateOf(plan, snapshot.context, event.data.task)?.context.tended;
  if (tended === undefined) return false;
  return event.type === 'ApplicationFound' || tended.orphan !== null;
}

type TimerEvent = Extract<
  WorkflowInstanceEvent,
  { type: 'TaskTimedOut' | 'TaskTimeoutWarned' | 'TaskRetryDue' | 'TaskDelayOver' | 'TaskQueueTimedOut' }
>;

function timerCommand(event: TimerEvent, { plan, snapshot, decidedAt }: Decided): WorkflowInstanceCommand | undefined {
  const { task } = event.data;
  const state = taskStateOf(plan, snapshot.context, task)?.context;
  if (state === undefined) return undefined;
  const fire = (timerId: string, now: number): WorkflowInstanceCommand => ({
    type: 'FireTimer',
    now,
    random: 0.5,
    timerId,
    task,
    lossesMax: Number.MAX_SAFE_INTEGER,
  });
  switch (event.type) {
    case 'TaskRetryDue':
      return fire(timerIds.retry(task, state.failures), decidedAt);
    case 'TaskDelayOver':
      return fire(timerIds.delay(task, state.round), decidedAt);
    case 'TaskQueueTimedOut':
      return fire(timerIds.queue(task, state.queue?.since ?? 0), event.data.timedOutAt);
    case 'TaskTimedOut':
    case 'TaskTimeoutWarned': {
      const { attemptId } = event.data;
      const now = event.type === 'TaskTimedOut' ? event.data.timedOutAt : event.data.warnedAt;
      const isAttempt = state.current !== null;
      return fire(isAttempt ? timerIds.timeout(attemptId) : timerIds.awaited(attemptId), now);
    }
  }
}

/** The fields of a command and of its event have the same names and types. */
type Loose = { type: WorkflowInstanceCommand['type']; now: number; [field: string]: unknown };

/** A command says nothing of what it does not know. Reason for the cast: an absent field is not an undefined one. */
function withoutUndefined(command: Loose): WorkflowInstanceCommand {
  const known = Object.entries(command).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as unknown as WorkflowInstanceCommand;
}
