/**
 * A task in the form that users write in YAML or JSON: durations as text with units, defaults may be left out.
 * `task-settings.ts` holds the form that is stored. The descriptions become the JSON Schema that editors read.
 */
import { z } from 'zod';
import { durationTextSchema, parseDurationMs } from '../duration.ts';
import { taskNameSchema, workerGroupSchema } from '../ids.ts';
import { jsonRecordSchema, jsonValueSchema } from '../json.ts';
import { prioritySchema, workerLostPolicies } from './workflow.definition.ts';

const durationMsMax = 3_650 * 86_400_000;

export const retryDefaults = { attempts: 1, delay: '1s', backoff: 2, delayMax: '5m', jitter: 0.1 } as const;

export const workerReturnLimitDefault = '5m';

const duration = (durationMsMin: 0 | 1) =>
  durationTextSchema.refine(
    (text) => {
      const durationMs = parseDurationMs(text) ?? 0;
      return durationMs >= durationMsMin && durationMs <= durationMsMax;
    },
    `a duration here is ${durationMsMin === 0 ? '0ms' : '1ms'} to 3650d`,
  );

const retryPolicySourceSchema = z
  .strictObject({
    attempts: z.int().min(1).max(1_000).describe('Attempts in all, the first one included: 1 to 1000.'),
    delay: duration(0)
      .default(retryDefaults.delay)
      .describe('Wait before the second attempt, with its unit. Default: 1s.'),
    backoff: z
      .number()
      .min(1)
      .max(100)
      .default(retryDefaults.backoff)
      .describe('Each further wait is this many times the one before: 1 to 100. Default: 2.'),
    delayMax: duration(0)
      .optional()
      .describe('Longest wait between attempts, with its unit. Default: 5m, or `delay` if that is longer.'),
    jitter: z
      .number()
      .min(0)
      .max(1)
      .default(retryDefaults.jitter)
      .describe('Share of each wait that is random, 0 to 1: 0.1 spreads 10s over 9s to 11s. Default: 0.1.'),
  })
  .refine(
    ({ delay, delayMax }) =>
      delayMax === undefined || (parseDurationMs(delayMax) ?? 0) >= (parseDurationMs(delay) ?? 0),
    {
      path: ['delayMax'],
      message: '"delayMax" is at least as long as "delay"',
      params: { remedy: 'Raise "delayMax", or leave it out.' },
    },
  );

const retrySourceSchema = z
  .union([z.int().min(1).max(1_000), retryPolicySourceSchema])
  .default(retryDefaults.attempts)
  .describe('Attempts in all, or a map of retry settings. Default: 1, no retry.');

const commonShape = {
  description: z.string().optional().describe('What the task is for; shown to people.'),
  needs: z
    .union([taskNameSchema, z.array(taskNameSchema)])
    .default([])
    .describe('Names of the tasks that must succeed first: one name or a list. Default: none.'),
  retry: retrySourceSchema,
  timeout: duration(1).optional().describe('Longest time one attempt may run, with its unit. Default: no limit.'),
  workerGroup: workerGroupSchema
    .default('default' as z.infer<typeof workerGroupSchema>)
    .describe('Group of workers that may run it. Default: `default`.'),
  priority: prioritySchema
    .default('medium')
    .describe('Order among tasks that wait for a worker: highest, high, medium, low or lowest. Default: medium.'),
  onWorkerLost: z
    .enum(workerLostPolicies)
    .default('retry')
    .describe(
      'When the worker of an attempt is gone: `retry` runs the task again elsewhere, `wait` first waits for the worker to return, `fail` fails the task, `ask` waits for a person (`millrace resolve`). Default: retry.',
    ),
  workerReturnLimit: duration(1)
    .optional()
    .describe('With `onWorkerLost: wait`: how long to wait for the worker, with its unit. Default: 5m.'),
  env: z
    .record(
      z
        .string()
        .regex(
          /^[A-Za-z_][A-Za-z0-9_]*$/,
          'a name of an environment variable is a letter or "_" followed by letters, digits or "_"',
        ),
      z.string(),
    )
    .default({})
    .describe('Environment variables of the task: name to text. Put numbers in quotes. Default: none.'),
};

/** A limit without `wait` would be ignored: it is refused. */
const hasUsedLimit = (task: { onWorkerLost: string; workerReturnLimit?: string | undefined }) =>
  task.workerReturnLimit === undefined || task.onWorkerLost === 'wait';
const unusedLimit = {
  path: ['workerReturnLimit'],
  message: '"workerReturnLimit" is only for "onWorkerLost: wait"',
  params: { remedy: 'Add "onWorkerLost: wait", or leave the limit out.' },
  when: () => true,
};

/** What every task has, whatever its type; further fields pass. Used to check a task whose type is not known. */
export const commonTaskSourceSchema = z.looseObject(commonShape);

export const shellTaskSourceSchema = z
  .strictObject({
    type: z.literal('shell').describe('Runs a command with the shell of the system.'),
    ...commonShape,
    command: z.string().min(1).describe('What /bin/sh -c runs, in a working folder of the attempt.'),
    grace: duration(0)
      .default('5s')
      .describe('Time between SIGTERM and SIGKILL when the attempt is cancelled, with its unit. Default: 5s.'),
  })
  .refine(hasUsedLimit, unusedLimit)
  .meta({ title: 'shell task', description: 'Runs a command; exit code 0 is success.' });

const headersSchema = z
  .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'a header name has no spaces or colons'), z.string())
  .default({})
  .describe('Request headers: name to text. Default: none.');

const statusSchema = z
  .union([
    z.int().min(100).max(599),
    z.string().regex(/^[1-5](\d\d|xx)$/, 'an expected status is a number like 204 or a class like 2xx'),
  ])
  .meta({ description: 'A status (204) or a class of them ("2xx").', examples: [204, '2xx'] });

export const httpTaskSourceSchema = z
  .strictObject({
    type: z.literal('http').describe('Sends one HTTP request.'),
    ...commonShape,
    method: z
      .enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'])
      .default('GET')
      .describe('HTTP method. Default: GET.'),
    url: z
      .string()
      .regex(/^https?:\/\/\S+$|[${]/, 'a url begins with http:// or https://')
      .describe('Address of the request, with http:// or https://.'),
    headers: headersSchema,
    body: z
      .union([z.string(), z.record(z.string(), jsonValueSchema), z.array(jsonValueSchema)])
      .optional()
      .describe('Body as text; a map or list is sent as JSON with content-type application/json. Default: no body.'),
    expectStatus: z
      .union([statusSchema, z.array(statusSchema).min(1)])
      .default(['2xx'])
      .describe('Statuses that count as success, each a number (204) or a class ("2xx"). Default: ["2xx"].'),
  })
  .refine(({ method, body }) => body === undefined || (method !== 'GET' && method !== 'HEAD'), {
    path: ['body'],
    message: 'a GET or HEAD request has no body',
    params: { remedy: 'Remove the body, or choose another method, such as POST.' },
    when: () => true,
  })
  .refine(hasUsedLimit, unusedLimit)
  .meta({ title: 'http task', description: 'Sends one HTTP request; the response is an output.' });

export const waitTaskSourceSchema = z
  .strictObject({
    type: z.literal('wait').describe('Waits for a duration or until a time.'),
    ...commonShape,
    duration: duration(0).optional().describe('How long to wait, with its unit. Either this or `until`.'),
    until: z.iso
      .datetime({ offset: true, error: 'a time is a date, a time and a zone: 2030-01-31T08:00:00Z' })
      .optional()
      .meta({
        description: 'When the wait ends, as ISO date and time with a zone. Either this or `duration`.',
        examples: ['2030-01-31T08:00:00Z', '2030-01-31T08:00:00+01:00'],
      }),
  })
  .refine((task) => (task.duration === undefined) !== (task.until === undefined), {
    message: 'a wait task has either "duration" or "until"',
    params: { remedy: 'Give one of the two.' },
    when: () => true,
  })
  .refine(hasUsedLimit, unusedLimit)
  .meta({
    title: 'wait task',
    description: 'Waits without a process of its own.',
    oneOf: [{ required: ['duration'] }, { required: ['until'] }],
  });

const scriptStepSourceSchema = z.strictObject({
  result: z.enum(['succeed', 'fail', 'crashWorker']).describe('What the attempt does: succeed, fail or crashWorker.'),
  after: duration(0).default('0ms').describe('How long the attempt takes, with its unit. Default: 0ms.'),
  outputs: jsonRecordSchema.default({}).describe('Outputs of the attempt. Default: none.'),
  message: z.string().optional().describe('Text of the failure.'),
});

export const scriptTaskSourceSchema = z
  .strictObject({
    type: z.literal('script').describe('Plays given results; for tests and examples.'),
    ...commonShape,
    steps: z
      .array(scriptStepSourceSchema)
      .min(1)
      .prefault([{ result: 'succeed' }])
      .describe('Attempt n takes step n, later attempts the last one. Default: one step that succeeds.'),
    ledger: z.string().optional().describe('A file to which each attempt appends one line. Default: none.'),
  })
  .refine(hasUsedLimit, unusedLimit)
  .meta({ title: 'script task', description: 'Plays given results; for tests and examples.' });

export const taskSourceSchema = z
  .discriminatedUnion('type', [
    shellTaskSourceSchema,
    httpTaskSourceSchema,
    waitTaskSourceSchema,
    scriptTaskSourceSchema,
  ])
  .describe('A task: its type, what it needs, and the settings of its type.');

export type TaskSource = z.infer<typeof taskSourceSchema>;
export type RetrySource = z.infer<typeof retrySourceSchema>;
