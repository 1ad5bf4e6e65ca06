/** What `millrace what-if` is told to change: texts of the command line as changes of the definition and of the workers. */

import type { TaskDefinition, WorkflowDefinition } from '../../../schemas/definition/workflow.definition.ts';
import { parseDurationMs } from '../../../schemas/duration.ts';
import { workerGroupSchema, workerIdSchema } from '../../../schemas/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import { recordedWorkers, type WorkerChanges } from '../../replay/recorded-workers.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import { readDefinition } from '../read-definitions.ts';
import { taskIn } from './panels.ts';

export type DefinitionOptions = {
  definition?: string;
  retry?: string[];
  timeout?: string[];
  failurePolicy?: WorkflowDefinition['failurePolicy'];
};

/** Undefined: as it was recorded. */
export async function changedDefinition(
  run: ReplayedRun,
  { definition: file, retry = [], timeout = [], failurePolicy: policy }: DefinitionOptions,
  cwd: string,
): Promise<WorkflowDefinition | undefined> {
  if (file === undefined && retry.length === 0 && timeout.length === 0 && policy === undefined) return undefined;
  const base = file === undefined ? run.plan.definition : await readDefinition(file, cwd);
  const changes = [...retry.map((text) => retryChange(run, text)), ...timeout.map((text) => timeoutChange(run, text))];
  const tasks = base.tasks.map((task) => changes.reduce((now, change) => change(now), task));
  return { ...base, tasks, ...(policy === undefined ? {} : { failurePolicy: policy }) };
}

type Change = (task: TaskDefinition) => TaskDefinition;

function retryChange(run: ReplayedRun, text: string): Change {
  const [task = '', value = ''] = text.split('=');
  const attempts = Number(value);
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new AppError('BAD_REQUEST', `--retry ${text}: expected <task>=<attempts>, such as deploy=3`);
  }
  const name = taskIn(run, task);
  return (one) => (one.name === name ? { ...one, retry: { ...one.retry, attempts } } : one);
}

function timeoutChange(run: ReplayedRun, text: string): Change {
  const [task = '', value = ''] = text.split('=');
  const timeoutMs = parseDurationMs(value);
  if (timeoutMs === undefined)
    throw new AppError('BAD_REQUEST', `--timeout ${text}: expected <task>=<duration>, such as deploy=30s`);
  const name = taskIn(run, task);
  return (one) => (one.name === name ? { ...one, timeoutMs } : one);
}

export type WorkerOptions = { worker?: string[]; withoutWorker?: string[] };

/** Undefined: each attempt goes where it went. */
export function changedWorkers(
  run: ReplayedRun,
  { worker = [], withoutWorker = [] }: WorkerOptions,
): WorkerChanges | undefined {
  if (worker.length === 0 && withoutWorker.length === 0) return undefined;
  const known = recordedWorkers(run);
  const gone = withoutWorker.map((id) => {
    if (Object.hasOwn(known, id)) return [id, null] as const;
    const met = Object.keys(known);
    const names = met.length === 0 ? 'it met none' : `it met ${met.join(', ')}`;
    throw new AppError('BAD_REQUEST', `--without-worker ${id}: the run met no such worker; ${names}`);
  });
  return Object.fromEntries([...gone, ...worker.map(workerChange)]);
}

function workerChange(text: string) {
  const [, id = '', groups = '', slots = ''] = /^([^=]+)=([^:]+):(\d+)$/.exec(text) ?? [];
  const names = groups.split(',');
  const isRight =
    workerIdSchema.safeParse(id).success && names.every((group) => workerGroupSchema.safeParse(group).success);
  if (!isRight || Number(slots) < 1) {
    throw new AppError(
      'BAD_REQUEST',
      `--worker ${text}: expected <id>=<groups>:<slots>, such as worker-3=default,gpu:4`,
    );
  }
  return [id, { groups: names, slots: Number(slots) }] as const;
}
