/** `millrace move <run> --version N`: a paused or waiting run goes on by another version of its workflow. */
import { wholeNumber } from '../arguments.ts';
import { exitCodes } from '../exit-codes.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, examples } from './command-host.ts';
import { requestOf, runArgument, type SteerOptions, steer, steering, withSteerOptions } from './steer.ts';

type MoveOptions = SteerOptions & { version: number; check?: boolean };

export function addMoveCommand(host: CommandHost): void {
  const command = steering(
    host,
    'move',
    'Let a run that is paused or waits for its turn go on by another version of its workflow.',
  )
    .argument('<run>', runArgument)
    .requiredOption('--version <number>', 'the version', wholeNumber({ min: 1, max: 1e9 }))
    .option('--check', 'only say whether it may be moved, and why not');
  withSteerOptions(command)
    .addHelpText('after', examples('millrace move 0193a4c2 --version 4 --check', 'millrace move 0193a4c2 --version 4'))
    .action((part: string, options: MoveOptions) =>
      host.withSession((session) =>
        options.check === true ? check(session, part, options) : move(session, part, options),
      ),
    );
}

function move(session: Session, part: string, { version, ...options }: MoveOptions) {
  const body = { type: 'moveVersion' as const, version };
  return steer(session, { part, body, options, done: ({ instance }) => `${instance} goes on by version ${version}` });
}

/** A refusal is told as that of the command itself. */
async function check(session: Session, part: string, { version, ...options }: MoveOptions) {
  const { client, screen, json } = session;
  const instance = await resolveInstance(client, part);
  const request = { type: 'moveVersion', instance, version, check: true, by: '' } as const;
  const receipt = await client.command(requestOf(session, request, options));
  if (json) screen.printJson(receipt);
  else screen.print(`${instance} may be moved to version ${version}`);
  return exitCodes.ok;
}
