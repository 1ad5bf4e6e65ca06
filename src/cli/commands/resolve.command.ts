/** `millrace resolve <run> <task>`: a person decides what becomes of a task whose worker is absent. */
import type { TaskName } from '../../../schemas/ids.ts';
import type { CommandReceipt } from '../../../schemas/messages/command.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { taskName } from '../arguments.ts';
import { type CommandHost, examples } from './command-host.ts';
import { runArgument, type SteerOptions, steer, steering, withSteerOptions } from './steer.ts';

type ResolveOptions = SteerOptions & { retry?: boolean; fail?: boolean };

export function addResolveCommand(host: CommandHost): void {
  const command = steering(
    host,
    'resolve',
    'Decide what becomes of a task whose worker is absent: run it again, or let it fail.',
  )
    .argument('<run>', runArgument)
    .argument('<task>', 'name of the task', taskName)
    .option('--retry', 'run it again; the absent worker may still be running it')
    .option('--fail', 'let it fail');
  withSteerOptions(command)
    .addHelpText('after', examples('millrace resolve 0193a4c2 load --retry --reason "the machine is gone for good"'))
    .action((part: string, task: TaskName, options: ResolveOptions) => {
      if (options.retry === options.fail) throw new AppError('BAD_REQUEST', 'Give either --retry or --fail.');
      const decision = options.retry === true ? ('retry' as const) : ('fail' as const);
      const body = { type: 'resolveLost' as const, task, decision };
      const done = ({ instance }: CommandReceipt) =>
        `${task} of ${instance} ${decision === 'retry' ? 'runs again' : 'has failed'}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}
