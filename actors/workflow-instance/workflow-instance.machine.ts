/**
 * One run of one workflow version. It is fed recorded events only; each event that it takes counts, so that a fold which
 * changes nothing is a broken journal.
 *
 * I1 OwnershipTaken raises the epoch by exactly one.
 * I4 Events of an attempt are taken only while it is the task's current attempt (the task machine's T1).
 * I9 A run ends only when every task has ended, and its end follows from theirs.
 */
import { type SnapshotFrom, setup } from 'xstate';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Plan } from '../graph/plan.ts';
import { effectOnly, update, updateWithEffects } from '../kit/machine-fold.ts';
import { at } from '../kit/persistent-vector.ts';
import { canTaskTake } from '../task-instance/task-instance.fold.ts';
import {
  type Propagated,
  propagateLastTaskEvent,
  propagateStop,
  propagateTaskEvent,
  releaseRoots,
} from './task-propagation.ts';
import type { WorkflowInstanceEffect } from './workflow-instance.effects.ts';
import {
  initialContext,
  isComplete,
  type Outcome,
  outcomeOf,
  type WorkflowInstanceContext,
  type WorkflowInstanceStatus,
} from './workflow-instance.state.ts';

type TaskEvent = Extract<WorkflowInstanceEvent, { type: `Task${string}` }>;
type Scope = { context: WorkflowInstanceContext; event: WorkflowInstanceEvent };
type EffectOf<T extends WorkflowInstanceEffect['type']> = Extract<WorkflowInstanceEffect, { type: T }>;

const isTaskEvent = (event: WorkflowInstanceEvent): event is TaskEvent => event.type.startsWith('Task');

/** The machine of runs of one plan. Make it once per definition version: runs share it. */
export function workflowInstanceMachine(plan: Plan) {
  const start = initialContext(plan);
  return machineSetup(plan).createMachine({
    id: 'workflowInstance',
    context: () => start,
    initial: 'submitted',
    states: {
      submitted: { on: { WorkflowSubmitted: { target: 'active', actions: ['rememberSubmission', 'releaseRoots'] } } },
      active: {
        on: {
          ...ownership,
          ...taskEvents,
          TaskFailed: [{ guard: 'endsRun', target: 'ending', actions: 'foldLastTask' }, taskEvents.TaskFailed],
          TaskLost: [{ guard: 'endsRun', target: 'ending', actions: 'foldLastTask' }, taskEvents.TaskLost],
          WorkflowStopRequested: { target: 'stopping', actions: ['rememberStop', 'stopTasks'] },
          ...conclusionsIn('active'),
        },
      },
      stopping: { on: { ...ownership, ...taskEvents, ...conclusionsIn('stopping') } },
      ending: { on: { ...ownership, ...taskEvents, ...conclusionsIn('ending') } },
      succeeded: { type: 'final' },
      failed: { type: 'final' },
      stopped: { type: 'final' },
    },
  });
}

export type WorkflowInstanceSnapshot = SnapshotFrom<ReturnType<typeof workflowInstanceMachine>>;

const takeTaskEvent = { guard: 'isTaskLegal', actions: 'foldTask' } as const;
const taskEvents = {
  TaskHeld: takeTaskEvent,
  TaskAssigned: takeTaskEvent,
  TaskRejected: takeTaskEvent,
  TaskAccepted: takeTaskEvent,
  TaskStarted: takeTaskEvent,
  TaskSucceeded: takeTaskEvent,
  TaskFailed: takeTaskEvent,
  TaskTimedOut: takeTaskEvent,
  TaskLost: takeTaskEvent,
  TaskWorkerAbsent: takeTaskEvent,
  TaskWorkerReturned: takeTaskEvent,
  TaskRetryDue: takeTaskEvent,
  TaskStopped: takeTaskEvent,
} as const;
const ownership = { OwnershipTaken: { guard: 'isNextEpoch', actions: 'rememberOwner' } } as const;

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

const counted = (context: WorkflowInstanceContext) => ({ eventCount: context.eventCount + 1 });

const change = update<WorkflowInstanceContext, WorkflowInstanceEvent>;
const propagate = updateWithEffects<WorkflowInstanceContext, WorkflowInstanceEvent>;
const nothing = (context: WorkflowInstanceContext): Propagated => ({ context, effects: [] });

function machineSetup(plan: Plan) {
  return setup({
    types: {} as { context: WorkflowInstanceContext; events: WorkflowInstanceEvent },
    guards: {
      isNextEpoch: ({ context, event }) => event.type === 'OwnershipTaken' && event.data.epoch === context.epoch + 1,
      isTaskLegal: (scope) => isTaskLegal(plan, scope),
      endsRun: (scope) => plan.definition.failurePolicy === 'end' && isFinalFailure(scope) && isTaskLegal(plan, scope),
      endsAs: ({ context }, { status, outcome }: { status: WorkflowInstanceStatus; outcome: Outcome }) =>
        isComplete(context) && outcomeOf(status, context) === outcome,
    },
    actions: {
      rememberSubmission: change(({ context, event }) => submissionOf(context, event)),
      rememberOwner: change(({ context, event }) => ownershipOf(context, event)),
      rememberStop: change(({ context, event }) => stopOf(context, event)),
      rememberEnd: change(({ context, event }) => endOf(context, event)),
      releaseRoots: propagate(({ context }) => releaseRoots(plan, context)),
      stopTasks: propagate(({ context }) => propagateStop(plan, context)),
      foldTask: propagate(({ context, event }) =>
        isTaskEvent(event) ? propagateTaskEvent(plan, context, event) : nothing(context),
      ),
      foldLastTask: propagate(({ context, event }) =>
        isTaskEvent(event) ? propagateLastTaskEvent(plan, context, event) : nothing(context),
      ),
      placeTask: (_, _params: EffectOf<'placeTask'>) => effectOnly(),
      withdrawTask: (_, _params: EffectOf<'withdrawTask'>) => effectOnly(),
      offerAttempt: (_, _params: EffectOf<'offerAttempt'>) => effectOnly(),
      cancelAttempt: (_, _params: EffectOf<'cancelAttempt'>) => effectOnly(),
      revokeAttempt: (_, _params: EffectOf<'revokeAttempt'>) => effectOnly(),
      releaseSlot: (_, _params: EffectOf<'releaseSlot'>) => effectOnly(),
      armTimer: (_, _params: EffectOf<'armTimer'>) => effectOnly(),
      disarmTimer: (_, _params: EffectOf<'disarmTimer'>) => effectOnly(),
      concludeWorkflow: (_, _params: EffectOf<'concludeWorkflow'>) => effectOnly(),
    },
  });
}

function isTaskLegal(plan: Plan, { context, event }: Scope): boolean {
  if (!isTaskEvent(event)) return false;
  const index = plan.indexOf(event.data.task);
  return index !== undefined && canTaskTake(at(context.tasks, index), event);
}

function isFinalFailure({ event }: Scope): boolean {
  if (event.type === 'TaskFailed') return event.data.retry === undefined;
  return event.type === 'TaskLost' && event.data.givenUp;
}

function submissionOf(
  context: WorkflowInstanceContext,
  event: WorkflowInstanceEvent,
): Partial<WorkflowInstanceContext> {
  if (event.type !== 'WorkflowSubmitted') return {};
  const { definition, key, params, submittedAt } = event.data;
  const { name, version, digest } = definition;
  return { ...counted(context), definition: { name, version, digest }, key, params, submittedAt };
}

function ownershipOf(context: WorkflowInstanceContext, event: WorkflowInstanceEvent): Partial<WorkflowInstanceContext> {
  if (event.type !== 'OwnershipTaken') return {};
  const { epoch, master, incarnation, host, claimRevision } = event.data;
  return { ...counted(context), epoch, owner: { master, incarnation, host, claimRevision } };
}

function stopOf(context: WorkflowInstanceContext, event: WorkflowInstanceEvent): Partial<WorkflowInstanceContext> {
  if (event.type !== 'WorkflowStopRequested') return {};
  const { key, by, reason } = event.data;
  return { ...counted(context), stop: { key, by, reason: reason ?? null } };
}

function endOf(context: WorkflowInstanceContext, event: WorkflowInstanceEvent): Partial<WorkflowInstanceContext> {
  const isEnd =
    event.type === 'WorkflowSucceeded' || event.type === 'WorkflowFailed' || event.type === 'WorkflowStopped';
  return isEnd ? { ...counted(context), finishedAt: event.data.finishedAt } : {};
}
