/** Runs beside the one that is looked at: its parent, its children. From the masters, or from files in the same folder. */
import { open, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { InstanceId } from '../../../schemas/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import type { LoadRun } from '../../replay/causes-across-runs.ts';
import { ReplayedRun } from '../../replay/replayed-run.ts';
import type { RunHistory } from '../../replay/run-history.ts';

export type LoadHistory = (instance: InstanceId) => Promise<RunHistory | undefined>;

/** A run that is gone, or that this build cannot read, is none. */
export function loadRunsWith(load: LoadHistory): LoadRun {
  return async (instance) => {
    try {
      const history = await load(instance);
      return history === undefined ? undefined : new ReplayedRun(history);
    } catch (fault) {
      if (!(fault instanceof AppError)) throw fault;
      return undefined;
    }
  };
}

const filesMax = 2_000;
const headLengthBytes = 256;

/** The id stands at the beginning of a file of a run. */
export async function siblingFile(target: string, cwd: string, instance: InstanceId): Promise<string | undefined> {
  const folder = dirname(resolve(cwd, target));
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).slice(0, filesMax);
  for (const name of names) {
    const path = join(folder, name);
    if ((await headOf(path)).includes(`"instance":"${instance}"`)) return path;
  }
  return undefined;
}

async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headLengthBytes), 0, headLengthBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
