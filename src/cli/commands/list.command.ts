/** `millrace list`: the newest runs. */
import { Option } from 'commander';
import type { WorkflowName } from '../../../schemas/ids.ts';
import { type RunStatus, type RunSummary, runStatuses } from '../../../schemas/messages/client.messages.ts';
import { wholeNumber, workflowName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { paintStatus } from '../output/colors.ts';
import { shortAge, shortDuration } from '../output/short-time.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type ListOptions = { workflow?: WorkflowName; status?: RunStatus; limit: number };

export function addListCommand(host: CommandHost): void {
  host.program
    .command('list')
    .helpGroup(commandGroups.look)
    .description('List runs, the newest first.')
    .option('--workflow <name>', 'only runs of this workflow', workflowName)
    .addOption(new Option('--status <status>', 'only runs in this status').choices(runStatuses))
    .option('--limit <count>', 'how many at most', wholeNumber({ min: 1, max: 1_000 }), 50)
    .addHelpText('after', examples('millrace list --status failed --limit 10'))
    .action((options: ListOptions) => host.withSession((session) => list(session, options)));
}

async function list({ client, screen, json, clock }: Session, options: ListOptions): Promise<ExitCode> {
  const { workflow, status, limit } = options;
  const reply = await client.runs({ workflow, status, limit });
  if (json) {
    screen.printJson(reply);
    return exitCodes.ok;
  }
  if (reply.runs.length === 0) {
    screen.note('There are no such runs. Start one with "millrace submit <workflow>".');
    return exitCodes.ok;
  }
  const now = clock.now();
  const columns: Column<RunSummary>[] = [
    { title: 'RUN', cell: (run) => run.instance },
    { title: 'WORKFLOW', cell: (run) => run.workflow },
    { title: 'VERSION', cell: (run) => String(run.version), align: 'right' },
    { title: 'STATUS', cell: (run) => ({ text: run.status, paint: paintStatus(screen.colors, run.status) }) },
    { title: 'SUBMITTED', cell: (run) => shortAge(run.submittedAt, now) },
    { title: 'TOOK', cell: (run) => tookOf(run, now), align: 'right' },
  ];
  for (const line of formatTable(columns, reply.runs, { paintTitle: screen.colors.dim })) screen.print(line);
  if (reply.more) screen.note(`There are more runs; "--limit ${Math.min(1_000, limit * 2)}" shows more of them.`);
  return exitCodes.ok;
}

export function tookOf(run: Pick<RunSummary, 'submittedAt' | 'finishedAt'>, now: number): string {
  return shortDuration((run.finishedAt ?? now) - run.submittedAt);
}
