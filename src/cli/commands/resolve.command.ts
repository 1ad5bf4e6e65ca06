/** `millrace resolve <run> <task>`: a person decides what becomes of a task whose worker is absent. */
import type { TaskName } from '../../../schemas/ids.ts';
import type { CommandReceipt } from '../../../schemas/messages/command.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { taskName } from '../arguments.ts';
import { type CommandHost, examples } from './command-host.ts';
import { runArgument, type SteerOptions, steer, steering, withSteerOptions } from './steer.ts';

type ResolveOptions = SteerOptions & { retry?: boolean; fail?: boolean; adopt?: boolean };

const decisions = ['retry', 'fail', 'adopt'] as const;
const outcomes = { retry: 'runs again', fail: 'fails', adopt: 'follows its applications' } as const;

export function addResolveCommand(host: CommandHost): void {
  const command = steering(
    host,
    'resolve',
    'Decide what becomes of a task whose worker is absent: run it again, let it fail, or follow its applications.',
  )
    .argument('<run>', runArgument)
    .argument('<task>', 'name of the task', taskName)
    .option('--retry', 'run it again; the absent worker may still be running it')
    .option('--fail', 'let it fail')
    .option('--adopt', 'follow its applications on clusters, which run on');
  withSteerOptions(command)
    .addHelpText('after', examples('millrace resolve 0193a4c2 load --retry --reason "the machine is gone for good"'))
    .action((part: string, task: TaskName, options: ResolveOptions) => {
      const [decision, ...others] = decisions.filter((one) => options[one] === true);
      if (decision === undefined || others.length > 0) {
        throw new AppError('BAD_REQUEST', 'Give one of --retry, --fail and --adopt.');
      }
      const body = { type: 'resolveLost' as const, task, decision };
      const done = ({ instance }: CommandReceipt) => `${task} of ${instance} ${outcomes[decision]}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}
