/** Runs shell tasks of a definition in the order of their needs, with the agreement that a worker keeps, and no retries. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { JsonRecord } from '../../schemas/json.ts';

export interface TaskRun {
  exitCode: number | null;
  outputs: JsonRecord;
  log: string;
}

/** Outputs of each task by its name. Throws with the log of the first task that fails. */
export async function runInOrder(
  definition: WorkflowDefinition,
  params: JsonRecord,
  folder: string,
): Promise<Map<string, TaskRun>> {
  const runs = new Map<string, TaskRun>();
  const waiting = [...definition.tasks];
  while (waiting.length > 0) {
    const index = waiting.findIndex(({ needs }) => needs.every((need) => runs.has(need)));
    const [task] = waiting.splice(index, 1);
    if (task === undefined) throw new Error('no task is ready');
    const needs = Object.fromEntries(task.needs.map((need) => [need, runs.get(need)?.outputs ?? {}]));
    const run = await runTask(task, { params, needs, folder: join(folder, task.name) });
    if (run.exitCode !== 0) throw new Error(`${task.name} ended with ${run.exitCode}: ${run.log}`);
    runs.set(task.name, run);
  }
  return runs;
}

export async function runTask(
  task: TaskDefinition,
  { params, needs, folder, attempt = 1 }: { params: JsonRecord; needs: JsonRecord; folder: string; attempt?: number },
): Promise<TaskRun> {
  if (task.settings.type !== 'shell') throw new Error(`expected a shell task, came ${task.settings.type}`);
  const inputsFile = join(folder, 'inputs.json');
  const outputFile = join(folder, 'output');
  const cwd = join(folder, 'work');
  await mkdir(cwd, { recursive: true });
  await writeFile(inputsFile, JSON.stringify({ params, needs }));
  const env = {
    PATH: process.env.PATH,
    ...task.env,
    ...Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
    MILLRACE_INPUTS: inputsFile,
    MILLRACE_OUTPUT: outputFile,
    MILLRACE_INSTANCE: '00000000-0000-4000-8000-000000000001',
    MILLRACE_WORKFLOW: 'example',
    MILLRACE_TASK: task.name,
    MILLRACE_ATTEMPT: String(attempt),
    MILLRACE_ATTEMPT_ID: '00000000-0000-4000-8000-000000000002',
  };
  const { exitCode, log } = await runCommand(task.settings.command, cwd, env);
  const written = await readFile(outputFile, 'utf8').catch(() => '');
  if (Buffer.byteLength(written) > 65_536) throw new Error(`the outputs of ${task.name} exceed 64 KiB`);
  return { exitCode, outputs: parseOutputs(written), log };
}

function runCommand(
  command: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ exitCode: number | null; log: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    child.on('error', reject).on('close', (exitCode) => resolve({ exitCode, log }));
  });
}

function parseOutputs(text: string): JsonRecord {
  if (text.trimStart().startsWith('{')) return JSON.parse(text) as JsonRecord;
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}
