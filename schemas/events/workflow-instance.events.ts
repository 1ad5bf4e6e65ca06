/**
 * The facts of one workflow instance, in the order in which its owner decided them (stream `workflowInstance-<id>`).
 * Life-cycle events begin with `Workflow`, so that readers of all runs can filter by type prefix.
 */
import { z } from 'zod';
import { foundApplicationSchema } from '../clusters/application.schema.ts';
import {
  definitionReferenceSchema,
  prioritySchema,
  workflowDefinitionSchema,
} from '../definition/workflow.definition.ts';
import { faultSchema } from '../fault.ts';
import {
  attemptIdSchema,
  cacheKeySchema,
  incarnationSchema,
  instanceIdSchema,
  masterIdSchema,
  paramNameSchema,
  runTaskNameSchema,
  submissionKeySchema,
  taskNameSchema,
  workerGroupSchema,
  workerIdSchema,
  workflowNameSchema,
} from '../ids.ts';
import { jsonRecordSchema, jsonValueSchema } from '../json.ts';
import { applicationEvents } from './application.events.ts';

const at = z.int();
const attempt = { task: runTaskNameSchema, attemptId: attemptIdSchema };

/** Why one worker was chosen: the balancer, and the candidates it compared (at most eight are kept). */
export const placementReasonSchema = z.object({
  balancer: z.string(),
  candidates: z.array(z.object({ worker: workerIdSchema, freeSlots: z.int(), load: z.number() })),
  candidateCount: z.int(),
});

export const holdReasonSchema = z.object({
  code: z.enum([
    'NO_WORKER_IN_GROUP',
    'NO_FREE_SLOT',
    'WORKERS_BUSY',
    'GROUP_SLOTS_TAKEN',
    'GROUP_CLOSED',
    'HELD_BY_CORONATION',
    'WORKFLOW_FROZEN',
    'GROUP_FROZEN',
  ]),
  message: z.string(),
  group: workerGroupSchema,
});

/** Who asked for something, under which key, and why. */
const asked = { key: z.string(), by: z.string(), reason: z.string().optional() };

export const startModeSchema = z.enum(['only', 'forward', 'backward']);

/** Where a run begins when not everything is to run: the tasks, and whether what they need or what needs them runs too. */
export const startSchema = z.object({
  tasks: z.array(taskNameSchema).min(1),
  mode: startModeSchema,
});

/** What a task waits for that no worker runs. */
export const awaitedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('signal'), name: z.string() }),
  z.object({ kind: z.literal('approval'), question: z.string().optional() }),
  z.object({
    kind: z.literal('workflow'),
    child: instanceIdSchema,
    workflow: workflowNameSchema,
    version: z.int().optional(),
  }),
  z.object({ kind: z.literal('dependent') }),
]);

/** How the items of a map have ended. */
export const itemEndsSchema = z.object({
  succeeded: z.int(),
  failed: z.int(),
  stopped: z.int(),
  skipped: z.int(),
});

/** `depth` is 1 for the child of a run that nobody's task started. */
export const parentSchema = z.object({ instance: instanceIdSchema, task: runTaskNameSchema, depth: z.int().min(1) });

/** The attempt whose result is taken in place of one of this run. */
export const resultSourceSchema = z.object({
  instance: instanceIdSchema,
  task: runTaskNameSchema,
  attemptId: attemptIdSchema,
  finishedAt: at,
});

export const clearScopeSchema = z.enum(['failed', 'all', 'tasks', 'descendants']);

export const ownershipReasonSchema = z.enum(['created', 'masterLost', 'claimLost', 'handedOver', 'reopened']);

export const workflowInstanceEvents = {
  WorkflowSubmitted: z.object({
    definition: definitionReferenceSchema,
    key: submissionKeySchema,
    params: jsonRecordSchema,
    submittedAt: at,
    /** Parameters that the submission gave itself; the others are defaults. Absent: not known. */
    given: z.array(z.string()).optional(),
    /** Absent: everything runs. */
    start: startSchema.optional(),
    /** True: no task is run, each succeeds at once without outputs. */
    dryRun: z.boolean().optional(),
    /** In place of the priorities of all tasks. */
    priority: prioritySchema.optional(),
    /** The time that the run is about, in time expressions and for dependents. Absent: `submittedAt`. */
    logicalAt: at.optional(),
    /** The task of another run that started this one. */
    parent: parentSchema.optional(),
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
  TaskHeld: z.object({ task: runTaskNameSchema, reason: holdReasonSchema }),
  TaskAssigned: z.object({
    ...attempt,
    /** 1 for the first attempt of the task. */
    attempt: z.int().min(1),
    worker: workerIdSchema,
    workerIncarnation: incarnationSchema,
    why: placementReasonSchema,
    /** Digest of what the attempt is given, where its result is to be kept for other runs. */
    cacheKey: cacheKeySchema.optional(),
  }),
  TaskRejected: z.object({ ...attempt, reason: faultSchema }),
  TaskAccepted: z.object({ ...attempt }),
  TaskStarted: z.object({ ...attempt, startedAt: at, timeoutAt: at.optional() }),
  /** An attempt has started an application on a cluster, where it lives on when the worker is gone. Also told late, of an earlier attempt. */
  ApplicationFound: z.object({ ...attempt, ...foundApplicationSchema.shape }),
  ...applicationEvents,
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
  /** The first attempt waits until then. */
  TaskDelayed: z.object({ task: runTaskNameSchema, dueAt: at }),
  TaskDelayOver: z.object({ task: runTaskNameSchema }),
  /** A task with a queue timeout waits for a worker. */
  TaskQueued: z.object({ task: runTaskNameSchema, since: at, dueAt: at }),
  TaskQueueTimedOut: z.object({
    task: runTaskNameSchema,
    timedOutAt: at,
    action: z.enum(['warn', 'fail']),
    fault: faultSchema,
  }),
  /** The attempt runs longer than its timeout, which only warns. */
  TaskTimeoutWarned: z.object({ ...attempt, warnedAt: at }),
  /** A switch or conditions task took a way: of its dependants that a way names, only those in `next` run. */
  TaskBranchChosen: z.object({
    task: runTaskNameSchema,
    decidedAt: at,
    /** The way taken: `case 2`, `next`, `otherwise`. */
    choice: z.string(),
    next: z.array(taskNameSchema),
  }),
  /** The task failed before any attempt: an expression, a reference or a limit was wrong. */
  TaskUnstartable: z.object({ task: runTaskNameSchema, failedAt: at, fault: faultSchema }),
  /** The task waits for an answer from outside; no worker runs it. */
  TaskAwaits: z.object({
    ...attempt,
    attempt: z.int().min(1),
    since: at,
    dueAt: at.optional(),
    awaits: awaitedSchema,
  }),
  /** What the task waited for has come, or will not come. */
  TaskConcluded: z.object({
    ...attempt,
    finishedAt: at,
    result: z.enum(['succeeded', 'failed', 'stopped']),
    outputs: jsonRecordSchema.optional(),
    fault: faultSchema.optional(),
    retry: z.object({ delayMs: z.int(), dueAt: at }).optional(),
    /** The person who approved or declined. */
    decidedBy: z.object(asked).optional(),
    /** What it follows from: a command's key, a run and its end. */
    evidence: z.string().optional(),
  }),
  /** A map has become items, which are tasks of the run named by their number: `resize[17]`. */
  TaskExpanded: z.object({
    ...attempt,
    attempt: z.int().min(1),
    expandedAt: at,
    /** When the map takes too long. */
    dueAt: at.optional(),
    itemCount: z.int().min(0),
    /** The lists, whose product the items are: the last name changes fastest. Absent: the items that it had go on. */
    over: z.array(z.object({ name: paramNameSchema, values: z.array(jsonValueSchema) })).optional(),
  }),
  /** All items of a map have ended. What they put out stands in their own events. */
  TaskCollected: z.object({
    ...attempt,
    finishedAt: at,
    result: z.enum(['succeeded', 'failed', 'stopped']),
    counts: itemEndsSchema,
    fault: faultSchema.optional(),
    /** The results are larger than outputs may be, and are not among them. */
    leftOut: z.object({ sizeBytes: z.int(), sizeMaxBytes: z.int() }).optional(),
  }),
  /** In a dry run: the task would have run now. */
  TaskDryRun: z.object({ task: runTaskNameSchema, finishedAt: at }),
  /** The task does not run: its result is that of an earlier run with the same inputs. */
  TaskCacheHit: z.object({
    task: runTaskNameSchema,
    takenAt: at,
    cacheKey: cacheKeySchema,
    source: resultSourceSchema,
    outputs: jsonRecordSchema,
  }),
  TaskStopRequested: z.object({ task: runTaskNameSchema, ...asked }),
  TaskSkipped: z.object({ task: runTaskNameSchema, ...asked }),
  /** A person declares that the task succeeded. */
  TaskForced: z.object({ task: runTaskNameSchema, ...asked, forcedAt: at, outputs: jsonRecordSchema }),
  /** Other runs may take the result until it expires. Stands behind the success of the task. */
  ResultKept: z.object({
    task: runTaskNameSchema,
    cacheKey: cacheKeySchema,
    expiresAt: at,
    result: z.object({ attemptId: attemptIdSchema, finishedAt: at, outputs: jsonRecordSchema }),
  }),
  TaskRetryDue: z.object({ task: runTaskNameSchema }),
  /** The attempt ended because the run is being stopped or ended. */
  TaskStopped: z.object({ ...attempt, finishedAt: at }),
  /** Tasks are to run again as if they never had; `tasks` names them where the scope does not. What was blocked or skipped because of them waits again. */
  StateCleared: z.object({ scope: clearScopeSchema, tasks: z.array(runTaskNameSchema).optional(), ...asked }),
  /** The task and all that needs it are not placed until it rejoins. Isolations of several tasks add up. */
  IsolationAdded: z.object({ task: runTaskNameSchema, ...asked }),
  IsolationRemoved: z.object({ task: runTaskNameSchema, ...asked }),
  /** Of one task, or of all. */
  PriorityChanged: z.object({ task: runTaskNameSchema.optional(), priority: prioritySchema, ...asked }),
  /** Kept until a task takes it. */
  SignalReceived: z.object({ name: z.string(), payload: jsonValueSchema, ...asked }),
  /** A run that waited for its turn may begin. */
  WorkflowAdmitted: z.object({ admittedAt: at, evidence: z.string().optional() }),
  WorkflowPauseRequested: z.object(asked),
  /** Nothing runs any more. */
  WorkflowPaused: z.object({ pausedAt: at }),
  WorkflowResumed: z.object(asked),
  /** From here on the run goes by another version. It is here as a whole: whoever folds the stream needs nothing else. */
  WorkflowMoved: z.object({
    ...asked,
    movedAt: at,
    from: definitionReferenceSchema,
    to: definitionReferenceSchema,
    definition: workflowDefinitionSchema,
  }),
  /** An ended run goes on. */
  WorkflowReopened: z.object({ ...asked, reopenedAt: at }),
  WorkflowTimedOut: z.object({ timedOutAt: at, action: z.enum(['warn', 'fail']) }),
  WorkflowStopRequested: z.object(asked),
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
export type Awaited = z.infer<typeof awaitedSchema>;
export type ItemEnds = z.infer<typeof itemEndsSchema>;
export type ClearScope = z.infer<typeof clearScopeSchema>;
export type ParentRun = z.infer<typeof parentSchema>;
export type Start = z.infer<typeof startSchema>;
export type ResultSource = z.infer<typeof resultSourceSchema>;
export type OwnershipReason = z.infer<typeof ownershipReasonSchema>;
