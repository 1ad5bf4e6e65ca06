/** Whole runs, from the files of this machine or from the masters. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { DefinitionReply } from '../../schemas/messages/client.messages.ts';
import { AppError } from '../errors/app-error.ts';
import { parseRunFile } from '../replay/run-file.ts';
import { type HistorySource, loadHistory, type RunHistory } from '../replay/run-history.ts';
import { allEvents } from './all-events.ts';
import type { CommandHost, Stage } from './commands/command-host.ts';
import type { ExitCode } from './exit-codes.ts';
import { limits } from './limits.ts';
import type { MasterClient } from './master-client.ts';
import { type LoadHistory, siblingFile } from './replay/other-runs.ts';
import { resolveInstance } from './resolve-instance.ts';

export function clientSource(client: Pick<MasterClient, 'events' | 'definition'>): HistorySource {
  const asked = new Map<string, Promise<DefinitionReply>>();
  return {
    events: (instance) => allEvents(client, instance, limits.pageLength),
    // A version never changes, and many runs pin the same one.
    definition: async (name, version) => {
      const key = `${name}@${version}`;
      // Reason for the cast: the name stands in an event that its schema has read.
      const reply = asked.get(key) ?? client.definition(name as WorkflowName, version);
      asked.set(key, reply);
      return (await reply).definition;
    },
  };
}

/** @throws AppError HISTORY_INVALID */
export async function readRunFile(path: string, cwd: string): Promise<RunHistory> {
  try {
    return parseRunFile(await readFile(resolve(cwd, path), 'utf8'), path);
  } catch (fault) {
    if (fault instanceof AppError) throw fault;
    throw new AppError('HISTORY_INVALID', `${path} cannot be read: ${fault instanceof Error ? fault.message : fault}`);
  }
}

/** @param others runs beside it, by their ids */
export type WithHistory = (stage: Stage, history: RunHistory, others: LoadHistory) => Promise<ExitCode>;

/** @param target a file, or what a person types of the id of a run; a file needs no server */
export async function withHistory(host: CommandHost, target: string, run: WithHistory): Promise<void> {
  if (await isFile(resolve(host.cwd, target))) {
    const others: LoadHistory = async (instance) => {
      const file = await siblingFile(target, host.cwd, instance);
      return file === undefined ? undefined : readRunFile(file, host.cwd);
    };
    return host.withStage(async (stage) => run(stage, await readRunFile(target, host.cwd), others));
  }
  if (/[./\\]/.test(target)) throw new AppError('BAD_REQUEST', `There is no file ${target}.`);
  return host.withSession(async (session) => {
    const instance: InstanceId = await resolveInstance(session.client, target);
    const source = clientSource(session.client);
    return run(session, await loadHistory(source, instance), (other) => loadHistory(source, other));
  });
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
