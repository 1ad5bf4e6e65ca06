/** Canonical settings of the tasks that submit applications to a cluster. */

import { k8sShape } from '../../schemas/definition/k8s-shapes.ts';
import type { K8sTaskSource } from '../../schemas/definition/k8s-source.ts';
import { flinkShape, mapreduceShape, sparkShape, yarnShape } from '../../schemas/definition/submitting-shapes.ts';
import type {
  FlinkTaskSource,
  MapreduceTaskSource,
  SparkTaskSource,
  YarnTaskSource,
} from '../../schemas/definition/submitting-source.ts';
import type { TaskSettings } from '../../schemas/definition/task-settings.ts';
import { parseDurationMs } from '../../schemas/duration.ts';

export function canonicalSpark(task: SparkTaskSource): TaskSettings {
  const deployMode = task.deployMode ?? (task.sql === undefined ? 'cluster' : 'client');
  return { type: 'spark', ...fieldsOf(task, sparkShape), deployMode, ...endOf(task) };
}

export function canonicalFlink(task: FlinkTaskSource): TaskSettings {
  const deployMode = task.deployMode ?? (task.sql === undefined ? 'application' : 'perJob');
  return { type: 'flink', ...fieldsOf(task, flinkShape), deployMode, ...endOf(task) };
}

export function canonicalMapreduce(task: MapreduceTaskSource): TaskSettings {
  return { type: 'mapreduce', ...fieldsOf(task, mapreduceShape), ...endOf(task) };
}

export function canonicalYarn(task: YarnTaskSource): TaskSettings {
  return { type: 'yarn', ...fieldsOf(task, yarnShape), ...endOf(task) };
}

export function canonicalK8s(task: K8sTaskSource): TaskSettings {
  return { type: 'k8s', ...fieldsOf(task, k8sShape) };
}

/** The given fields of the type, in the order of its shape. */
function fieldsOf<T extends object, Name extends keyof T>(task: T, shape: Record<Name, unknown>): Pick<T, Name> {
  const names = Object.keys(shape) as Name[]; // As the type of the shape says.
  const given = names.filter((name) => task[name] !== undefined).map((name) => [name, task[name]]);
  return Object.fromEntries(given) as Pick<T, Name>; // Those that are absent may be.
}

const endOf = ({ grace }: { grace: string }) => ({ graceMs: parseDurationMs(grace) ?? 0 });
