/** `shell`: the command is what the user wrote. */
import { submissionOf } from '../attempt-applications.ts';
import { type CommandTaskTypeOptions, createCommandTaskType } from '../command-task.ts';
import { filledCommand } from '../filled-command.ts';
import { settingsOf } from '../settings-of.ts';
import type { TaskType } from '../task-type.port.ts';

export function createShellTaskType(options: CommandTaskTypeOptions): TaskType {
  return createCommandTaskType(
    {
      type: 'shell',
      commandOf: (offer, { scope }) => {
        const { command, template = false } = settingsOf(offer, 'shell');
        return template ? filledCommand(command, offer, scope) : command;
      },
      graceMsOf: (offer) => settingsOf(offer, 'shell').graceMs,
      submissionOf: (offer) => submissionOf(settingsOf(offer, 'shell')),
    },
    options,
  );
}
