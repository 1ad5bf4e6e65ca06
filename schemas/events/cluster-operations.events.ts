/** What people have ordered for the whole cluster (stream `clusterOperations-main`): crowned tasks, and what is frozen. */
import { z } from 'zod';
import { instanceIdSchema, taskNameSchema, workerGroupSchema, workflowNameSchema } from '../ids.ts';
import { workflowInstanceEvents } from './workflow-instance.events.ts';

const at = z.int();
const asked = { key: z.string(), by: z.string(), reason: z.string().optional() };

/** What a freeze holds: the tasks of all runs of a workflow, or all tasks of a worker group. */
export const frozenSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('workflow'), name: workflowNameSchema }),
  z.object({ kind: z.literal('workerGroup'), name: workerGroupSchema }),
]);

export const crownEndSchema = z.enum(['succeeded', 'taskEnded', 'runEnded', 'removed']);

export const clusterOperationsEvents = {
  OwnershipTaken: workflowInstanceEvents.OwnershipTaken,
  /** While a crown exists, only crowned tasks and what they need are placed. */
  CrownPlaced: z.object({
    id: z.string(),
    instance: instanceIdSchema,
    task: taskNameSchema,
    /** Of the tasks that it needs, those that may run with all that they need in turn. */
    upstreams: z.array(taskNameSchema),
    placedAt: at,
    ...asked,
  }),
  CrownRemoved: z.object({
    id: z.string(),
    why: crownEndSchema,
    removedAt: at,
    by: z.string(),
    reason: z.string().optional(),
  }),
  FreezePlaced: z.object({ target: frozenSchema, placedAt: at, ...asked }),
  FreezeLifted: z.object({ target: frozenSchema, liftedAt: at, ...asked }),
} as const;

export type ClusterOperationsEvent = {
  [T in keyof typeof clusterOperationsEvents]: { type: T; data: z.infer<(typeof clusterOperationsEvents)[T]> };
}[keyof typeof clusterOperationsEvents];

export type Frozen = z.infer<typeof frozenSchema>;
export type CrownEnd = z.infer<typeof crownEndSchema>;
