/**
 * What is known of each command, on disk: a small JSON file per attempt, written aside and renamed. Files instead of a
 * database, since the supervisor then loads no native library (it starts in a fraction of the time and memory), an attempt
 * is written twice in its life, and the worker can read them when the supervisor is gone.
 *
 * Not synced: a power loss ends the commands as well, and a file that is missing or torn says "lost", which is true.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunState, type RunState } from './supervisor.messages.ts';
import { fileMode, folderMode } from './supervisor-place.ts';

export type RunRecords = {
  write(state: RunState): void;
  /** Undefined when there is none that can be read. */
  read(attemptId: string): RunState | undefined;
  remove(attemptId: string): void;
  attemptIds(): string[];
};

const suffix = '.json';

export function createRunRecords(folder: string): RunRecords {
  const pathOf = (attemptId: string) => join(folder, attemptId + suffix);
  return {
    write: (state) => {
      const draft = join(folder, `${state.attemptId}.draft`);
      writeRetrying(draft, JSON.stringify(state), folder);
      renameSync(draft, pathOf(state.attemptId));
    },
    read: (attemptId) => {
      try {
        const state: unknown = JSON.parse(readFileSync(pathOf(attemptId), 'utf8'));
        return isRunState(state) ? state : undefined;
      } catch {
        return undefined; // None, or torn by a power loss.
      }
    },
    remove: (attemptId) => rmSync(pathOf(attemptId), { force: true }),
    attemptIds: () => namesIn(folder).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : [])),
  };
}

/** The folder is made when it is missing: seldom. */
function writeRetrying(path: string, content: string, folder: string): void {
  try {
    writeFileSync(path, content, { mode: fileMode });
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ENOENT') throw fault;
    mkdirSync(folder, { mode: folderMode });
    writeFileSync(path, content, { mode: fileMode });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // No attempt ever came this far.
  }
}
