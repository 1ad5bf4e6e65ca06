/**
 * The settings of each task type, in the form that is stored: durations in milliseconds, defaults filled in.
 * A worker receives them in an offer. `task-source.ts` holds the form that users write.
 */
import { z } from 'zod';
import { durationMsSchema } from '../duration.ts';
import { jsonRecordSchema } from '../json.ts';
import { k8sSettingsSchema } from './k8s-settings.ts';
import {
  approvalSettingsSchema,
  conditionsSettingsSchema,
  signalSettingsSchema,
  switchSettingsSchema,
} from './logic-settings.ts';
import {
  natsSettingsSchema,
  pluginSettingsSchema,
  pythonSettingsSchema,
  sqlSettingsSchema,
} from './program-settings.ts';
import { dependentSettingsSchema, workflowSettingsSchema } from './run-settings.ts';
import { submissionSettings } from './submission-settings.ts';
import {
  flinkSettingsSchema,
  mapreduceSettingsSchema,
  sparkSettingsSchema,
  yarnSettingsSchema,
} from './submitting-settings.ts';

/** Runs `command` with the system's shell in a working folder of the attempt's own. */
export const shellSettingsSchema = z.strictObject({
  type: z.literal('shell'),
  command: z.string().min(1),
  /** Placeholders in the command are filled in as text before the shell sees it. Absent: they are the shell's. */
  template: z.literal(true).optional(),
  /** Time between SIGTERM and SIGKILL when the attempt is cancelled. */
  graceMs: durationMsSchema,
  ...submissionSettings,
});

/** Sends one HTTP request; the response is an output. */
export const httpSettingsSchema = z.strictObject({
  type: z.literal('http'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']),
  url: z.string().min(1),
  headers: z.record(z.string(), z.string()),
  body: z.string().optional(),
  /** Statuses that count as success, each one status (`204`) or a class (`2xx`). */
  expectStatus: z.array(z.string().regex(/^[1-5](\d\d|xx)$/)).min(1),
});

/** Ends after a duration, or at a time (milliseconds since 1970). */
export const waitSettingsSchema = z.strictObject({
  type: z.literal('wait'),
  durationMs: durationMsSchema.optional(),
  untilAt: z.int().optional(),
});

/** What one attempt of a `script` task does. */
export const scriptStepSchema = z.strictObject({
  result: z.enum(['succeed', 'fail', 'crashWorker']),
  afterMs: durationMsSchema,
  outputs: jsonRecordSchema,
  message: z.string().optional(),
});

/** Scripted results for tests and examples: attempt n takes step n, later attempts the last one. */
export const scriptSettingsSchema = z.strictObject({
  type: z.literal('script'),
  steps: z.array(scriptStepSchema).min(1),
  /** A file to which each attempt appends one line; it shows what really ran. */
  ledger: z.string().optional(),
});

/** Of the tasks that a worker runs. */
export const workerSettingsSchemas = [
  shellSettingsSchema,
  httpSettingsSchema,
  waitSettingsSchema,
  scriptSettingsSchema,
  pythonSettingsSchema,
  sqlSettingsSchema,
  natsSettingsSchema,
  pluginSettingsSchema,
  sparkSettingsSchema,
  flinkSettingsSchema,
  mapreduceSettingsSchema,
  yarnSettingsSchema,
  k8sSettingsSchema,
] as const;

export const taskSettingsSchema = z.discriminatedUnion('type', [
  ...workerSettingsSchemas,
  switchSettingsSchema,
  conditionsSettingsSchema,
  signalSettingsSchema,
  approvalSettingsSchema,
  workflowSettingsSchema,
  dependentSettingsSchema,
]);

export type HttpSettings = z.infer<typeof httpSettingsSchema>;
export type ScriptSettings = z.infer<typeof scriptSettingsSchema>;
export type ScriptStep = z.infer<typeof scriptStepSchema>;
export type TaskSettings = z.infer<typeof taskSettingsSchema>;
export type TaskType = TaskSettings['type'];
