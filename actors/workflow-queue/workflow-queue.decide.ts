/** Commands to the queue of a workflow, decided into events. What has been done already is answered with no events. */
import type { WorkflowQueueCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import type { Decision } from '../kit/decider.ts';
import { takeOwnership } from '../kit/owned-actor.ts';
import { concurrencyOf, roundOf } from './workflow-queue.fold.ts';
import type { WorkflowQueueSnapshot } from './workflow-queue.machine.ts';
import { activeMaxOf, memberOf, nextStep, type QueuedRun, type WorkflowQueueContext } from './workflow-queue.state.ts';

export function decideWorkflowQueue(
  { context }: WorkflowQueueSnapshot,
  command: WorkflowQueueCommand,
): Decision<WorkflowQueueEvent> {
  return { kind: 'events', events: eventsOf(context, command) };
}

function eventsOf(context: WorkflowQueueContext, command: WorkflowQueueCommand): WorkflowQueueEvent[] {
  switch (command.type) {
    case 'TakeOwnership':
      return [takeOwnership(context, command)];
    case 'RequestAdmission': {
      const { instance, priority, concurrency, now, round } = command;
      const member = memberOf(context, instance);
      if (member !== undefined && (member.round ?? 0) >= (round ?? 0)) return [];
      const data = { instance, priority, concurrency: concurrencyOf(concurrency), queuedAt: now, ...roundOf(command) };
      const queued = { type: 'RunQueued', data } as const;
      // Whoever was opened again had ended before, whether or not that was told.
      return member === undefined ? [queued] : [{ type: 'RunLeft', data: { instance, leftAt: now } }, queued];
    }
    case 'LeaveQueue': {
      const { instance, now, round } = command;
      const member = memberOf(context, instance);
      if (member === undefined || (member.round ?? 0) > (round ?? 0)) return [];
      return [{ type: 'RunLeft', data: { instance, leftAt: now } }];
    }
    case 'AdmitNext':
      return next(context, command.now);
  }
}

/** One at a time: the effect of each step asks for the next. */
function next(context: WorkflowQueueContext, now: number): WorkflowQueueEvent[] {
  const step = nextStep(context);
  if (step === undefined) return [];
  const { instance } = step.run;
  switch (step.kind) {
    case 'admit':
      return [
        { type: 'RunAdmitted', data: { instance, admittedAt: now, evidence: admissionEvidence(context, step.run) } },
      ];
    case 'discard':
      return [{ type: 'RunDiscarded', data: { instance, discardedAt: now, evidence: step.evidence } }];
    case 'preempt':
      return [{ type: 'PreemptionRequested', data: { instance, by: step.by, requestedAt: now } }];
  }
}

function admissionEvidence({ active }: WorkflowQueueContext, { concurrency }: QueuedRun): string {
  const limit = activeMaxOf(concurrency);
  const most = Number.isFinite(limit) ? `at most ${limit}` : 'any number of';
  return `${active.length} other runs were active, of ${most}`;
}
