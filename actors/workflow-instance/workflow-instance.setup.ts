/** The guards and actions of the run machine: when an event is legal, what it changes, and what is owed because of it. */
import { setup } from 'xstate';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Plan } from '../graph/plan.ts';
import { effectOnly, update, updateWithEffects } from '../kit/machine-fold.ts';
import { at } from '../kit/persistent-vector.ts';
import { canTaskTake } from '../task-instance/task-instance.fold.ts';
import { isTaskEvent, type TaskEvent } from '../task-instance/task-instance.state.ts';
import type { Propagated } from './run-draft.ts';
import {
  propagateClear,
  propagateIsolation,
  propagatePause,
  propagatePriority,
  propagateRedress,
  propagateResume,
  propagateStart,
} from './steering.ts';
import { findTask } from './task-lookup.ts';
import {
  endsBadly,
  propagateLastTaskEvent,
  propagateStop,
  propagateTaskEvent,
  releaseRoots,
} from './task-propagation.ts';
import {
  counted,
  endOf,
  ownershipOf,
  requestOf,
  submissionOf,
  takenSignal,
  taskRequestOf,
  timeoutOf,
} from './workflow-instance.changes.ts';
import { runTimeoutTimer, type WorkflowInstanceEffect } from './workflow-instance.effects.ts';
import {
  isComplete,
  liveCount,
  type Outcome,
  outcomeOf,
  type WorkflowInstanceContext,
  type WorkflowInstanceStatus,
} from './workflow-instance.state.ts';

type Scope = { context: WorkflowInstanceContext; event: WorkflowInstanceEvent };
type EffectOf<T extends WorkflowInstanceEffect['type']> = Extract<WorkflowInstanceEffect, { type: T }>;

const change = update<WorkflowInstanceContext, WorkflowInstanceEvent>;
const propagate = updateWithEffects<WorkflowInstanceContext, WorkflowInstanceEvent>;
const unchanged = (context: WorkflowInstanceContext): Propagated => ({ context, effects: [] });

export function machineSetup(plan: Plan) {
  return setup({
    types: {} as { context: WorkflowInstanceContext; events: WorkflowInstanceEvent },
    guards: guardsOf(plan),
    actions: {
      count: change(({ context }) => counted(context)),
      rememberSubmission: change(({ context, event }) => submissionOf(plan, context, event)),
      rememberOwner: change(({ context, event }) => ownershipOf(context, event)),
      rememberRequest: change(({ context, event }) => requestOf(plan, context, event)),
      rememberTimeout: change(({ context, event }) => timeoutOf(context, event)),
      rememberEnd: change(({ context, event }) => endOf(context, event)),
      ...propagationsOf(plan),
      placeTask: (_, _params: EffectOf<'placeTask'>) => effectOnly(),
      withdrawTask: (_, _params: EffectOf<'withdrawTask'>) => effectOnly(),
      offerAttempt: (_, _params: EffectOf<'offerAttempt'>) => effectOnly(),
      cancelAttempt: (_, _params: EffectOf<'cancelAttempt'>) => effectOnly(),
      revokeAttempt: (_, _params: EffectOf<'revokeAttempt'>) => effectOnly(),
      releaseSlot: (_, _params: EffectOf<'releaseSlot'>) => effectOnly(),
      attend: (_, _params: EffectOf<'attend'>) => effectOnly(),
      leave: (_, _params: EffectOf<'leave'>) => effectOnly(),
      tendApplications: (_, _params: EffectOf<'tendApplications'>) => effectOnly(),
      collectItems: (_, _params: EffectOf<'collectItems'>) => effectOnly(),
      armTimer: (_, _params: EffectOf<'armTimer'>) => effectOnly(),
      disarmTimer: (_, _params: EffectOf<'disarmTimer'>) => effectOnly(),
      armRunTimer: (_, _params: EffectOf<'armRunTimer'>) => effectOnly(),
      concludeWorkflow: (_, _params: EffectOf<'concludeWorkflow'>) => effectOnly(),
      concludePause: (_, _params: EffectOf<'concludePause'>) => effectOnly(),
      requestAdmission: (_, _params: EffectOf<'requestAdmission'>) => effectOnly(),
    },
  });
}

function guardsOf(plan: Plan) {
  return {
    /** Runs of a workflow with limited concurrency wait for their turn. */
    isQueued: () => isQueued(plan),
    isReopened: ({ context }: Scope) => context.round > 0,
    isNextEpoch: ({ context, event }: Scope) =>
      event.type === 'OwnershipTaken' && event.data.epoch === context.epoch + 1,
    isTaskLegal: (scope: Scope) => isTaskLegal(plan, scope),
    isRedressedAgain: (scope: Scope) => scope.context.round > 0 && isTaskLegal(plan, scope),
    isNewResult: (scope: Scope) => isNewResult(plan, scope),
    endsRun: (scope: Scope) => plan.definition.failurePolicy === 'end' && endsRun(plan, scope),
    endsAs: ({ context }: Scope, { status, outcome }: { status: WorkflowInstanceStatus; outcome: Outcome }) =>
      isComplete(context) && outcomeOf(status, context) === outcome,
    hasNothingLive: ({ context }: Scope) => liveCount(context) === 0,
    isIsolated: ({ context, event }: Scope) =>
      event.type === 'IsolationRemoved' && context.isolated.some(({ task }) => task === event.data.task),
    isOfThisVersion: ({ context, event }: Scope) =>
      event.type === 'WorkflowMoved' && context.definition?.digest === event.data.from.digest,
    isFatalTimeout: ({ event }: Scope) => event.type === 'WorkflowTimedOut' && event.data.action === 'fail',
    isFirstTimeout: ({ context }: Scope) => context.timedOut === null,
  };
}

function propagationsOf(plan: Plan) {
  return {
    passOver: propagate(({ context, event }) =>
      event.type === 'WorkflowSubmitted' && event.data.start !== undefined
        ? { ...propagateStart(plan, context, event.data.start) }
        : unchanged(context),
    ),
    armRunTimeout: propagate(({ context }) => ({ context, effects: runTimeoutOf(context) })),
    askAdmission: propagate(({ context }) => ({ context, effects: [{ type: 'requestAdmission' }] })),
    releaseRoots: propagate(({ context }) => releaseRoots(plan, context)),
    stopTasks: propagate(({ context }) => propagateStop(plan, context)),
    withdrawReady: propagate(({ context }) => propagatePause(plan, context)),
    placeReady: propagate(({ context }) => propagateResume(plan, context)),
    clearTasks: propagate(({ context, event }) =>
      event.type === 'StateCleared' ? propagateClear(plan, context, event.data) : unchanged(context),
    ),
    clearTasksLater: propagate(({ context, event }) =>
      event.type === 'StateCleared' ? withoutPlacing(propagateClear(plan, context, event.data)) : unchanged(context),
    ),
    isolateTasks: propagate(({ context, event }) =>
      event.type === 'IsolationAdded'
        ? propagateIsolation(plan, context, event.data.task, 'Isolated')
        : unchanged(context),
    ),
    rejoinTasks: propagate(({ context, event }) =>
      event.type === 'IsolationRemoved'
        ? propagateIsolation(plan, context, event.data.task, 'Rejoined')
        : unchanged(context),
    ),
    prioritiseTasks: propagate(({ context, event }) =>
      event.type === 'PriorityChanged'
        ? propagatePriority(plan, context, event.data.priority, event.data.task)
        : unchanged(context),
    ),
    foldTask: propagate(({ context, event }) =>
      isTaskEvent(event) ? foldTask(plan, context, event) : unchanged(context),
    ),
    foldLastTask: propagate(({ context, event }) =>
      isTaskEvent(event)
        ? propagateLastTaskEvent(plan, { ...context, ...taskRequestOf(context, event) }, event)
        : unchanged(context),
    ),
    redressTask: propagate(({ context, event }) => redressTask(plan, context, event)),
    redressTaskLater: propagate(({ context, event }) => withoutPlacing(redressTask(plan, context, event))),
  };
}

function foldTask(plan: Plan, context: WorkflowInstanceContext, event: TaskEvent): Propagated {
  if (event.type === 'TaskStopRequested') {
    return propagateTaskEvent(plan, { ...context, ...taskRequestOf(context, event) }, event);
  }
  if (event.type !== 'TaskConcluded') return propagateTaskEvent(plan, context, event);
  const asked = taskRequestOf(context, event);
  const index = plan.indexOf(event.data.task);
  const awaits = index === undefined ? undefined : at(context.tasks, index).context.awaiting?.awaits;
  const isTaken = awaits?.kind === 'signal' && event.data.result === 'succeeded';
  return propagateTaskEvent(
    plan,
    { ...context, ...asked, ...(isTaken ? takenSignal(context, awaits.name) : {}) },
    event,
  );
}

function redressTask(plan: Plan, context: WorkflowInstanceContext, event: WorkflowInstanceEvent): Propagated {
  return event.type === 'TaskForced' || event.type === 'TaskSkipped'
    ? propagateRedress(plan, { ...context, ...taskRequestOf(context, event) }, event)
    : unchanged(context);
}

/** Tasks that became ready are placed when the run is admitted. */
function withoutPlacing({ context, effects }: Propagated): Propagated {
  return { context, effects: effects.filter(({ type }) => type !== 'placeTask') };
}

function isQueued({ definition }: Plan): boolean {
  return 'concurrency' in definition && definition.concurrency !== undefined;
}

function runTimeoutOf({ timeoutAt, round }: WorkflowInstanceContext): WorkflowInstanceEffect[] {
  return timeoutAt === null ? [] : [{ type: 'armRunTimer', timerId: runTimeoutTimer(round), dueAt: timeoutAt }];
}

function isTaskLegal(plan: Plan, { context, event }: Scope): boolean {
  if (!isTaskEvent(event)) return false;
  const found = findTask(plan, context, event.data.task);
  return found !== undefined && canTaskTake(found.state, event);
}

/** Of the attempt by which the task succeeded. */
function isNewResult(plan: Plan, { context, event }: Scope): boolean {
  if (event.type !== 'ResultKept') return false;
  const state = findTask(plan, context, event.data.task)?.state;
  return state?.status === 'succeeded' && state.context.last?.attemptId === event.data.result.attemptId;
}

function endsRun(plan: Plan, { context, event }: Scope): boolean {
  if (!isTaskEvent(event)) return false;
  const index = plan.indexOf(event.data.task);
  const task = index === undefined ? undefined : plan.tasks[index];
  return task !== undefined && endsBadly(task, at(context.tasks, task.index), event);
}
