/**
 * The facts of one workflow instance, in the order in which its owner decided them (stream `workflowInstance-<id>`).
 * Life-cycle events begin with `Workflow`, so that readers of all runs can filter by type prefix.
 */
import { z } from 'zod';
import { definitionReferenceSchema } from '../definition/workflow.definition.ts';
import {
  attemptIdSchema,
  incarnationSchema,
  masterIdSchema,
  submissionKeySchema,
  taskNameSchema,
  workerGroupSchema,
  workerIdSchema,
} from '../ids.ts';
import { jsonRecordSchema } from '../json.ts';

const at = z.int();
const attempt = { task: taskNameSchema, attemptId: attemptIdSchema };

/** Why a task, an attempt or a run ended badly, in the words of the error catalogue. */
export const faultSchema = z.object({ code: z.string(), message: z.string() });

/** Why one worker was chosen: the balancer, and the candidates it compared (at most eight are kept). */
export const placementReasonSchema = z.object({
  balancer: z.string(),
  candidates: z.array(z.object({ worker: workerIdSchema, freeSlots: z.int(), load: z.number() })),
  candidateCount: z.int(),
});

export const holdReasonSchema = z.object({
  code: z.enum(['NO_WORKER_IN_GROUP', 'NO_FREE_SLOT', 'WORKERS_BUSY']),
  message: z.string(),
  group: workerGroupSchema,
});

export const ownershipReasonSchema = z.enum(['created', 'masterLost', 'claimLost', 'handedOver']);

export const workflowInstanceEvents = {
  WorkflowSubmitted: z.object({
    definition: definitionReferenceSchema,
    key: submissionKeySchema,
    params: jsonRecordSchema,
    submittedAt: at,
  }),
  OwnershipTaken: z.object({
    epoch: z.int().min(1),
    master: masterIdSchema,
    incarnation: incarnationSchema,
    host: z.string(),
    /** Revision of the KV entry by which the master claimed the instance. */
    claimRevision: z.int().min(0),
    reason: ownershipReasonSchema,
    evidence: z.string().optional(),
  }),
  TaskHeld: z.object({ task: taskNameSchema, reason: holdReasonSchema }),
  TaskAssigned: z.object({
    ...attempt,
    /** 1 for the first attempt of the task. */
    attempt: z.int().min(1),
    worker: workerIdSchema,
    workerIncarnation: incarnationSchema,
    why: placementReasonSchema,
  }),
  TaskRejected: z.object({ ...attempt, reason: faultSchema }),
  TaskAccepted: z.object({ ...attempt }),
  TaskStarted: z.object({ ...attempt, startedAt: at, timeoutAt: at.optional() }),
  TaskSucceeded: z.object({ ...attempt, startedAt: at, finishedAt: at, outputs: jsonRecordSchema }),
  TaskFailed: z.object({
    ...attempt,
    startedAt: at.optional(),
    finishedAt: at,
    fault: faultSchema,
    exitCode: z.int().optional(),
    /** Present when another attempt follows, at `dueAt`. */
    retry: z.object({ delayMs: z.int(), dueAt: at }).optional(),
  }),
  /** The attempt ran longer than its timeout; it is being cancelled and its last report is awaited. */
  TaskTimedOut: z.object({ ...attempt, timedOutAt: at }),
  /** The worker that held the attempt is gone; nothing more will come of it. Not counted as one of the user's attempts. */
  TaskLost: z.object({
    ...attempt,
    lostAt: at,
    reason: faultSchema,
    evidence: z.string().optional(),
    /** True when the task fails instead of being assigned again: it was lost too often, or `onWorkerLost` or a person says so. */
    givenUp: z.boolean(),
    /** The person who decided it, while the worker was absent. */
    decidedBy: z.object({ key: z.string(), by: z.string(), reason: z.string().optional() }).optional(),
  }),
  /** The worker of the attempt is absent for too long, or no longer has the attempt. It is not lost yet: the task's `onWorkerLost` is `wait` or `ask`. */
  TaskWorkerAbsent: z.object({
    ...attempt,
    since: at,
    reason: faultSchema,
    evidence: z.string().optional(),
    /** When the attempt is lost, if the worker has not returned. Absent while a person is asked. */
    dueAt: at.optional(),
  }),
  /** The worker is here again and still has the attempt, which goes on. */
  TaskWorkerReturned: z.object({ ...attempt, returnedAt: at }),
  TaskRetryDue: z.object({ task: taskNameSchema }),
  /** The attempt ended because the run is being stopped or ended. */
  TaskStopped: z.object({ ...attempt, finishedAt: at }),
  WorkflowStopRequested: z.object({ key: z.string(), by: z.string(), reason: z.string().optional() }),
  WorkflowSucceeded: z.object({ finishedAt: at, outputs: jsonRecordSchema.optional() }),
  /** Names up to 20 of the failed tasks. */
  WorkflowFailed: z.object({ finishedAt: at, failedTasks: z.array(taskNameSchema), failedCount: z.int() }),
  WorkflowStopped: z.object({ finishedAt: at, by: z.string() }),
} as const;

export type WorkflowInstanceEventType = keyof typeof workflowInstanceEvents;

export type WorkflowInstanceEvent = {
  [T in WorkflowInstanceEventType]: { type: T; data: z.infer<(typeof workflowInstanceEvents)[T]> };
}[WorkflowInstanceEventType];

export type WorkflowInstanceEventOf<T extends WorkflowInstanceEventType> = Extract<WorkflowInstanceEvent, { type: T }>;

export type Fault = z.infer<typeof faultSchema>;
export type PlacementReason = z.infer<typeof placementReasonSchema>;
export type HoldReason = z.infer<typeof holdReasonSchema>;
export type OwnershipReason = z.infer<typeof ownershipReasonSchema>;
