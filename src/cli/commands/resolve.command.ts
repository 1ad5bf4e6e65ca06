/** `millrace resolve <run> <task>`: a person decides what becomes of a task whose worker is absent. */
import type { TaskName } from '../../../schemas/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import { taskName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type ResolveOptions = { retry?: boolean; fail?: boolean; reason?: string };

export function addResolveCommand(host: CommandHost): void {
  host.program
    .command('resolve')
    .helpGroup(commandGroups.steer)
    .description('Decide what becomes of a task whose worker is absent: run it again, or let it fail.')
    .argument('<run>', 'id of the run, or a unique beginning or end of it')
    .argument('<task>', 'name of the task', taskName)
    .option('--retry', 'run it again; the absent worker may still be running it')
    .option('--fail', 'let it fail')
    .option('--reason <text>', 'why, for the history of the run')
    .addHelpText('after', examples('millrace resolve 0193a4c2 load --retry --reason "the machine is gone for good"'))
    .action((part: string, task: TaskName, options: ResolveOptions) => {
      if (options.retry === options.fail) throw new AppError('BAD_REQUEST', 'Give either --retry or --fail.');
      return host.withSession((session) => resolve(session, { part, task }, options));
    });
}

async function resolve(
  { client, screen, json, ids }: Session,
  { part, task }: { part: string; task: TaskName },
  { retry, reason }: ResolveOptions,
): Promise<ExitCode> {
  const instance = await resolveInstance(client, part);
  const receipt = await client.command({
    type: 'resolveLost',
    instance,
    task,
    decision: retry === true ? 'retry' : 'fail',
    // Made once, so that a repeated request is the same command.
    key: ids.uuid(),
    by: 'command line',
    ...(reason === undefined ? {} : { reason }),
  });
  if (json) screen.printJson(receipt);
  else screen.print(`${task} of ${instance} ${retry === true ? 'runs again' : 'has failed'}`);
  return exitCodes.ok;
}
