/** What all commands to a run have in common: their options, and how they are sent and told. */
import type { Command } from 'commander';
import type { CommandBody, CommandReceipt, CommandRequest } from '../../../schemas/messages/command.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { commandKey, type DurationMs, durationMs } from '../arguments.ts';
import { type EndedStatus, type ExitCode, exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { waitForRun } from '../wait-for-run.ts';
import { type CommandHost, commandGroups } from './command-host.ts';

export type SteerOptions = { reason?: string; by?: string; key?: string };
export type WaitOptions = SteerOptions & { wait?: boolean; timeout?: DurationMs };

export const runArgument = 'id of the run, or a unique beginning or end of it';

/** A command in the group of those that steer. */
export function steering(host: CommandHost, name: string, description: string): Command {
  return host.program.command(name).helpGroup(commandGroups.steer).description(description);
}

/** Every command to a run is noted in its history with these. */
export function withSteerOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why, for the history of the run')
    .option('--by <name>', 'who asks, for the history of the run (default: "command line")')
    .option('--key <key>', 'identity of this command: with the same key it is done once', commandKey);
}

export function withWaitOptions(command: Command): Command {
  return withSteerOptions(command)
    .option('--wait', 'wait until the run has ended; the exit code is its result')
    .option('--timeout <duration>', 'with --wait: how long, such as 30s or 10m', durationMs);
}

type Steering = {
  /** What the user wrote for the run. */
  part: string;
  body: CommandBody;
  options: WaitOptions;
  /** Where it was done: `a of ... runs again`. */
  done: (receipt: CommandReceipt) => string;
  exitCode?: (status: EndedStatus) => ExitCode;
};

/** Sends one command to one run and tells what came of it. */
export async function steer(session: Session, { part, body, options, done, exitCode }: Steering): Promise<ExitCode> {
  const { wait, timeout } = options;
  if (timeout !== undefined && wait !== true) throw new AppError('BAD_REQUEST', '--timeout goes with --wait.');
  const { client, screen, json } = session;
  const instance = await resolveInstance(client, part);
  const receipt = await client.command(requestOf(session, { ...body, instance } as CommandRequest, options));
  if (wait !== true) {
    if (json) screen.printJson(receipt);
    else screen.print(lineOf(receipt, done));
    return exitCodes.ok;
  }
  if (!json) screen.print(lineOf(receipt, done));
  const { run } = await client.run(instance);
  const status = await waitForRun(session, { instance, workflow: run.workflow, timeoutMs: timeout });
  if (json) screen.printJson({ receipt, run: await client.run(instance) });
  return (exitCode ?? exitCodeOfRun)(status);
}

/** The key is made once, so that a repeated request is the same command. */
export function requestOf(
  { ids }: Pick<Session, 'ids'>,
  request: CommandRequest,
  options: SteerOptions,
): CommandRequest {
  const { key = ids.uuid(), by = 'command line', reason } = options;
  return { ...request, key, by, ...(reason === undefined ? {} : { reason }) };
}

function lineOf(receipt: CommandReceipt, done: Steering['done']): string {
  if (receipt.changed) return done(receipt);
  return `nothing to do: that was done before; ${receipt.instance} is ${receipt.status}`;
}
