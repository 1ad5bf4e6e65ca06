/** Many whole runs, one after the other: the files of a folder, or what the masters know. */
import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { WorkflowName } from '../../schemas/ids.ts';
import { AppError } from '../errors/app-error.ts';
import { loadHistory, type RunHistory } from '../replay/run-history.ts';
import type { CommandHost, Stage } from './commands/command-host.ts';
import type { ExitCode } from './exit-codes.ts';
import { listedRuns } from './listed-runs.ts';
import { clientSource, readRunFile } from './run-histories.ts';
import type { Session } from './session.ts';

/** A run that is read only when its turn comes. */
export type FleetRun = { name: string; load(): Promise<RunHistory> };

export type FleetOptions = { dir?: string; since?: number; workflow?: WorkflowName };

export type WithFleet = (stage: Stage, runs: AsyncIterable<FleetRun>) => Promise<ExitCode>;

/** `--dir` needs no server; without it the masters are asked. */
export function withFleet(host: CommandHost, options: FleetOptions, run: WithFleet): Promise<void> {
  const { dir, since, workflow } = options;
  if (dir === undefined) {
    return host.withSession((session) => run(session, knownRuns(session, { sinceMs: since, workflow })));
  }
  if (since !== undefined || workflow !== undefined) {
    throw new AppError(
      'BAD_REQUEST',
      '--since and --workflow choose among the runs of the masters; give --dir without them.',
    );
  }
  return host.withStage((stage) => run(stage, filesIn(dir, host.cwd)));
}

/** Which of the runs that the masters know. */
export type ChosenRuns = {
  /** Only those that were submitted this long ago or later. */
  sinceMs: number | undefined;
  workflow: WorkflowName | undefined;
};

async function* knownRuns({ client, clock }: Session, { sinceMs, workflow }: ChosenRuns): AsyncGenerator<FleetRun> {
  const source = clientSource(client);
  const sinceAt = sinceMs === undefined ? undefined : clock.now() - sinceMs;
  for await (const { instance } of listedRuns(client, { workflow, sinceAt })) {
    yield { name: instance, load: () => loadHistory(source, instance) };
  }
}

async function* filesIn(dir: string, cwd: string): AsyncGenerator<FleetRun> {
  const folder = resolve(cwd, dir);
  let names: string[];
  try {
    names = await readdir(folder, { recursive: true });
  } catch (fault) {
    throw new AppError(
      'BAD_REQUEST',
      `The folder ${dir} cannot be read: ${fault instanceof Error ? fault.message : fault}`,
    );
  }
  const files = names.filter((name) => name.endsWith('.jsonl')).sort();
  if (files.length === 0) throw new AppError('BAD_REQUEST', `The folder ${dir} holds no file of a run (*.jsonl).`);
  for (const name of files)
    yield { name: relative(folder, join(folder, name)), load: () => readRunFile(join(dir, name), cwd) };
}
