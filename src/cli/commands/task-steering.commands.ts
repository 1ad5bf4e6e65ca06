/** Commands to one task of a run: kill, skip, force, isolate, rejoin, approve, decline. */
import type { TaskName } from '../../../schemas/ids.ts';
import type { CommandBody, CommandReceipt } from '../../../schemas/messages/command.messages.ts';
import { taskName } from '../arguments.ts';
import { recordFrom } from '../params.ts';
import { type CommandHost, examples } from './command-host.ts';
import { runArgument, type SteerOptions, steer, steering, withSteerOptions } from './steer.ts';

type ForceOptions = SteerOptions & { outputs?: string };

type TaskCommand = {
  name: string;
  description: string;
  examples: readonly string[];
  body: (task: TaskName) => CommandBody;
  /** After the task and its run. */
  done: string;
};

const taskCommands: readonly TaskCommand[] = [
  {
    name: 'kill',
    description: 'Stop one task; what needs it is blocked, the rest goes on.',
    examples: ['millrace kill 0193a4c2 load --reason "hangs"'],
    body: (task) => ({ type: 'stopTask', task }),
    done: 'is being stopped',
  },
  {
    name: 'skip',
    description: 'Pass over a task that does not run; what needs it goes on. An ended run is opened again.',
    examples: ['millrace skip 0193a4c2 notify'],
    body: (task) => ({ type: 'skipTask', task }),
    done: 'is skipped',
  },
  {
    name: 'isolate',
    description: 'Hold a task and all that needs it back, until it rejoins.',
    examples: ['millrace isolate 0193a4c2 publish --reason "not before noon"'],
    body: (task) => ({ type: 'isolateTask', task }),
    done: 'is isolated, with all that needs it',
  },
  {
    name: 'rejoin',
    description: 'End the isolation of a task: it and what needs it go on.',
    examples: ['millrace rejoin 0193a4c2 publish'],
    body: (task) => ({ type: 'rejoinTask', task }),
    done: 'has rejoined',
  },
  {
    name: 'approve',
    description: 'Approve what a task asks for: it succeeds.',
    examples: ['millrace approve 0193a4c2 release --by ada --reason "tests are green"'],
    body: (task) => ({ type: 'approveTask', task, approved: true }),
    done: 'is approved',
  },
  {
    name: 'decline',
    description: 'Decline what a task asks for: it fails.',
    examples: ['millrace decline 0193a4c2 release --by ada --reason "not on a Friday"'],
    body: (task) => ({ type: 'approveTask', task, approved: false }),
    done: 'is declined',
  },
];

export function addTaskSteeringCommands(host: CommandHost): void {
  for (const command of taskCommands) addTaskCommand(host, command);
  addForce(host);
}

function addTaskCommand(host: CommandHost, { name, description, body, done, ...rest }: TaskCommand): void {
  withSteerOptions(
    steering(host, name, description).argument('<run>', runArgument).argument('<task>', 'name of the task', taskName),
  )
    .addHelpText('after', examples(...rest.examples))
    .action((part: string, task: TaskName, options: SteerOptions) =>
      host.withSession((session) =>
        steer(session, { part, body: body(task), options, done: ({ instance }) => `${task} of ${instance} ${done}` }),
      ),
    );
}

function addForce(host: CommandHost): void {
  const command = steering(
    host,
    'force',
    'Declare that a task succeeded which failed, was stopped, blocked or skipped. An ended run is opened again.',
  )
    .argument('<run>', runArgument)
    .argument('<task>', 'name of the task', taskName)
    .option('--outputs <object>', 'its outputs, as one JSON object (default: none)');
  withSteerOptions(command)
    .addHelpText('after', examples(`millrace force 0193a4c2 load --outputs '{"rows": 17}' --reason "loaded by hand"`))
    .action((part: string, task: TaskName, options: ForceOptions) => {
      const body = { type: 'forceTask' as const, task, outputs: recordFrom(options.outputs, '--outputs') };
      const done = ({ instance, status }: CommandReceipt) =>
        `${task} of ${instance} has succeeded; the run is ${status}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}
