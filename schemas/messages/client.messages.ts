/** What users send and get: submission, commands, registration, questions. Every reply is a result or an error. */
import { z } from 'zod';
import { foundApplicationSchema } from '../clusters/application.schema.ts';
import { prioritySchema, workflowDefinitionSchema } from '../definition/workflow.definition.ts';
import { parentSchema, startModeSchema } from '../events/workflow-instance.events.ts';
import {
  attemptIdSchema,
  digestSchema,
  instanceIdSchema,
  masterIdSchema,
  runTaskNameSchema,
  submissionKeySchema,
  taskNameSchema,
  workflowNameSchema,
} from '../ids.ts';
import { jsonRecordSchema } from '../json.ts';
import { commandTypeSchema, possibleCommandSchema } from './command.messages.ts';
import { memberSchema } from './membership.messages.ts';

/** Body of `millrace.v1.submit.<workflow>`. An empty message stands for `{}`. */
export const submitRequestSchema = z.strictObject({
  /** The caller's identity of this submission; the same key gives the same receipt for ever. Default: a new one. */
  key: submissionKeySchema.optional(),
  params: jsonRecordSchema.default({}),
  /** The time that the run stands for, milliseconds since 1970: the day to be processed. Default: the time of submission. */
  logicalAt: z.int().min(0).max(253_402_300_799_999).optional(),
  /** Default: the newest version. */
  version: z.int().min(1).optional(),
  /** Only a part of the workflow: `only` these tasks, `forward` with all that needs them, `backward` with all that they need. Default: everything. */
  start: z.strictObject({ tasks: z.array(taskNameSchema).min(1).max(1_000), mode: startModeSchema }).optional(),
  /** No task is run: each succeeds at once, without outputs. */
  dryRun: z.boolean().optional(),
  /** In place of the priorities of all tasks, and in the queue of the workflow. */
  priority: prioritySchema.optional(),
  correlationId: z.string().max(256).optional(),
  traceparent: z.string().max(256).optional(),
});

export const receiptSchema = z.object({
  instance: instanceIdSchema,
  workflow: workflowNameSchema,
  version: z.int(),
  key: submissionKeySchema,
  /** Revision of the event that made the run exist. */
  revision: z.int(),
  /** True when the key was known: nothing new was made. */
  duplicate: z.boolean(),
});

/** Body of `millrace.v1.register`: a canonical definition, as `src/definitions` makes it from YAML or JSON. */
export const registerRequestSchema = z.strictObject({ definition: workflowDefinitionSchema });

export const registerReceiptSchema = z.object({
  name: workflowNameSchema,
  version: z.int(),
  digest: digestSchema,
  /** False when the newest version is the same. */
  created: z.boolean(),
});

export const runStatuses = [
  'queued',
  'running',
  'pausing',
  'paused',
  'stopping',
  'succeeded',
  'failed',
  'stopped',
] as const;
export const runStatusSchema = z.enum(runStatuses);

export const runSummarySchema = z.object({
  instance: instanceIdSchema,
  workflow: workflowNameSchema,
  version: z.int(),
  key: z.string(),
  status: runStatusSchema,
  submittedAt: z.int(),
  finishedAt: z.int().optional(),
  /** The time that the run is about. Absent: `submittedAt`. */
  logicalAt: z.int().optional(),
  /** The task of another run that started this one. */
  parent: parentSchema.optional(),
  /** Present when no task was really run. */
  dryRun: z.boolean().optional(),
});

export const runsQuerySchema = z.strictObject({
  workflow: workflowNameSchema.optional(),
  status: runStatusSchema.optional(),
  limit: z.int().min(1).max(1_000).default(50),
  /** Runs submitted before this one are listed: the last instance of the page before. */
  before: instanceIdSchema.optional(),
});
export const runsReplySchema = z.object({ runs: z.array(runSummarySchema), more: z.boolean() });

export const taskSummarySchema = z.object({
  task: runTaskNameSchema,
  status: z.string(),
  needs: z.array(taskNameSchema),
  attempts: z.int(),
  attemptId: attemptIdSchema.optional(),
  worker: z.string().optional(),
  startedAt: z.int().optional(),
  finishedAt: z.int().optional(),
  outputs: jsonRecordSchema.optional(),
  /** Of a map: how many items it has, and how many in each status. Its outputs are shown without the results. */
  items: z.object({ count: z.int(), counts: z.record(z.string(), z.int()) }).optional(),
  /** The newest run that the task started. */
  child: instanceIdSchema.optional(),
  /** What its attempts have started on clusters, the newest last; at most 20. */
  applications: z.array(foundApplicationSchema.extend({ attemptId: attemptIdSchema })).optional(),
  /** Until when it waits: for its next attempt, or for its absent worker. */
  dueAt: z.int().optional(),
  /** Why it is not running, or why it failed. */
  note: z.string().optional(),
  /** Of a dependent: which runs it still waits for, as the answering master sees them now. */
  missing: z.string().optional(),
  /** Commands that it would take now, when asked for. Absent in runs of more than 1,000 tasks. */
  can: z.array(commandTypeSchema).optional(),
});

export const runQuerySchema = z.strictObject({
  instance: instanceIdSchema,
  /** Whether to answer as well which commands are possible. Each is tried, which takes more time than all the rest. */
  can: z.boolean().default(false),
});
export const runReplySchema = z.object({
  run: runSummarySchema,
  owner: z.object({ master: masterIdSchema, host: z.string(), epoch: z.int() }).optional(),
  revision: z.int(),
  params: jsonRecordSchema,
  /** Of a run that succeeded and whose definition declares outputs; absent when they cannot be told. */
  outputs: jsonRecordSchema.optional(),
  counts: z.record(z.string(), z.int()),
  /** Commands that the run as a whole would take now, when asked for. */
  can: z.array(possibleCommandSchema).optional(),
  tasks: z.array(taskSummarySchema),
});

/** Items of a map, in order. */
export const itemsQuerySchema = z.strictObject({
  instance: instanceIdSchema,
  map: taskNameSchema,
  from: z.int().min(0).default(0),
  limit: z.int().min(1).max(1_000).default(200),
});
export const itemsReplySchema = z.object({
  revision: z.int(),
  /** All that the map has; 0 before it begins. */
  count: z.int(),
  items: z.array(taskSummarySchema),
});

/** The state of a run as one number, to be compared with that of a replay. The question is that for a run. */
export const stateReplySchema = z.object({
  instance: instanceIdSchema,
  /** Of the last event that is folded in it. */
  revision: z.int(),
  epoch: z.int(),
  /** True when the answering master owns the run: the state is the one that it decides with. */
  isLive: z.boolean(),
  /** SHA-256 of the state's JSON with sorted keys, in hexadecimal digits. */
  stateHash: z.string().regex(/^[0-9a-f]{64}$/),
});

export const eventsQuerySchema = z.strictObject({
  instance: instanceIdSchema,
  from: z.int().min(0).default(0),
  limit: z.int().min(1).max(1_000).default(200),
});
export const eventViewSchema = z.object({
  revision: z.int(),
  id: z.string(),
  type: z.string(),
  data: jsonRecordSchema,
  metadata: jsonRecordSchema,
});
export const eventsReplySchema = z.object({ events: z.array(eventViewSchema), more: z.boolean() });

/** One page of the output of an attempt, in bytes; `task` alone means its last attempt. */
export const logsQuerySchema = z.strictObject({
  instance: instanceIdSchema,
  task: runTaskNameSchema,
  attemptId: attemptIdSchema.optional(),
  offset: z.int().min(0).default(0),
  limitBytes: z.int().min(1).max(1_048_576).default(65_536),
  /** With `follow`, an empty page is answered only when output comes, the attempt ends or this time is over. */
  waitMs: z.int().min(0).max(30_000).default(0),
});
export const logsReplySchema = z.object({
  attemptId: attemptIdSchema,
  text: z.string(),
  nextOffset: z.int(),
  /** True when the attempt has ended and nothing follows this page. */
  end: z.boolean(),
});

/** The same question from a master to the worker that holds the log. */
export const workerLogsQuerySchema = logsQuerySchema.omit({ task: true }).extend({ attemptId: attemptIdSchema });

export const definitionsReplySchema = z.object({
  definitions: z.array(z.object({ name: workflowNameSchema, version: z.int(), description: z.string().optional() })),
});

/** One version of a workflow, as a run of it pins it. */
export const definitionQuerySchema = z.strictObject({
  name: workflowNameSchema,
  /** Default: the newest version. */
  version: z.int().min(1).optional(),
});
export const definitionReplySchema = z.object({
  name: workflowNameSchema,
  version: z.int(),
  digest: digestSchema,
  definition: workflowDefinitionSchema,
});

/** Masters and workers that are alive, as the answering master sees it. */
export const clusterReplySchema = z.object({ members: z.array(memberSchema) });

export type SubmitRequest = z.infer<typeof submitRequestSchema>;
export type Receipt = z.infer<typeof receiptSchema>;
export type RegisterReceipt = z.infer<typeof registerReceiptSchema>;
export type RunStatus = z.infer<typeof runStatusSchema>;
export type RunSummary = z.infer<typeof runSummarySchema>;
export type RunsQuery = z.infer<typeof runsQuerySchema>;
export type TaskSummary = z.infer<typeof taskSummarySchema>;
export type RunQuery = z.infer<typeof runQuerySchema>;
export type RunReply = z.infer<typeof runReplySchema>;
export type ItemsReply = z.infer<typeof itemsReplySchema>;
export type StateReply = z.infer<typeof stateReplySchema>;
export type EventView = z.infer<typeof eventViewSchema>;
export type DefinitionReply = z.infer<typeof definitionReplySchema>;
export type LogsReply = z.infer<typeof logsReplySchema>;
export type WorkerLogsQuery = z.infer<typeof workerLogsQuerySchema>;
