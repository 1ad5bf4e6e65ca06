/**
 * Fields of tasks that submit applications to a cluster with its client: `spark`, `flink`, `mapreduce`, `yarn`. They are the same in
 * the form that users write and in the one that is stored, but for durations and defaults that depend on others.
 */
import { z } from 'zod';
import { clusterNameSchema } from '../ids.ts';

const memorySchema = z.string().regex(/^\d{1,9}[kmgt]b?$/i, 'an amount of memory is a number and a unit: 512m, 2g');
const countSchema = z.int().min(1).max(100_000);
const memory = (what: string) =>
  memorySchema.optional().describe(`Memory of ${what}, with its unit: 2g. Default: the client's.`);
const count = (what: string) => countSchema.optional().describe(`${what}: 1 to 100000. Default: the client's.`);
const text = z.string().min(1);

const submittingShape = {
  cluster: clusterNameSchema.describe('Name of the cluster, as in the configuration.'),
  command: text
    .optional()
    .describe(
      'What /bin/sh -c runs to submit, in place of all other fields of the type: no placeholders are filled in.',
    ),
  program: text
    .optional()
    .describe("The client: a program of the worker's PATH, or its path. Default: that of the type."),
  application: text.optional().describe('The program to be run: a jar or a script, as the client finds it.'),
  mainClass: text.optional().describe('Class of the program that is begun with.'),
  options: z
    .array(z.string())
    .default([])
    .describe('Further options of the client, before the program. Default: none.'),
  args: z.array(z.string()).default([]).describe('Arguments of the program. Default: none.'),
};

const namedShape = {
  name: text.optional().describe('Name of the application. Default: those of the workflow and of the task.'),
  queue: text.optional().describe("Queue of the cluster. Default: the client's."),
  conf: z.record(text, z.string()).default({}).describe('Settings of the client: name to text. Default: none.'),
};

export const sparkShape = {
  ...submittingShape,
  ...namedShape,
  sql: text.optional().describe('SQL statements that spark-sql runs, in place of a program.'),
  master: text
    .default('yarn')
    .describe('Where the application runs: yarn, or k8s:// and the address of its API. Default: yarn.'),
  driverMemory: memory('the driver'),
  driverCores: count('Cores of the driver'),
  executorMemory: memory('each executor'),
  executorCores: count('Cores of each executor'),
  executors: count('Executors'),
};
export const sparkDeployModes = ['cluster', 'client'] as const;

export const flinkShape = {
  ...submittingShape,
  ...namedShape,
  sql: text.optional().describe('SQL statements that sql-client.sh runs, in place of a program.'),
  parallelism: count('Parallelism'),
  slots: count('Slots of each task manager'),
  jobManagerMemory: memory('the job manager'),
  taskManagerMemory: memory('each task manager'),
  savepoint: text.optional().describe('Path of the savepoint to begin with. Default: none.'),
};
export const flinkDeployModes = ['application', 'perJob'] as const;

export const mapreduceShape = {
  ...submittingShape,
  ...namedShape,
  mapMemory: memory('each map task'),
  reduceMemory: memory('each reduce task'),
};

export const yarnShape = submittingShape;
