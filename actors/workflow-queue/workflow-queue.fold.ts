/** What each event changes in the queue of a workflow, and what it asks of the outside. */
import type { Concurrency } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { counted, ownershipOf } from '../kit/owned-actor.ts';
import type { WorkflowQueueEffect } from './workflow-queue.effects.ts';
import { nextStep, type WorkflowQueueContext } from './workflow-queue.state.ts';

type Folded = { context: WorkflowQueueContext; effects: WorkflowQueueEffect[] };

export function foldWorkflowQueue(before: WorkflowQueueContext, event: WorkflowQueueEvent): Folded {
  const context = { ...changed(before, event), ...counted(before) };
  const effects = owedAfter(before, event);
  if (nextStep(context) !== undefined) effects.push({ type: 'admitNext' });
  return { context, effects };
}

function owedAfter(before: WorkflowQueueContext, event: WorkflowQueueEvent): WorkflowQueueEffect[] {
  switch (event.type) {
    case 'OwnershipTaken':
    case 'RunLeft':
      return [];
    case 'RunQueued': {
      const isIdle = before.waiting.length + before.active.length + before.discarded.length === 0;
      return isIdle ? [{ type: 'watchRuns' }] : [];
    }
    case 'RunAdmitted':
      return [{ type: 'tellRun', instance: event.data.instance }];
    case 'RunDiscarded':
      return [{ type: 'tellRun', instance: event.data.instance }];
    case 'PreemptionRequested':
      return [{ type: 'preemptRun', instance: event.data.instance, by: event.data.by }];
  }
}

function changed(context: WorkflowQueueContext, event: WorkflowQueueEvent): WorkflowQueueContext {
  switch (event.type) {
    case 'OwnershipTaken':
      return { ...context, ...ownershipOf(context, event) };
    case 'RunQueued': {
      const { instance, priority, concurrency, queuedAt, round } = event.data;
      const queued = { instance, priority, concurrency: concurrencyOf(concurrency), queuedAt, ...roundOf({ round }) };
      return { ...context, waiting: [...context.waiting, queued] };
    }
    case 'RunAdmitted': {
      const { instance, admittedAt, evidence } = event.data;
      const admitted = context.waiting
        .filter((run) => run.instance === instance)
        .map((run) => ({ ...run, admittedAt, evidence, preemptedBy: null }));
      return { ...context, waiting: without(context.waiting, instance), active: [...context.active, ...admitted] };
    }
    case 'RunDiscarded': {
      const { instance, evidence } = event.data;
      const round = context.waiting.find((run) => run.instance === instance)?.round;
      const discarded = [...context.discarded, { instance, evidence, ...roundOf({ round }) }];
      return { ...context, waiting: without(context.waiting, instance), discarded };
    }
    case 'PreemptionRequested': {
      const { instance, by } = event.data;
      const active = context.active.map((run) => (run.instance === instance ? { ...run, preemptedBy: by } : run));
      return { ...context, active };
    }
    case 'RunLeft': {
      const { instance } = event.data;
      const waiting = without(context.waiting, instance);
      const active = without(context.active, instance);
      return { ...context, waiting, active, discarded: without(context.discarded, instance) };
    }
  }
}

/** The fields of the schema in its order (I5). */
export function concurrencyOf({ policy, activeMax }: Concurrency): Concurrency {
  return activeMax === undefined ? { policy } : { policy, activeMax };
}

export function roundOf({ round }: { round?: number | undefined }): { round?: number } {
  return round === undefined ? {} : { round };
}

function without<T extends { instance: InstanceId }>(runs: readonly T[], instance: InstanceId): T[] {
  return runs.filter((run) => run.instance !== instance);
}
