/** `shell`: the command is what the user wrote. */
import type { ParamScope } from '../../actors/params/param-scope.ts';
import type { Looked } from '../../actors/params/placeholder.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { submissionOf } from './attempt-applications.ts';
import { filledText } from './attempt-scope.ts';
import { type CommandTaskTypeOptions, createCommandTaskType } from './command-task.ts';
import { settingsOf } from './settings-of.ts';
import type { TaskType } from './task-type.port.ts';

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

/** Unknown names are the shell's; so are secrets, which others could see in a command line. */
function filledCommand(command: string, { inputs }: Offer, scope: ParamScope): string {
  const lookup = (name: string): Looked => {
    const own = { kind: 'value', value: `\${${name}}` } as const;
    if (Object.hasOwn(inputs.late ?? {}, name)) return own;
    const looked = scope.lookup(name);
    return looked.kind === 'fault' && looked.fault.code === 'PARAM_MISSING' ? own : looked;
  };
  return filledText(command, { lookup, time: scope.time });
}
