/**
 * `flink`: an application by `flink`, or SQL by `sql-client.sh`, on YARN. In the deploy mode `application` the client ends as soon as
 * the application is submitted; its end is followed at the cluster then.
 */
import type { CommandTaskTypeOptions } from '../command-task.ts';
import {
  applicationOf,
  createSubmittingTaskType,
  option,
  properties,
  type Submitting,
  type SubmittingSettings,
  withTag,
} from '../submitting/submitting-task.ts';
import type { TaskType } from '../task-type.port.ts';

export function createFlinkTaskType(options: CommandTaskTypeOptions): TaskType {
  return createSubmittingTaskType('flink', wordsOf, options);
}

type Settings = SubmittingSettings<'flink'>;

const targets = { application: 'yarn-application', perJob: 'yarn-per-job' } as const;

function wordsOf(settings: Settings, submitting: Submitting): string[] {
  const { sql, args, deployMode } = settings;
  const values = valuesOf(settings, submitting);
  if (sql !== undefined) {
    const begin = submitting.write('begin.sql', setStatements({ 'execution.target': targets[deployMode], ...values }));
    const statements = submitting.write('statements.sql', sql);
    return [settings.program ?? 'sql-client.sh', ...settings.options, '-i', begin, '-f', statements, ...args];
  }
  return [
    settings.program ?? 'flink',
    deployMode === 'application' ? 'run-application' : 'run',
    ...option('-t', targets[deployMode]),
    ...option('-p', settings.parallelism),
    ...option('-s', settings.savepoint),
    ...properties(values),
    ...settings.options,
    ...option('-c', settings.mainClass),
    ...programOf(applicationOf(settings)),
    ...args,
  ];
}

function programOf(application: string): string[] {
  return application.endsWith('.py') ? ['-py', application] : [application];
}

function valuesOf(settings: Settings, { tag, name }: Submitting): Record<string, string | number | undefined> {
  return {
    'yarn.application.name': settings.name ?? name,
    'yarn.application.queue': settings.queue,
    'jobmanager.memory.process.size': settings.jobManagerMemory,
    'taskmanager.memory.process.size': settings.taskManagerMemory,
    'taskmanager.numberOfTaskSlots': settings.slots,
    ...(settings.sql === undefined
      ? {}
      : { 'parallelism.default': settings.parallelism, 'execution.savepoint.path': settings.savepoint }),
    ...settings.conf,
    'yarn.tags': withTag(settings.conf['yarn.tags'], tag),
  };
}

function setStatements(values: Readonly<Record<string, string | number | undefined>>): string {
  const quoted = (text: string | number) => `'${String(text).replaceAll("'", "''")}'`;
  return Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [`SET ${quoted(name)} = ${quoted(value)};\n`]))
    .join('');
}
