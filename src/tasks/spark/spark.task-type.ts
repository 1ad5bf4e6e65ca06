/** `spark`: an application by `spark-submit`, or SQL by `spark-sql`; on YARN, or on Kubernetes where the master says so. */
import { attemptLabel } from '../../clusters/kubernetes-application.ts';
import type { CommandTaskTypeOptions } from '../command-task.ts';
import {
  applicationOf,
  createSubmittingTaskType,
  option,
  type Submitting,
  type SubmittingSettings,
  withTag,
} from '../submitting/submitting-task.ts';
import type { TaskType } from '../task-type.port.ts';

export function createSparkTaskType(options: CommandTaskTypeOptions): TaskType {
  return createSubmittingTaskType('spark', wordsOf, options);
}

type Settings = SubmittingSettings<'spark'>;

function wordsOf(settings: Settings, submitting: Submitting): string[] {
  const { sql, args } = settings;
  const common = [...resources(settings, submitting), ...settings.options];
  if (sql !== undefined) {
    return [settings.program ?? 'spark-sql', ...common, '-f', submitting.write('statements.sql', sql), ...args];
  }
  const main = option('--class', settings.mainClass);
  return [settings.program ?? 'spark-submit', ...common, ...main, applicationOf(settings), ...args];
}

function resources(settings: Settings, { tag, name }: Submitting): string[] {
  const conf = Object.entries({ ...settings.conf, ...tagged(settings, tag) });
  return [
    ...option('--master', settings.master),
    ...option('--deploy-mode', settings.deployMode),
    ...option('--name', settings.name ?? name),
    ...option('--queue', settings.queue),
    ...option('--driver-memory', settings.driverMemory),
    ...option('--driver-cores', settings.driverCores),
    ...option('--executor-memory', settings.executorMemory),
    ...option('--executor-cores', settings.executorCores),
    ...option('--num-executors', settings.executors),
    ...conf.flatMap(([key, value]) => ['--conf', `${key}=${value}`]),
  ];
}

function tagged({ master, conf }: Settings, tag: string): Record<string, string> {
  if (master.startsWith('k8s://')) return { [`spark.kubernetes.driver.label.${attemptLabel}`]: tag };
  return { 'spark.yarn.tags': withTag(conf['spark.yarn.tags'], tag) };
}
