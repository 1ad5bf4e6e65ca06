/** `mapreduce`: a job by `hadoop jar`. Its settings reach a program that reads the options of Hadoop (`ToolRunner`). */
import type { CommandTaskTypeOptions } from '../command-task.ts';
import {
  applicationOf,
  createSubmittingTaskType,
  properties,
  type Submitting,
  type SubmittingSettings,
  withTag,
} from '../submitting/submitting-task.ts';
import type { TaskType } from '../task-type.port.ts';

export function createMapreduceTaskType(options: CommandTaskTypeOptions): TaskType {
  return createSubmittingTaskType('mapreduce', wordsOf, options);
}

function wordsOf(settings: SubmittingSettings<'mapreduce'>, { tag, name }: Submitting): string[] {
  const main = settings.mainClass === undefined ? [] : [settings.mainClass];
  const values = {
    'mapreduce.job.name': settings.name ?? name,
    'mapreduce.job.queuename': settings.queue,
    'mapreduce.map.memory.mb': megabytes(settings.mapMemory),
    'mapreduce.reduce.memory.mb': megabytes(settings.reduceMemory),
    ...settings.conf,
    'mapreduce.job.tags': withTag(settings.conf['mapreduce.job.tags'], tag),
  };
  const client = [settings.program ?? 'hadoop', 'jar', applicationOf(settings), ...main];
  return [...client, ...properties(values), ...settings.options, ...settings.args];
}

const bytesOf: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Rounded up. */
function megabytes(memory: string | undefined): number | undefined {
  const [, amount, unit] = /^(\d+)([kmgt])b?$/i.exec(memory ?? '') ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.ceil((Number(amount) * (bytesOf[unit.toLowerCase()] ?? 0)) / 2 ** 20);
}
