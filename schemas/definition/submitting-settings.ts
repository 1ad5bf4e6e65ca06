/** Settings of the tasks that submit applications to a cluster, in the form that is stored. */
import { z } from 'zod';
import { durationMsSchema } from '../duration.ts';
import {
  flinkDeployModes,
  flinkShape,
  mapreduceShape,
  sparkDeployModes,
  sparkShape,
  yarnShape,
} from './submitting-shapes.ts';

/** Time between SIGTERM and SIGKILL of the client when the attempt is cancelled. */
const graceMs = durationMsSchema;

/** Submits with `spark-submit`, or runs SQL with `spark-sql`. */
export const sparkSettingsSchema = z.strictObject({
  type: z.literal('spark'),
  ...sparkShape,
  deployMode: z.enum(sparkDeployModes),
  graceMs,
});

/** Submits with `flink`, or runs SQL with `sql-client.sh`. */
export const flinkSettingsSchema = z.strictObject({
  type: z.literal('flink'),
  ...flinkShape,
  deployMode: z.enum(flinkDeployModes),
  graceMs,
});

/** Submits with `hadoop jar`. */
export const mapreduceSettingsSchema = z.strictObject({ type: z.literal('mapreduce'), ...mapreduceShape, graceMs });

/** Submits with `yarn jar`. */
export const yarnSettingsSchema = z.strictObject({ type: z.literal('yarn'), ...yarnShape, graceMs });

export type SparkSettings = z.infer<typeof sparkSettingsSchema>;
export type FlinkSettings = z.infer<typeof flinkSettingsSchema>;
export type MapreduceSettings = z.infer<typeof mapreduceSettingsSchema>;
export type YarnSettings = z.infer<typeof yarnSettingsSchema>;
