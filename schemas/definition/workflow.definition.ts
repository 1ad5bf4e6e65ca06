/**
 * A workflow definition as it is stored and run: canonical, with defaults filled in and durations in milliseconds.
 * Its digest is the SHA-256 of its JSON with sorted keys. `workflow-source.ts` holds the form that users write.
 */
import { z } from 'zod';
import { durationMsSchema } from '../duration.ts';
import { orphanPolicies } from '../events/application.events.ts';
import {
  digestSchema,
  paramNameSchema,
  taskGroupNameSchema,
  taskNameSchema,
  workerGroupSchema,
  workflowNameSchema,
} from '../ids.ts';
import { jsonValueSchema } from '../json.ts';
import { timeZoneSchema } from '../time-zone.ts';
import { switchExpressionSchema } from './logic-settings.ts';
import { workflowSettingsSchema } from './run-settings.ts';
import { taskSettingsSchema, workerSettingsSchemas } from './task-settings.ts';

export const priorities = ['highest', 'high', 'medium', 'low', 'lowest'] as const;
export const prioritySchema = z.enum(priorities);

/** Retry of failed attempts. The wait before attempt n+1 is delayMs * backoff^(n-1), at most delayMaxMs, spread by jitter. */
export const retryPolicySchema = z.strictObject({
  /** Attempts in all, the first one included. */
  attempts: z.int().min(1).max(1_000),
  delayMs: durationMsSchema,
  backoff: z.number().min(1).max(100),
  delayMaxMs: durationMsSchema,
  /** Share of the delay that is random: 0.2 spreads a delay of 10 s over 8 s to 12 s. */
  jitter: z.number().min(0).max(1),
});

export const workerLostPolicies = ['retry', 'wait', 'fail', 'ask'] as const;

/**
 * What becomes of an attempt whose worker is absent for too long. `retry`: it is lost, and the task runs again elsewhere.
 * `wait`: the worker may return within the limit; then it is lost. `fail`: the task fails. `ask`: a person decides.
 */
export const onWorkerLostSchema = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('retry') }),
  z.strictObject({ policy: z.literal('wait'), returnLimitMs: durationMsSchema }),
  z.strictObject({ policy: z.literal('fail') }),
  z.strictObject({ policy: z.literal('ask') }),
]);

/**
 * What becomes of applications on a cluster that run on while their attempt has lost its worker. `adopt`: the owner of the run
 * follows them, and kills them at the limit. `kill`: they are killed, and the task runs again. `ask`: a person decides.
 */
export const onOrphanedSchema = z.strictObject({
  policy: z.enum(orphanPolicies),
  /** How long they are followed. Absent: a week. */
  followLimitMs: durationMsSchema.optional(),
  /** How long a cluster may be away before it is asked no more. Absent: ten minutes. */
  answerLimitMs: durationMsSchema.optional(),
});

/** What a timeout does: `fail` ends what takes too long, `warn` only tells, `warnAndFail` does both. */
export const timeoutPolicySchema = z.enum(['fail', 'warn', 'warnAndFail']);

/** The task runs only while it holds slots of the group; `slots` absent: one. */
export const taskGroupUseSchema = z.strictObject({
  name: taskGroupNameSchema,
  slots: z.int().min(1).max(10_000).optional(),
});

/** A success of the same inputs that is not older takes the place of an attempt. */
export const resultCacheSchema = z.strictObject({ ttlMs: durationMsSchema.min(1) });

export const concurrencyPolicies = ['parallel', 'wait', 'discard', 'priority'] as const;

/**
 * Runs of one workflow beside each other. `parallel` and `wait`: a run beyond `activeMax` waits for its turn. `discard`: it
 * ends as stopped. `priority`: it takes the place of the running ones of its priority or below, which are stopped.
 */
export const concurrencySchema = z.strictObject({
  policy: z.enum(concurrencyPolicies),
  /** Runs at a time. Absent: 1, with `parallel` no limit. */
  activeMax: z.int().min(1).max(100_000).optional(),
});

/** Fields that are absent have the meaning of definitions from before they existed: digests of old versions stay. */
const plainTaskSchema = z.strictObject({
  name: taskNameSchema,
  description: z.string().optional(),
  needs: z.array(taskNameSchema),
  settings: taskSettingsSchema,
  retry: retryPolicySchema,
  timeoutMs: durationMsSchema.optional(),
  /** Longest time between being ready and being started, with the same policy. */
  queueTimeoutMs: durationMsSchema.optional(),
  /** Absent: `fail`. */
  timeoutPolicy: timeoutPolicySchema.optional(),
  /** Wait before the first attempt. */
  delayMs: durationMsSchema.optional(),
  /** False: the task is skipped, and what needs it runs. Absent: true. */
  enabled: z.boolean().optional(),
  workerGroup: workerGroupSchema,
  priority: prioritySchema,
  group: taskGroupUseSchema.optional(),
  env: z.record(z.string(), z.string()),
  /** The task's own parameters, above the workflow's and what upstream tasks put out. `null` and empty text have no value. */
  params: z.record(paramNameSchema, jsonValueSchema).optional(),
  /** Only for a task that a worker runs. Absent: every run of it is an attempt. */
  cache: resultCacheSchema.optional(),
  /** Absent: `retry`, as in every definition from before there was a choice. */
  onWorkerLost: onWorkerLostSchema.optional(),
  /** Absent: `adopt`. */
  onOrphaned: onOrphanedSchema.optional(),
});

/** A worker or a child run does each item; the map as a whole has what belongs to it alone. */
const mapItemSchema = plainTaskSchema.omit({ name: true, description: true, needs: true, enabled: true }).extend({
  settings: z.discriminatedUnion('type', [...workerSettingsSchemas, workflowSettingsSchema]),
});

/** Runs one task for each value of a list, or for each combination of the values of several lists, in order. */
export const mapSettingsSchema = z.strictObject({
  type: z.literal('map'),
  /** Values, or an expression that gives them. Each item finds its own as a parameter of that name. */
  over: z
    .array(
      z.strictObject({ name: paramNameSchema, values: z.union([z.array(jsonValueSchema), switchExpressionSchema]) }),
    )
    .min(1)
    .max(10),
  task: mapItemSchema,
  /** Items under way at a time. Absent: no limit but the slots of the workers. */
  concurrency: z.int().min(1).max(10_000).optional(),
  /**
   * `failFast`: the first failed item stops the others. `continue`: all run. `max`: so many failed items do no harm, one more
   * stops the others. Absent: `failFast`.
   */
  failures: z.union([z.enum(['failFast', 'continue']), z.strictObject({ max: z.int().min(0).max(10_000) })]).optional(),
});

export const taskDefinitionSchema = plainTaskSchema.extend({
  settings: z.discriminatedUnion('type', [...taskSettingsSchema.options, mapSettingsSchema]),
});

/** `continue`: branches that do not need the failed task run on. `end`: everything else is stopped at once. */
export const failurePolicySchema = z.enum(['continue', 'end']);

export const workflowDefinitionSchema = z.strictObject({
  name: workflowNameSchema,
  description: z.string().optional(),
  /** Default values; a submission may override each. `null` has no default: the submission must give it. */
  params: z.record(paramNameSchema, jsonValueSchema),
  failurePolicy: failurePolicySchema,
  /** IANA name of the zone in which times are written. Absent: `UTC`. */
  timeZone: timeZoneSchema.optional(),
  /** Longest time from submission to end. */
  timeoutMs: durationMsSchema.optional(),
  /** Absent: `fail`. */
  timeoutPolicy: timeoutPolicySchema.optional(),
  concurrency: concurrencySchema.optional(),
  /** What the run gives to who waits for it; texts may hold expressions. Absent: outputs of the tasks that no task needs. */
  outputs: z.record(paramNameSchema, jsonValueSchema).optional(),
  tasks: z.array(taskDefinitionSchema).min(1).max(50_000),
});

/** Points at one immutable version; a run pins it. */
export const definitionReferenceSchema = z.strictObject({
  name: workflowNameSchema,
  version: z.int().min(1),
  digest: digestSchema,
});

export type MapSettings = z.infer<typeof mapSettingsSchema>;
export type Concurrency = z.infer<typeof concurrencySchema>;
export type Priority = z.infer<typeof prioritySchema>;
export type RetryPolicy = z.infer<typeof retryPolicySchema>;
export type TaskDefinition = z.infer<typeof taskDefinitionSchema>;
export type OnOrphaned = z.infer<typeof onOrphanedSchema>;
export type OnWorkerLost = z.infer<typeof onWorkerLostSchema>;
export type WorkflowDefinition = z.infer<typeof workflowDefinitionSchema>;
export type DefinitionReference = z.infer<typeof definitionReferenceSchema>;
