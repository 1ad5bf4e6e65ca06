/**
 * The facts of the runs of one workflow beside each other (stream `workflowQueue-<workflow name>`): who waits for a turn, who
 * has one, who was turned away. Only for workflows whose definition has `concurrency`.
 */
import { z } from 'zod';
import { concurrencySchema, prioritySchema } from '../definition/workflow.definition.ts';
import { instanceIdSchema } from '../ids.ts';
import { workflowInstanceEvents } from './workflow-instance.events.ts';

const at = z.int();
const run = { instance: instanceIdSchema };

export const workflowQueueEvents = {
  OwnershipTaken: workflowInstanceEvents.OwnershipTaken,
  RunQueued: z.object({
    ...run,
    priority: prioritySchema,
    /** Of the version that the run pins. */
    concurrency: concurrencySchema,
    queuedAt: at,
    /** How often the run had been opened again. Absent: never. */
    round: z.int().min(1).optional(),
  }),
  RunAdmitted: z.object({ ...run, admittedAt: at, evidence: z.string() }),
  /** The run ends as stopped, without having begun. */
  RunDiscarded: z.object({ ...run, discardedAt: at, evidence: z.string() }),
  /** A running one is to stop, so that `by` can take its place. */
  PreemptionRequested: z.object({ ...run, by: instanceIdSchema, requestedAt: at }),
  /** The run has ended: its place is free. */
  RunLeft: z.object({ ...run, leftAt: at }),
} as const;

export type WorkflowQueueEvent = {
  [T in keyof typeof workflowQueueEvents]: { type: T; data: z.infer<(typeof workflowQueueEvents)[T]> };
}[keyof typeof workflowQueueEvents];
