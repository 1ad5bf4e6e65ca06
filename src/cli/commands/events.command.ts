/** `millrace events <run>`: the history of a run, and with `--follow` what happens from now on. */
import type { InstanceId } from '../../../schemas/ids.ts';
import type { EventView } from '../../../schemas/messages/client.messages.ts';
import { allEvents } from '../all-events.ts';
import { CommandEnd } from '../command-end.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { followEvents } from '../follow-events.ts';
import { createEventLines } from '../output/event-line.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

export function addEventsCommand(host: CommandHost): void {
  host.program
    .command('events')
    .helpGroup(commandGroups.look)
    .description('Show every decision and observation of a run, in order.')
    .argument('<run>', 'id of the run, or a unique beginning or end of it')
    .option('--follow', 'go on until the run has ended')
    .addHelpText('after', examples('millrace events 0193a4c2 --follow', 'millrace events 0193a4c2 --json'))
    .action((part: string, options: { follow?: boolean }) =>
      host.withSession(async (session) => {
        const instance = await resolveInstance(session.client, part);
        return options.follow === true ? follow(session, instance) : showAll(session, instance);
      }),
    );
}

async function showAll(session: Session, instance: InstanceId): Promise<ExitCode> {
  const { screen, json } = session;
  const eventLine = createEventLines(screen.colors);
  const kept: EventView[] = [];
  for await (const event of allEvents(session.client, instance)) {
    if (json) kept.push(event);
    else screen.print(eventLine(event));
  }
  if (json) screen.printJson({ events: kept, more: false });
  return exitCodes.ok;
}

/** Ctrl-C is the usual end of following, so it is no fault. */
async function follow(session: Session, instance: InstanceId): Promise<ExitCode> {
  const { screen, json } = session;
  const eventLine = createEventLines(screen.colors);
  try {
    await followEvents({
      ...session,
      instance,
      onEvent: (event) => (json ? screen.printJsonLine(event) : screen.print(eventLine(event))),
      onTrouble: (fault) => screen.note(`waiting: ${fault.message}`),
    });
  } catch (fault) {
    if (!(fault instanceof CommandEnd)) throw fault;
  }
  return exitCodes.ok;
}
