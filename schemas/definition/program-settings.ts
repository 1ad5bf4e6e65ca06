/**
 * Settings of tasks that run programs and ask services, in the form that is stored: `python`, `sql`, `nats`, and `plugin` for
 * types that others have written. `program-source.ts` holds the form that users write.
 */
import { z } from 'zod';
import { durationMsSchema } from '../duration.ts';
import { jsonRecordSchema, jsonValueSchema } from '../json.ts';
import { submissionSettings } from './submission-settings.ts';

/** Runs `script` with a Python interpreter, in surroundings like those of `shell`. */
export const pythonSettingsSchema = z.strictObject({
  type: z.literal('python'),
  script: z.string().min(1),
  interpreter: z.string().min(1),
  args: z.array(z.string()),
  /** Time between SIGTERM and SIGKILL when the attempt is cancelled. */
  graceMs: durationMsSchema,
  ...submissionSettings,
});

/** Runs SQL in a database. Values go in only as bound values: the statement has no placeholders of ours. */
export const sqlSettingsSchema = z.strictObject({
  type: z.literal('sql'),
  /** `sqlite:<path>`, `postgresql://...` or `mysql://...`. Placeholders are filled in; a secret gives the password. */
  connection: z.string().min(1),
  /** One statement, whose rows are an output. Either this or `script`. */
  query: z.string().min(1).optional(),
  /** Several statements in one transaction. */
  script: z.string().min(1).optional(),
  /** Values of the query, in their order. Placeholders in texts are filled in. */
  bind: z.array(jsonValueSchema),
  /** More rows fail the task. */
  rowsMax: z.int().min(1).max(100_000),
});

export const natsActions = ['publish', 'request'] as const;

/** Publishes a message over NATS, or asks a question whose answer is an output. */
export const natsSettingsSchema = z.strictObject({
  type: z.literal('nats'),
  action: z.enum(natsActions),
  /** `nats://host:4222`; placeholders are filled in. */
  server: z.string().min(1),
  subject: z.string().min(1),
  headers: z.record(z.string(), z.string()),
  payload: z.string(),
  /** Longest wait for the connection and for the answer, each. */
  timeoutMs: durationMsSchema.min(1),
});

export const pluginNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'a plugin is named with small letters, digits and "-", beginning with a letter');

/** A task type of a package that the configuration of the worker names. */
export const pluginSettingsSchema = z.strictObject({
  type: z.literal('plugin'),
  /** Name of the task type. */
  plugin: pluginNameSchema,
  settings: jsonRecordSchema,
});

export type SqlSettings = z.infer<typeof sqlSettingsSchema>;
