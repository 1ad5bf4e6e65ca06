/**
 * A task in the form that users write in YAML or JSON: durations as text with units, defaults may be left out.
 * `task-settings.ts` holds the form that is stored. The descriptions become the JSON Schema that editors read.
 */
import { z } from 'zod';
import { jsonRecordSchema, jsonValueSchema } from '../json.ts';
import { k8sTaskSourceSchema } from './k8s-source.ts';
import {
  approvalTaskSourceSchema,
  conditionsTaskSourceSchema,
  signalTaskSourceSchema,
  switchTaskSourceSchema,
} from './logic-source.ts';
import { mapTaskSourceOf } from './map-source.ts';
import {
  natsTaskSourceSchema,
  pluginTaskSourceSchema,
  pythonTaskSourceSchema,
  sqlTaskSourceSchema,
} from './program-source.ts';
import { dependentTaskSourceSchema, workflowTaskSourceSchema } from './run-source.ts';
import { hasUsedClient, hasUsedOrphaned, submissionShape, unusedClient, unusedOrphaned } from './submission-source.ts';
import {
  flinkTaskSourceSchema,
  mapreduceTaskSourceSchema,
  sparkTaskSourceSchema,
  yarnTaskSourceSchema,
} from './submitting-source.ts';
import {
  commonShape,
  durationSourceSchema,
  hasUsedLimit,
  hasUsedPolicy,
  unusedLimit,
  unusedPolicy,
} from './task-common-source.ts';

export const shellTaskSourceSchema = z
  .strictObject({
    type: z.literal('shell').describe('Runs a command with the shell of the system.'),
    ...commonShape,
    command: z.string().min(1).describe('What /bin/sh -c runs, in a working folder of the attempt.'),
    template: z
      .boolean()
      .default(false)
      .describe(
        'Whether placeholders in the command are filled in as text before the shell sees it. Values are not quoted then: "$MILLRACE_PARAM_name" is the safe form. Default: false, they are the shell\'s.',
      ),
    grace: durationSourceSchema(0)
      .default('5s')
      .describe('Time between SIGTERM and SIGKILL when the attempt is cancelled, with its unit. Default: 5s.'),
    ...submissionShape,
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .refine(hasUsedClient, unusedClient)
  .refine(hasUsedOrphaned, unusedOrphaned)
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
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'http task', description: 'Sends one HTTP request; the response is an output.' });

export const waitTaskSourceSchema = z
  .strictObject({
    type: z.literal('wait').describe('Waits for a duration or until a time.'),
    ...commonShape,
    duration: durationSourceSchema(0).optional().describe('How long to wait, with its unit. Either this or `until`.'),
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
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({
    title: 'wait task',
    description: 'Waits without a process of its own.',
    oneOf: [{ required: ['duration'] }, { required: ['until'] }],
  });

const scriptStepSourceSchema = z.strictObject({
  result: z.enum(['succeed', 'fail', 'crashWorker']).describe('What the attempt does: succeed, fail or crashWorker.'),
  after: durationSourceSchema(0).default('0ms').describe('How long the attempt takes, with its unit. Default: 0ms.'),
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
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'script task', description: 'Plays given results; for tests and examples.' });

const mapTaskSourceSchema = mapTaskSourceOf(
  z.discriminatedUnion('type', [
    shellTaskSourceSchema,
    httpTaskSourceSchema,
    waitTaskSourceSchema,
    scriptTaskSourceSchema,
    pythonTaskSourceSchema,
    sqlTaskSourceSchema,
    natsTaskSourceSchema,
    sparkTaskSourceSchema,
    flinkTaskSourceSchema,
    mapreduceTaskSourceSchema,
    yarnTaskSourceSchema,
    k8sTaskSourceSchema,
    workflowTaskSourceSchema,
  ]),
);

export const taskSourceSchema = z
  .discriminatedUnion('type', [
    shellTaskSourceSchema,
    httpTaskSourceSchema,
    waitTaskSourceSchema,
    scriptTaskSourceSchema,
    pythonTaskSourceSchema,
    sqlTaskSourceSchema,
    natsTaskSourceSchema,
    pluginTaskSourceSchema,
    sparkTaskSourceSchema,
    flinkTaskSourceSchema,
    mapreduceTaskSourceSchema,
    yarnTaskSourceSchema,
    k8sTaskSourceSchema,
    switchTaskSourceSchema,
    conditionsTaskSourceSchema,
    signalTaskSourceSchema,
    approvalTaskSourceSchema,
    workflowTaskSourceSchema,
    dependentTaskSourceSchema,
    mapTaskSourceSchema,
  ])
  .describe('A task: its type, what it needs, and the settings of its type.');

export type MapTaskSource = z.infer<typeof mapTaskSourceSchema>;
export type TaskSource = z.infer<typeof taskSourceSchema>;
