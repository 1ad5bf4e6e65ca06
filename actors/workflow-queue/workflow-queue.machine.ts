/**
 * The queue of one workflow's runs.
 *
 * Q1 A run is admitted only when fewer runs are active than its definition allows, in the order of priority and age.
 * Q2 A place becomes free only when its run has ended: a run that is asked to stop keeps it until then.
 * Q3 What the queue does by itself (admit, discard, preempt) follows from its state: no wake-up can be lost.
 */
import { type SnapshotFrom, setup } from 'xstate';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import { effectOnly, updateWithEffects } from '../kit/machine-fold.ts';
import { isNextEpoch } from '../kit/owned-actor.ts';
import type { WorkflowQueueEffect } from './workflow-queue.effects.ts';
import { foldWorkflowQueue } from './workflow-queue.fold.ts';
import {
  isMember,
  type NextStep,
  newWorkflowQueue,
  nextStep,
  type WorkflowQueueContext,
} from './workflow-queue.state.ts';

type Scope = { context: WorkflowQueueContext; event: WorkflowQueueEvent };
type EffectOf<T extends WorkflowQueueEffect['type']> = Extract<WorkflowQueueEffect, { type: T }>;

const queueSetup = setup({
  types: {} as { context: WorkflowQueueContext; events: WorkflowQueueEvent },
  guards: {
    isNextEpoch,
    isStranger: ({ context, event }) => event.type === 'RunQueued' && !isMember(context, event.data.instance),
    isMember: ({ context, event }) => event.type === 'RunLeft' && isMember(context, event.data.instance),
    isAdmitted: (scope) => isNext(scope, 'admit'),
    isDiscarded: (scope) => isNext(scope, 'discard'),
    isPreempted: (scope) => isNext(scope, 'preempt'),
  },
  actions: {
    fold: updateWithEffects<WorkflowQueueContext, WorkflowQueueEvent>(({ context, event }) =>
      foldWorkflowQueue(context, event),
    ),
    admitNext: (_, _params: EffectOf<'admitNext'>) => effectOnly(),
    tellRun: (_, _params: EffectOf<'tellRun'>) => effectOnly(),
    preemptRun: (_, _params: EffectOf<'preemptRun'>) => effectOnly(),
    watchRuns: (_, _params: EffectOf<'watchRuns'>) => effectOnly(),
  },
});

/** Q3. */
function isNext({ context, event }: Scope, kind: NextStep['kind']): boolean {
  const step = nextStep(context);
  return step?.kind === kind && 'instance' in event.data && event.data.instance === step.run.instance;
}

export const workflowQueueMachine = queueSetup.createMachine({
  id: 'workflowQueue',
  context: () => newWorkflowQueue,
  initial: 'open',
  states: {
    open: {
      on: {
        OwnershipTaken: { guard: 'isNextEpoch', actions: 'fold' },
        RunQueued: { guard: 'isStranger', actions: 'fold' },
        RunAdmitted: { guard: 'isAdmitted', actions: 'fold' },
        RunDiscarded: { guard: 'isDiscarded', actions: 'fold' },
        PreemptionRequested: { guard: 'isPreempted', actions: 'fold' },
        RunLeft: { guard: 'isMember', actions: 'fold' },
      },
    },
  },
});

export type WorkflowQueueSnapshot = SnapshotFrom<typeof workflowQueueMachine>;
