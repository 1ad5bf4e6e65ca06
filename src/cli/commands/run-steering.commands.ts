/** Commands to a run as a whole: pause, resume, retry, rerun, priority, signal. */
import { Argument, type Command } from 'commander';
import { type Priority, priorities } from '../../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../../schemas/ids.ts';
import type { JsonValue } from '../../../schemas/json.ts';
import type { CommandBodyOf, CommandReceipt } from '../../../schemas/messages/command.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { severalTasks, taskName } from '../arguments.ts';
import { type CommandHost, examples } from './command-host.ts';
import {
  runArgument,
  type SteerOptions,
  steer,
  steering,
  type WaitOptions,
  withSteerOptions,
  withWaitOptions,
} from './steer.ts';

const isNow = ({ instance, status }: CommandReceipt) => `${instance} is ${status}`;

export function addRunSteeringCommands(host: CommandHost): void {
  addPause(host);
  addResume(host);
  addRetry(host);
  addRerun(host);
  addPriority(host);
  addSignal(host);
}

function addPause(host: CommandHost): void {
  withSteerOptions(
    steering(host, 'pause', 'Pause a run: nothing more is started, what runs goes on.').argument('<run>', runArgument),
  )
    .addHelpText('after', examples('millrace pause 0193a4c2 --reason "the source is being repaired"'))
    .action((part: string, options: SteerOptions) =>
      host.withSession((session) => steer(session, { part, body: { type: 'pause' }, options, done: isNow })),
    );
}

function addResume(host: CommandHost): void {
  withWaitOptions(steering(host, 'resume', 'Let a paused run go on.').argument('<run>', runArgument))
    .addHelpText('after', examples('millrace resume 0193a4c2 --wait'))
    .action((part: string, options: WaitOptions) =>
      host.withSession((session) => steer(session, { part, body: { type: 'resume' }, options, done: isNow })),
    );
}

function addRetry(host: CommandHost): void {
  withWaitOptions(
    steering(host, 'retry', 'Run the failed and stopped tasks of a run again; an ended run is opened again.').argument(
      '<run>',
      runArgument,
    ),
  )
    .addHelpText('after', examples('millrace retry 0193a4c2 --wait'))
    .action((part: string, options: WaitOptions) => {
      const body: CommandBodyOf<'clearTasks'> = { type: 'clearTasks', scope: 'failed' };
      const done = ({ instance, status }: CommandReceipt) =>
        `the failed tasks of ${instance} run again; it is ${status}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}

type RerunOptions = WaitOptions & { descendants?: boolean };

function addRerun(host: CommandHost): void {
  const command: Command = steering(host, 'rerun', 'Run an ended run again from its beginning, or some of its tasks.')
    .argument('<run>', runArgument)
    .argument('[task...]', 'only these tasks; the run may still go on', severalTasks)
    .option('--descendants', 'these tasks and everything that needs them');
  withWaitOptions(command)
    .addHelpText('after', examples('millrace rerun 0193a4c2', 'millrace rerun 0193a4c2 load --descendants --wait'))
    .action((part: string, tasks: TaskName[] | undefined, options: RerunOptions) => {
      const body = clearingOf(tasks ?? [], options.descendants === true);
      const what = tasks === undefined || tasks.length === 0 ? 'everything' : tasks.join(', ');
      const done = ({ instance, status }: CommandReceipt) => `${what} of ${instance} runs again; it is ${status}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}

export function clearingOf(tasks: TaskName[], withDescendants: boolean): CommandBodyOf<'clearTasks'> {
  if (tasks.length > 0) return { type: 'clearTasks', scope: withDescendants ? 'descendants' : 'tasks', tasks };
  if (withDescendants) throw new AppError('BAD_REQUEST', '--descendants goes with tasks: name at least one.');
  return { type: 'clearTasks', scope: 'all' };
}

function addPriority(host: CommandHost): void {
  const command = steering(host, 'priority', 'Change the priority of a run, or of one of its tasks.')
    .argument('<run>', runArgument)
    .addArgument(new Argument('<to>', 'the new priority').choices(priorities))
    .argument('[task]', 'only this task', taskName);
  withSteerOptions(command)
    .addHelpText('after', examples('millrace priority 0193a4c2 highest', 'millrace priority 0193a4c2 low cleanup'))
    .action((part: string, priority: Priority, task: TaskName | undefined, options: SteerOptions) => {
      const body = { type: 'changePriority' as const, priority, ...(task === undefined ? {} : { task }) };
      const done = ({ instance }: CommandReceipt) =>
        `${task === undefined ? instance : `${task} of ${instance}`} has the priority ${priority}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}

function addSignal(host: CommandHost): void {
  const command = steering(host, 'signal', 'Send a signal to a run: a task that waits for it takes it, now or later.')
    .argument('<run>', runArgument)
    .argument('<name>', 'name of the signal')
    .argument('[json]', 'what comes with it: JSON, or text (default: null)', payloadFrom);
  withSteerOptions(command)
    .addHelpText(
      'after',
      examples('millrace signal 0193a4c2 go', `millrace signal 0193a4c2 delivered '{"boxes": 3}' --key order-17`),
    )
    .action((part: string, name: string, payload: JsonValue | undefined, options: SteerOptions) => {
      const body = { type: 'sendSignal' as const, name, payload: payload ?? null };
      const done = ({ instance }: CommandReceipt) => `${instance} has the signal ${name}`;
      return host.withSession((session) => steer(session, { part, body, options, done }));
    });
}

/** JSON where it is JSON, else text. */
function payloadFrom(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
