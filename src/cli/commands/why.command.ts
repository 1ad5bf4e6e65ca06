/** `millrace why <run> <task>`: why a task is where it is, in one sentence. */
import type { TaskName } from '../../../schemas/ids.ts';
import type { WhyReply } from '../../../schemas/messages/explanation.messages.ts';
import { taskName, wholeNumber } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine } from '../output/plain-text.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

const revisionMax = 1_000_000_000;

export function addWhyCommand(host: CommandHost): void {
  host.program
    .command('why')
    .helpGroup(commandGroups.look)
    .description('Say in one sentence why a task is where it is.')
    .argument('<run>', 'id of the run, or a unique beginning or end of it')
    .argument('<task>', 'name of the task', taskName)
    .option(
      '--at <revision>',
      'as it was after that event, as "millrace events" numbers them',
      wholeNumber({ min: 0, max: revisionMax }),
    )
    .addHelpText('after', examples('millrace why 0193a4c2 deploy', 'millrace why 0193a4c2 deploy --at 17 --json'))
    .action((part: string, task: TaskName, { at }: { at?: number }) =>
      host.withSession((session) => why(session, { part, task, at })),
    );
}

type Asked = { part: string; task: TaskName; at: number | undefined };

async function why({ client, screen, json }: Session, { part, task, at }: Asked): Promise<ExitCode> {
  const instance = await resolveInstance(client, part);
  const reply = await client.why({ instance, task, ...(at === undefined ? {} : { at }) });
  if (json) screen.printJson(reply);
  else screen.print(sentenceOf(reply));
  return exitCodes.ok;
}

function sentenceOf({ sentence }: WhyReply): string {
  return `${oneLine(sentence)}.`;
}
