/**
 * What every task has, whatever its type, in the form that users write. `task-source.ts` has the settings of the types that a
 * worker runs.
 */
import { z } from 'zod';
import { durationTextSchema, parseDurationMs } from '../duration.ts';
import { paramNameSchema, taskGroupNameSchema, taskNameSchema, workerGroupSchema } from '../ids.ts';
import { jsonValueSchema } from '../json.ts';
import { prioritySchema, timeoutPolicySchema, workerLostPolicies } from './workflow.definition.ts';

const durationMsMax = 3_650 * 86_400_000;

export const retryDefaults = { attempts: 1, delay: '1s', backoff: 2, delayMax: '5m', jitter: 0.1 } as const;

export const workerReturnLimitDefault = '5m';

/** A duration with its unit, at least 0 or 1 ms and at most 3,650 days. */
export const durationSourceSchema = (durationMsMin: 0 | 1) =>
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
    delay: durationSourceSchema(0)
      .default(retryDefaults.delay)
      .describe('Wait before the second attempt, with its unit. Default: 1s.'),
    backoff: z
      .number()
      .min(1)
      .max(100)
      .default(retryDefaults.backoff)
      .describe('Each further wait is this many times the one before: 1 to 100. Default: 2.'),
    delayMax: durationSourceSchema(0)
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

/** Of every task. */
export const taskShape = {
  description: z.string().optional().describe('What the task is for; shown to people.'),
  needs: z
    .union([taskNameSchema, z.array(taskNameSchema)])
    .default([])
    .describe('Names of the tasks that must end first: one name or a list. Default: none.'),
  enabled: z.boolean().optional().describe('`false`: the task is skipped, and what needs it runs. Default: true.'),
};

/** What a timeout does; `warnAndFail` is told apart from `fail` by who is warned. */
export const timeoutPolicySourceSchema = timeoutPolicySchema
  .optional()
  .describe('What a timeout does: `fail`, `warn` (it is only written down), or `warnAndFail` (both). Default: fail.');

/** Of a task that takes time, at a worker or at the owner of its run. */
export const lastingShape = {
  ...taskShape,
  delay: durationSourceSchema(0).optional().describe('Wait before the first attempt, with its unit. Default: none.'),
  retry: retrySourceSchema,
  timeout: durationSourceSchema(1)
    .optional()
    .describe('Longest time one attempt may run, with its unit. Default: no limit.'),
  timeoutPolicy: timeoutPolicySourceSchema,
};

export const paramsSourceSchema = z
  .record(paramNameSchema, jsonValueSchema)
  .optional()
  .describe(
    'Parameters of this task alone: they go before outputs of upstream tasks and defaults of the workflow, not before what a submission gives. Default: none.',
  );

/** Of a task that a worker runs. */
export const commonShape = {
  ...lastingShape,
  queueTimeout: durationSourceSchema(1)
    .optional()
    .describe(
      'Longest time the task may wait for a worker, with its unit; `timeoutPolicy` is for it too. Default: no limit.',
    ),
  priority: prioritySchema
    .default('medium')
    .describe('Order among tasks that wait for a worker: highest, high, medium, low or lowest. Default: medium.'),
  params: paramsSourceSchema,
  workerGroup: workerGroupSchema
    .default('default' as z.infer<typeof workerGroupSchema>)
    .describe('Group of workers that may run it. Default: `default`.'),
  onWorkerLost: z
    .enum(workerLostPolicies)
    .default('retry')
    .describe(
      'When the worker of an attempt is gone: `retry` runs the task again elsewhere, `wait` first waits for the worker to return, `fail` fails the task, `ask` waits for a person (`millrace resolve`). Default: retry.',
    ),
  workerReturnLimit: durationSourceSchema(1)
    .optional()
    .describe('With `onWorkerLost: wait`: how long to wait for the worker, with its unit. Default: 5m.'),
  cache: z
    .strictObject({ ttl: durationSourceSchema(1).describe('How old the result may be, with its unit.') })
    .optional()
    .describe(
      'Takes the result of an earlier run whose inputs were the same, if it is not older than `ttl`, instead of running. Default: always runs.',
    ),
  group: z
    .union([
      taskGroupNameSchema,
      z.strictObject({
        name: taskGroupNameSchema.describe('Name of the task group.'),
        slots: z.int().min(1).max(10_000).optional().describe('Slots that the task takes: 1 to 10000. Default: 1.'),
      }),
    ])
    .optional()
    .describe(
      'Task group whose slots it needs to run (`millrace group`): its name, or a map of `name` and `slots`. Default: none.',
    ),
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
export const hasUsedLimit = (task: { onWorkerLost: string; workerReturnLimit?: string | undefined }) =>
  task.workerReturnLimit === undefined || task.onWorkerLost === 'wait';
export const unusedLimit = {
  path: ['workerReturnLimit'],
  message: '"workerReturnLimit" is only for "onWorkerLost: wait"',
  params: { remedy: 'Add "onWorkerLost: wait", or leave the limit out.' },
  when: () => true,
};

type Timed = { timeout?: string | undefined; queueTimeout?: string | undefined; timeoutPolicy?: string | undefined };

/** A policy of no timeout would be ignored: it is refused. */
export const hasUsedPolicy = ({ timeout, queueTimeout, timeoutPolicy }: Timed) =>
  timeoutPolicy === undefined || timeout !== undefined || queueTimeout !== undefined;
export const unusedPolicy = {
  path: ['timeoutPolicy'],
  message: '"timeoutPolicy" says what a timeout does, and there is none',
  params: { remedy: 'Add "timeout", or leave the policy out.' },
  when: ({ value }: { value: unknown }) => typeof value === 'object' && value !== null,
};

/** What every task has, whatever its type; further fields pass. Used to check a task whose type is not known. */
export const commonTaskSourceSchema = z.looseObject(commonShape);

export type RetrySource = z.infer<typeof retrySourceSchema>;
