/** Fills texts that have placeholders of their own kind beside ours: commands of a shell, SQL with variables. */
import type { ParamScope } from '../../actors/params/param-scope.ts';
import type { Looked } from '../../actors/params/placeholder.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { filledText } from './attempt-scope.ts';

/** Unknown names are left alone; so are secrets, which others could see in a command line. */
export function filledCommand(command: string, { inputs }: Offer, scope: ParamScope): string {
  const lookup = (name: string): Looked => {
    const own = { kind: 'value', value: `\${${name}}` } as const;
    if (Object.hasOwn(inputs.late ?? {}, name)) return own;
    const looked = scope.lookup(name);
    return looked.kind === 'fault' && looked.fault.code === 'PARAM_MISSING' ? own : looked;
  };
  return filledText(command, { lookup, time: scope.time });
}
