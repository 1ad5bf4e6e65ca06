/** `millrace clear`: runs tasks of many runs again, chosen by a filter. */
import { Option } from 'commander';
import type { TaskName, WorkflowName } from '../../../schemas/ids.ts';
import { type RunStatus, type RunSummary, runStatuses } from '../../../schemas/messages/client.messages.ts';
import type { CommandBodyOf } from '../../../schemas/messages/command.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { commandKey, severalTasks, timeAt, wholeNumber, workflowName } from '../arguments.ts';
import { type Cleared, clearRuns } from '../clear-runs.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { listedRuns } from '../listed-runs.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { type CommandHost, examples } from './command-host.ts';
import { type SteerOptions, steering } from './steer.ts';

type ClearOptions = SteerOptions & {
  workflow?: WorkflowName;
  status?: RunStatus;
  since?: number;
  until?: number;
  task?: TaskName[];
  descendants?: boolean;
  all?: boolean;
  dryRun?: boolean;
  limit: number;
  concurrency: number;
};

export function addClearCommand(host: CommandHost): void {
  steering(host, 'clear', 'Run the failed tasks of many runs again, or chosen ones; the runs are chosen by a filter.')
    .option('--workflow <name>', 'only runs of this workflow', workflowName)
    .addOption(new Option('--status <status>', 'only runs in this status (default: failed)').choices(runStatuses))
    .option('--since <time>', 'only runs submitted at this time or later, with its zone', timeAt)
    .option('--until <time>', 'only runs submitted before this time, with its zone', timeAt)
    .option('--task <task>', 'run this task again, not the failed ones; may be repeated', severalTasks)
    .option('--descendants', 'with --task: and everything that needs it')
    .option('--all', 'run ended runs again from their beginning')
    .option('--dry-run', 'change nothing: show what would be done')
    .option('--limit <count>', 'most runs', wholeNumber({ min: 1, max: 20_000 }), 1_000)
    .option('--concurrency <count>', 'runs at the same time', wholeNumber({ min: 1, max: 64 }), 8)
    .option('--reason <text>', 'why, for the histories of the runs')
    .option('--by <name>', 'who asks, for the histories of the runs (default: "command line")')
    .option('--key <key>', 'with the same key each run is cleared once, however often this is repeated', commandKey)
    .addHelpText(
      'after',
      examples(
        'millrace clear --workflow daily --since 2026-11-01T00:00:00Z --dry-run',
        'millrace clear --workflow daily --since 2026-11-01T00:00:00Z --key incident-17',
        'millrace clear --workflow daily --status succeeded --task load --descendants',
      ),
    )
    .action((options: ClearOptions) => {
      refuseContradictions(options);
      return host.withSession((session) => clear(session, options));
    });
}

function refuseContradictions({ workflow, since, until, task, descendants, all, key = '' }: ClearOptions): void {
  const refuse = (message: string): never => {
    throw new AppError('BAD_REQUEST', message);
  };
  if (workflow === undefined && since === undefined && until === undefined) {
    refuse('Choose the runs: give --workflow, --since or --until.');
  }
  if (task !== undefined && all === true) refuse('--task and --all exclude each other.');
  if (descendants === true && task === undefined) refuse('--descendants goes with --task.');
  if (key.length > keyLengthMax)
    refuse(`--key: expected at most ${keyLengthMax} characters, the id of each run is added.`);
}

const keyLengthMax = 400;

async function clear(session: Session, options: ClearOptions): Promise<ExitCode> {
  const { ids, screen, json, client } = session;
  const { workflow, status = 'failed', since: sinceAt, until: untilAt, dryRun: isDryRun = false } = options;
  const { runs, more } = await firstOf(listedRuns(client, { workflow, status, sinceAt, untilAt }), options.limit);
  const { key = ids.uuid(), by = 'command line', reason, concurrency } = options;
  const results = await clearRuns(session, runs, { body: bodyOf(options), key, by, reason, isDryRun, concurrency });
  const counts = countsOf(results);
  if (json) screen.printJson({ key, dryRun: isDryRun, more, counts, runs: results });
  else show(session, { key, results, counts, more });
  if (results.some(({ outcome }) => outcome === 'unanswered')) return exitCodes.tryAgain;
  return results.some(({ outcome }) => outcome === 'refused') ? exitCodes.usage : exitCodes.ok;
}

function bodyOf({ task: tasks, descendants, all }: ClearOptions): CommandBodyOf<'clearTasks'> {
  if (tasks !== undefined) return { type: 'clearTasks', scope: descendants === true ? 'descendants' : 'tasks', tasks };
  return { type: 'clearTasks', scope: all === true ? 'all' : 'failed' };
}

async function firstOf(
  found: AsyncIterable<RunSummary>,
  limit: number,
): Promise<{ runs: RunSummary[]; more: boolean }> {
  const runs: RunSummary[] = [];
  for await (const run of found) {
    if (runs.length === limit) return { runs, more: true };
    runs.push(run);
  }
  return { runs, more: false };
}

type Counts = Partial<Record<Cleared['outcome'], number>>;

function countsOf(results: readonly Cleared[]): Counts {
  const counts: Counts = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const outcomeTexts: Record<Cleared['outcome'], string> = {
  cleared: 'runs again',
  doneBefore: 'was done before',
  wouldClear: 'would run again',
  refused: 'refused',
  wouldRefuse: 'would be refused',
  unanswered: 'not answered',
};

type Summary = { key: string; results: readonly Cleared[]; counts: Counts; more: boolean };

function show({ screen }: Session, { key, results, counts, more }: Summary): void {
  if (results.length === 0) {
    screen.note('There are no such runs.');
    return;
  }
  const columns: Column<Cleared>[] = [
    { title: 'RUN', cell: ({ instance }) => instance },
    { title: 'WORKFLOW', cell: ({ workflow }) => workflow },
    { title: 'RESULT', cell: ({ outcome }) => outcomeTexts[outcome] },
    { title: 'WHAT', cell: (result) => shortened(oneLine(detailOf(result)), 120) },
  ];
  for (const line of formatTable(columns, results, { paintTitle: screen.colors.dim })) screen.print(line);
  const told = Object.entries(counts).map(([outcome, count]) => `${count} ${outcomeTexts[outcome as keyof Counts]}`);
  screen.print(`${results.length} runs: ${told.join(', ')}`);
  if (more) screen.note('There are more runs that fit; repeat this, or give a higher --limit.');
  if ((counts.unanswered ?? 0) > 0) screen.note(`Repeat it with "--key ${key}": what was done is not done again.`);
}

function detailOf(result: Cleared): string {
  switch (result.outcome) {
    case 'cleared':
    case 'doneBefore':
      return `is ${result.status}`;
    case 'wouldClear':
      return result.tasks.join(', ');
    case 'refused':
    case 'wouldRefuse':
    case 'unanswered':
      return `${result.code}: ${result.message}`;
  }
}
