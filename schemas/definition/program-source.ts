/**
 * Tasks that run programs and ask services, in the form that users write: `python`, `sql`, `nats`, `plugin`. `program-settings.ts` holds the
 * form that is stored.
 */
import { z } from 'zod';
import { jsonRecordSchema, jsonValueSchema } from '../json.ts';
import { natsActions, pluginNameSchema } from './program-settings.ts';
import { hasUsedClient, hasUsedOrphaned, submissionShape, unusedClient, unusedOrphaned } from './submission-source.ts';
import {
  commonShape,
  durationSourceSchema,
  hasUsedLimit,
  hasUsedPolicy,
  unusedLimit,
  unusedPolicy,
} from './task-common-source.ts';

export const pythonTaskSourceSchema = z
  .strictObject({
    type: z.literal('python').describe('Runs a Python script.'),
    ...commonShape,
    script: z.string().min(1).describe('The script, as it is: no placeholders are filled in.'),
    interpreter: z
      .string()
      .min(1)
      .default('python3')
      .describe("The interpreter: a program of the worker's PATH, or its path. Default: python3."),
    args: z
      .array(z.string())
      .default([])
      .describe('Arguments of the script (`sys.argv[1:]`), in which placeholders are filled in. Default: none.'),
    grace: durationSourceSchema(0)
      .default('5s')
      .describe('Time between SIGTERM and SIGKILL when the attempt is cancelled, with its unit. Default: 5s.'),
    ...submissionShape,
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .refine(hasUsedClient, unusedClient)
  .refine(hasUsedOrphaned, unusedOrphaned)
  .meta({ title: 'python task', description: 'Runs a Python script; exit code 0 is success.' });

export const sqlTaskSourceSchema = z
  .strictObject({
    type: z.literal('sql').describe('Runs SQL in a database.'),
    ...commonShape,
    connection: z
      .string()
      .regex(/^(sqlite|postgresql|mysql):|[${]/, 'a connection begins with sqlite:, postgresql: or mysql:')
      .describe(
        'The database: `sqlite:<path>`, `postgresql://user@host/name` or `mysql://user@host/name`. Placeholders are filled in: give the password as a secret.',
      ),
    query: z.string().min(1).optional().describe('One statement; its rows are an output. Either this or `script`.'),
    script: z.string().min(1).optional().describe('Several statements, in one transaction. Either this or `query`.'),
    bind: z
      .array(jsonValueSchema)
      .default([])
      .describe(
        'Values of the query, in the order of its `?` or `$1`; placeholders in them are filled in. Default: none.',
      ),
    rowsMax: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('Rows of the output; more fail the task: 1 to 100000. Default: 1000.'),
  })
  .refine(({ query, script }) => (query === undefined) !== (script === undefined), {
    message: 'a sql task has either "query" or "script"',
    params: { remedy: 'Give one of the two.' },
    when: () => true,
  })
  .refine(({ script, bind }) => script === undefined || bind === undefined || bind.length === 0, {
    path: ['bind'],
    message: 'a script has no bound values',
    params: { remedy: 'Use "query", or leave the values out.' },
    when: () => true,
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({
    title: 'sql task',
    description: 'Runs SQL; the rows of a query are an output.',
    oneOf: [{ required: ['query'] }, { required: ['script'] }],
  });

export const natsTaskSourceSchema = z
  .strictObject({
    type: z.literal('nats').describe('Publishes a message over NATS, or asks a question.'),
    ...commonShape,
    action: z
      .enum(natsActions)
      .default('publish')
      .describe('`publish`, or `request`: waits for an answer, which is an output. Default: publish.'),
    server: z
      .string()
      .min(1)
      .describe('The server: `nats://host:4222`. Placeholders are filled in: give user and password as a secret.'),
    subject: z.string().min(1).describe('The subject, without wildcards. Placeholders are filled in.'),
    headers: z
      .record(z.string().regex(/^[!-9;-~]+$/, 'a header name has no spaces or colons'), z.string())
      .default({})
      .describe('Headers: name to text. Default: none but the idempotency key.'),
    payload: z
      .union([z.string(), z.record(z.string(), jsonValueSchema), z.array(jsonValueSchema)])
      .default('')
      .describe('The message as text; a map or list is sent as JSON. Default: empty.'),
    answerTimeout: durationSourceSchema(1)
      .default('10s')
      .describe('Longest wait for the connection, and for the answer, with its unit. Default: 10s.'),
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'nats task', description: 'Publishes a message over NATS, or asks a question and takes the answer.' });

export const pluginTaskSourceSchema = z
  .strictObject({
    type: z.literal('plugin').describe('Runs a task type of a plugin.'),
    ...commonShape,
    plugin: pluginNameSchema.describe('Name of the plugin, as its package gives it.'),
    settings: jsonRecordSchema
      .default({})
      .describe('What the plugin wants to know; placeholders are filled in. Default: none.'),
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'plugin task', description: 'Runs a task type that a package of the configuration gives.' });

export type PythonTaskSource = z.infer<typeof pythonTaskSourceSchema>;
export type SqlTaskSource = z.infer<typeof sqlTaskSourceSchema>;
export type NatsTaskSource = z.infer<typeof natsTaskSourceSchema>;
