/**
 * Tasks that submit applications to a cluster, in the form that users write: `spark`, `flink`, `mapreduce`, `yarn`. Each has typed
 * fields, or one raw command.
 */
import { z } from 'zod';
import { orphanShape } from './submission-source.ts';
import {
  flinkDeployModes,
  flinkShape,
  mapreduceShape,
  sparkDeployModes,
  sparkShape,
  yarnShape,
} from './submitting-shapes.ts';
import {
  commonShape,
  durationSourceSchema,
  hasUsedLimit,
  hasUsedPolicy,
  unusedLimit,
  unusedPolicy,
} from './task-common-source.ts';

const grace = durationSourceSchema(0)
  .default('5s')
  .describe(
    'Time between SIGTERM and SIGKILL of the client when the attempt is cancelled, with its unit. Default: 5s.',
  );

type Form = { command?: string | undefined; application?: string | undefined; sql?: string | undefined };

const hasOneForm = ({ command, application, sql }: Form) =>
  [command, application, sql].filter((form) => form !== undefined).length === 1;

const oneForm = (...forms: string[]) => ({
  path: [],
  message: `the task has exactly one of ${forms.map((form) => `"${form}"`).join(', ')}`,
  params: { remedy: 'Say what is to be run in one of these ways.' },
  when: () => true,
});

/** Beside a raw command the typed fields would be ignored: they are refused. */
function isUsed(source: object, name: string): boolean {
  const task = source as Record<string, unknown>; // Its fields are looked at by name.
  const value = task[name];
  const isGiven =
    value !== undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return task.command === undefined || !isGiven;
}

function usedFields<S extends z.ZodType<object>>(schema: S, names: readonly string[]): S {
  return names.reduce(
    (checked, name) =>
      checked.refine((task) => isUsed(task, name), {
        path: [name],
        message: `"${name}" is not used beside "command"`,
        params: { remedy: 'Write it into the command, or describe the application by fields alone.' },
        when: () => true,
      }),
    schema,
  );
}

const typedFields = (shape: object) =>
  Object.keys(shape).filter((name) => !['cluster', 'command', 'application', 'sql', 'master'].includes(name));

const sparkObject = z
  .strictObject({
    type: z.literal('spark').describe('Runs a Spark application.'),
    ...commonShape,
    ...sparkShape,
    deployMode: z
      .enum(sparkDeployModes)
      .optional()
      .describe(
        'Where the driver runs: in the `cluster`, or with the `client` on the worker. Default: cluster; of SQL: client.',
      ),
    grace,
    ...orphanShape,
  })
  .refine(hasOneForm, oneForm('application', 'sql', 'command'))
  .refine(({ sql, deployMode }) => sql === undefined || deployMode !== 'cluster', {
    path: ['deployMode'],
    message: 'SQL runs with the driver on the worker',
    params: { remedy: 'Remove "deployMode", or run an application.' },
    when: () => true,
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({
    title: 'spark task',
    description: 'Runs a Spark application, on YARN or Kubernetes, and waits for its end.',
  });

const flinkObject = z
  .strictObject({
    type: z.literal('flink').describe('Runs a Flink application.'),
    ...commonShape,
    ...flinkShape,
    deployMode: z
      .enum(flinkDeployModes)
      .optional()
      .describe(
        '`application`: the program begins in the cluster; `perJob`: on the worker. Default: application; of SQL: perJob.',
      ),
    grace,
    ...orphanShape,
  })
  .refine(hasOneForm, oneForm('application', 'sql', 'command'))
  .refine(({ sql, deployMode }) => sql === undefined || deployMode !== 'application', {
    path: ['deployMode'],
    message: 'SQL begins on the worker',
    params: { remedy: 'Remove "deployMode", or run an application.' },
    when: () => true,
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'flink task', description: 'Runs a Flink application on YARN, and waits for its end.' });

const mapreduceObject = z
  .strictObject({
    type: z.literal('mapreduce').describe('Runs a MapReduce job.'),
    ...commonShape,
    ...mapreduceShape,
    grace,
    ...orphanShape,
  })
  .refine(hasOneForm, oneForm('application', 'command'))
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'mapreduce task', description: 'Runs a MapReduce job, and waits for its end.' });

const yarnObject = z
  .strictObject({
    type: z.literal('yarn').describe('Runs an application of YARN by its own client.'),
    ...commonShape,
    ...yarnShape,
    grace,
    ...orphanShape,
  })
  .refine(hasOneForm, oneForm('application', 'command'))
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'yarn task', description: 'Runs an application of YARN by its own client, and waits for its end.' });

export const sparkTaskSourceSchema = usedFields(sparkObject, [...typedFields(sparkShape), 'deployMode']);
export const flinkTaskSourceSchema = usedFields(flinkObject, [...typedFields(flinkShape), 'deployMode']);
export const mapreduceTaskSourceSchema = usedFields(mapreduceObject, typedFields(mapreduceShape));
export const yarnTaskSourceSchema = usedFields(yarnObject, typedFields(yarnShape));

export type SparkTaskSource = z.infer<typeof sparkTaskSourceSchema>;
export type FlinkTaskSource = z.infer<typeof flinkTaskSourceSchema>;
export type MapreduceTaskSource = z.infer<typeof mapreduceTaskSourceSchema>;
export type YarnTaskSource = z.infer<typeof yarnTaskSourceSchema>;
