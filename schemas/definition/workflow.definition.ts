/**
 * A workflow definition as it is stored and run: canonical, with defaults filled in and durations in milliseconds.
 * Its digest is the SHA-256 of its JSON with sorted keys. `workflow-source.ts` holds the form that users write.
 */
import { z } from 'zod';
import { durationMsSchema } from '../duration.ts';
import { digestSchema, paramNameSchema, taskNameSchema, workerGroupSchema, workflowNameSchema } from '../ids.ts';
import { jsonValueSchema } from '../json.ts';
import { timeZoneSchema } from '../time-zone.ts';
import { taskSettingsSchema } from './task-settings.ts';

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

export const taskDefinitionSchema = z.strictObject({
  name: taskNameSchema,
  description: z.string().optional(),
  needs: z.array(taskNameSchema),
  settings: taskSettingsSchema,
  retry: retryPolicySchema,
  timeoutMs: durationMsSchema.optional(),
  workerGroup: workerGroupSchema,
  priority: prioritySchema,
  env: z.record(z.string(), z.string()),
  /** The task's own parameters, above the workflow's and what upstream tasks put out. `null` and empty text have no value. */
  params: z.record(paramNameSchema, jsonValueSchema).optional(),
  /** Absent: `retry`, as in every definition from before there was a choice. */
  onWorkerLost: onWorkerLostSchema.optional(),
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
  tasks: z.array(taskDefinitionSchema).min(1).max(50_000),
});

/** Points at one immutable version; a run pins it. */
export const definitionReferenceSchema = z.strictObject({
  name: workflowNameSchema,
  version: z.int().min(1),
  digest: digestSchema,
});

export type Priority = z.infer<typeof prioritySchema>;
export type RetryPolicy = z.infer<typeof retryPolicySchema>;
export type TaskDefinition = z.infer<typeof taskDefinitionSchema>;
export type OnWorkerLost = z.infer<typeof onWorkerLostSchema>;
export type WorkflowDefinition = z.infer<typeof workflowDefinitionSchema>;
export type DefinitionReference = z.infer<typeof definitionReferenceSchema>;
