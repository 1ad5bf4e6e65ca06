/** `millrace stop <run>`: ends a run; what runs is cancelled, what waits never starts. */
import type { CommandReceipt } from '../../../schemas/messages/command.messages.ts';
import { type DurationMs, durationMs } from '../arguments.ts';
import { type ExitCode, exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { waitForRun } from '../wait-for-run.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type StopOptions = { reason?: string; wait?: boolean; timeout?: DurationMs };

export function addStopCommand(host: CommandHost): void {
  host.program
    .command('stop')
    .helpGroup(commandGroups.steer)
    .description('Stop a run: cancel what runs, start nothing more.')
    .argument('<run>', 'id of the run, or a unique beginning or end of it')
    .option('--reason <text>', 'why, for the history of the run')
    .option('--wait', 'wait until the run has ended; exit code 0 when it was stopped')
    .option('--timeout <duration>', 'with --wait: how long, such as 30s or 10m', durationMs)
    .addHelpText('after', examples('millrace stop 0193a4c2 --reason "wrong input" --wait'))
    .action((part: string, options: StopOptions) => host.withSession((session) => stop(session, part, options)));
}

async function stop(session: Session, part: string, options: StopOptions): Promise<ExitCode> {
  const { client, screen, json, ids } = session;
  const instance = await resolveInstance(client, part);
  // Made once, so that a repeated request is the same command.
  const key = ids.uuid();
  const receipt = await client.command({
    type: 'stop',
    instance,
    key,
    by: 'command line',
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  });
  if (options.wait !== true) {
    if (json) screen.printJson(receipt);
    else screen.print(receiptLine(receipt));
    return exitCodes.ok;
  }
  if (!json) screen.print(receiptLine(receipt));
  const { run } = await client.run(instance);
  const status = await waitForRun(session, { instance, workflow: run.workflow, timeoutMs: options.timeout });
  if (json) screen.printJson({ receipt, run: await client.run(instance) });
  return status === 'stopped' ? exitCodes.ok : exitCodeOfRun(status);
}

function receiptLine({ instance, status, changed }: CommandReceipt): string {
  return changed ? `${instance} is ${status}` : `${instance} was already ${status}`;
}
