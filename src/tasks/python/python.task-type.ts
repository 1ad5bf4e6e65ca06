/**
 * `python`: a script, run by an interpreter of the worker's machine in the surroundings of a `shell` task: its parameters and
 * inputs, its outputs, its process group. The script is a file beside the working folder, so its text needs no quoting.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { submissionOf } from '../attempt-applications.ts';
import { filledText } from '../attempt-scope.ts';
import { type CommandTaskTypeOptions, createCommandTaskType } from '../command-task.ts';
import { quotedWords } from '../quoted-words.ts';
import { settingsOf } from '../settings-of.ts';
import type { TaskType } from '../task-type.port.ts';

const ownerOnly = 0o600;

export function createPythonTaskType(options: CommandTaskTypeOptions): TaskType {
  return createCommandTaskType(
    {
      type: 'python',
      commandOf: (offer, { scope, folder }) => {
        const { script, interpreter, args } = settingsOf(offer, 'python');
        const path = join(folder.root, 'script.py');
        writeFileSync(path, script, { mode: ownerOnly });
        // Without a buffer: what it prints is seen when it prints it.
        const words = [interpreter, '-u', path, ...args.map((arg) => filledText(arg, scope))];
        return `exec ${quotedWords(words)}`;
      },
      graceMsOf: (offer) => settingsOf(offer, 'python').graceMs,
      submissionOf: (offer) => submissionOf(settingsOf(offer, 'python')),
    },
    options,
  );
}
