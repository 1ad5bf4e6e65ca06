/** `millrace ask '<expression>'`: where in the histories of all runs an expression became true. */
import type { WorkflowName } from '../../../schemas/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import { type Answer, RetroactiveQuestion } from '../../replay/retroactive-question.ts';
import { durationMs, wholeNumber, workflowName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type FleetOptions, type FleetRun, withFleet } from '../fleet-runs.ts';
import { createProgress } from '../output/progress-note.ts';
import { type CommandHost, commandGroups, examples, type Stage } from './command-host.ts';

type AskOptions = FleetOptions & { limit: number };

export function addAskCommand(host: CommandHost): void {
  host.program
    .command('ask')
    .helpGroup(commandGroups.look)
    .description('Say where in the histories of all runs an expression became true. It is evaluated after every event.')
    .argument('<expression>', 'CEL over run, event, task (of the event) and tasks (by name)')
    .option('--dir <folder>', 'the files of runs in this folder and below; needs no server')
    .option('--since <duration>', 'without --dir: only runs submitted this long ago or later, such as 7d', durationMs)
    .option('--workflow <name>', 'without --dir: only runs of this workflow', workflowName)
    .option('--limit <n>', 'most places that are printed', wholeNumber({ min: 1, max: 1_000_000 }), 1_000)
    .addHelpText(
      'after',
      examples(
        `millrace ask 'task.failures >= 2 && task.status == "backingOff"' --since 7d`,
        `millrace ask 'run.epoch > 1' --dir histories`,
      ),
    )
    .action((expression: string, options: { dir?: string; since?: number; workflow?: WorkflowName; limit: number }) => {
      const question = new RetroactiveQuestion(expression);
      return withFleet(host, options, (stage, runs) => ask(stage, runs, question, options));
    });
}

type Sum = { runCount: number; eventCount: number; foundCount: number; unreadCount: number };

async function ask(
  stage: Stage,
  runs: AsyncIterable<FleetRun>,
  question: RetroactiveQuestion,
  { limit }: AskOptions,
): Promise<ExitCode> {
  const { screen, clock, json, signal } = stage;
  const startedAt = clock.now();
  const sum: Sum = { runCount: 0, eventCount: 0, foundCount: 0, unreadCount: 0 };
  let fault: { run: string; message: string; revision: number } | undefined;
  const line = () => sumLine(sum, clock.now() - startedAt);
  const progress = createProgress(stage, line);
  try {
    for await (const { name, load } of runs) {
      signal.throwIfAborted();
      const answer = await answerOf(question, load);
      sum.runCount += 1;
      if (answer === undefined) sum.unreadCount += 1;
      else {
        tell(stage, name, answer, limit - sum.foundCount);
        sum.eventCount += answer.eventCount;
        sum.foundCount += answer.found.length;
        if (answer.fault !== undefined) fault ??= { run: name, ...answer.fault };
      }
      progress.changed();
    }
  } finally {
    progress.finish();
  }
  if (json)
    screen.printJsonLine({ ...sum, elapsedMs: clock.now() - startedAt, ...(fault === undefined ? {} : { fault }) });
  else screen.note(line());
  if (sum.foundCount === 0 && fault !== undefined && !json) {
    screen.note(`It could not be told everywhere; first at event ${fault.revision} of ${fault.run}: ${fault.message}`);
  }
  return exitCodes.ok;
}

async function answerOf(question: RetroactiveQuestion, load: FleetRun['load']): Promise<Answer | undefined> {
  try {
    return question.ask(await load());
  } catch (fault) {
    if (fault instanceof AppError && fault.code === 'HISTORY_INVALID') return undefined;
    throw fault;
  }
}

function tell({ screen, json }: Stage, run: string, { found }: Answer, room: number): void {
  for (const place of found.slice(0, Math.max(0, room))) {
    if (json) screen.printJsonLine({ run, ...place });
    else {
      const { revision, atMs, type, task } = place;
      screen.print(
        `${run}  #${revision}  ${new Date(atMs).toISOString()}  ${type}${task === undefined ? '' : ` ${task}`}`,
      );
    }
  }
}

function sumLine({ runCount, eventCount, foundCount, unreadCount }: Sum, elapsedMs: number): string {
  const rate = Math.round(eventCount / Math.max(0.001, elapsedMs / 1_000));
  const unread = unreadCount === 0 ? '' : `, ${unreadCount} runs not read`;
  return `${foundCount} places in ${eventCount} events of ${runCount} runs${unread}; ${rate} events/s`;
}
