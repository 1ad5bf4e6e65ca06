/** The journaled actor of the queue of a workflow: machine, decisions and effects joined. */
import type { WorkflowQueueCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import { type OwnedActor, ownedActor } from '../kit/owned-actor.ts';
import { decideWorkflowQueue } from './workflow-queue.decide.ts';
import { pendingQueueEffects, type WorkflowQueueEffect } from './workflow-queue.effects.ts';
import { type WorkflowQueueSnapshot, workflowQueueMachine } from './workflow-queue.machine.ts';

export type WorkflowQueueActor = OwnedActor<
  WorkflowQueueSnapshot,
  WorkflowQueueEvent,
  WorkflowQueueCommand,
  WorkflowQueueEffect
>;

export const workflowQueueActor: WorkflowQueueActor = ownedActor<
  WorkflowQueueSnapshot,
  WorkflowQueueEvent,
  WorkflowQueueCommand,
  WorkflowQueueEffect
>({ machine: workflowQueueMachine, decide: decideWorkflowQueue, pendingEffects: pendingQueueEffects });
