/** `millrace what-if <run|file>`: how a recorded run would have gone under another definition. Nothing is run. */
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { failurePolicySchema, type WorkflowDefinition } from '../../../schemas/definition/workflow.definition.ts';
import { AppError } from '../../errors/app-error.ts';
import { ReplayedRun } from '../../replay/replayed-run.ts';
import { runFileLines } from '../../replay/run-file.ts';
import type { RunHistory } from '../../replay/run-history.ts';
import { type TaskOutcome, type WhatIf, type WhatIfChange, whatIf } from '../../replay/what-if.ts';
import { collected } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { shortDuration } from '../output/short-time.ts';
import { formatTable } from '../output/table.ts';
import { actorOfBuild } from '../replay/other-build.ts';
import { timelineLines } from '../replay/text-timeline.ts';
import {
  changedDefinition,
  changedWorkers,
  type DefinitionOptions,
  type WorkerOptions,
} from '../replay/what-if-changes.ts';
import { writeText } from '../replay/write-text.ts';
import { withHistory } from '../run-histories.ts';
import { type CommandHost, commandGroups, examples, type Stage } from './command-host.ts';

type WhatIfOptions = DefinitionOptions & WorkerOptions & { build?: string; timeline?: boolean; to?: string };

export function addWhatIfCommand(host: CommandHost): void {
  host.program
    .command('what-if')
    .helpGroup(commandGroups.look)
    .description(
      'Say how a recorded run would have gone under another definition, with other workers, or by another build: the recorded results are applied again. Nothing is run.',
    )
    .argument('<run>', 'id of the run, or a unique beginning or end of it; or a file that "millrace export" wrote')
    .option('--definition <file>', 'the changed workflow, as a file')
    .option('--retry <task=attempts>', 'the task may be tried so often; may be given several times', collected)
    .option('--timeout <task=duration>', 'the task may take so long; may be given several times', collected)
    .option('--failure-policy <policy>', 'what a failure does to the run: end or continue', failurePolicy)
    .option(
      '--worker <id=groups:slots>',
      'this worker is there too, or has other groups or slots, such as worker-3=default,gpu:4; may be given several times',
      collected,
    )
    .option('--without-worker <id>', 'this worker is not there; may be given several times', collected)
    .option('--build <folder>', 'another build of Millrace decides: the folder of its sources, or of what was built')
    .option('--timeline', 'show both timelines')
    .option('--to <file>', 'write the run as it would have been to this file, for "millrace replay"')
    .addHelpText(
      'after',
      examples(
        'millrace what-if 0193a4c2 --retry deploy=3',
        'millrace what-if deploy.jsonl --definition deploy.yaml --timeline',
        'millrace what-if deploy.jsonl --without-worker worker-2',
      ),
    )
    .action((target: string, options: WhatIfOptions) =>
      withHistory(host, target, (stage, history) => answer(stage, history, options)),
    );
}

function failurePolicy(text: string): WorkflowDefinition['failurePolicy'] {
  const parsed = failurePolicySchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError('Expected end or continue.');
  return parsed.data;
}

async function answer(stage: Stage, history: RunHistory, options: WhatIfOptions): Promise<ExitCode> {
  const { screen, json, cwd } = stage;
  const result = whatIf(history, await changeOf(history, options, cwd));
  if (options.to !== undefined) {
    await writeText(resolve(cwd, options.to), runFileLines(result.changed.history, 'what-if'), options.to);
  }
  if (json) {
    const { parting, tasks, end, assumptions } = result;
    screen.printJson({ parting: parting ?? null, end, tasks, assumptions });
    return exitCodes.ok;
  }
  for (const line of resultLines(stage, result, options.timeline === true)) screen.print(line);
  return exitCodes.ok;
}

async function changeOf(history: RunHistory, options: WhatIfOptions, cwd: string): Promise<WhatIfChange> {
  const run = new ReplayedRun(history);
  const definition = await changedDefinition(run, options, cwd);
  const workers = changedWorkers(run, options);
  const actorOf = options.build === undefined ? undefined : await actorOfBuild(options.build, cwd);
  if (definition === undefined && workers === undefined && actorOf === undefined) {
    throw new AppError(
      'BAD_REQUEST',
      'What should be different? Give --definition, --retry, --timeout, --failure-policy, --worker, --without-worker or --build.',
    );
  }
  return {
    ...(definition === undefined ? {} : { definition }),
    ...(workers === undefined ? {} : { workers }),
    ...(actorOf === undefined ? {} : { actorOf }),
  };
}

const messageLengthMax = 300;

function resultLines({ screen }: Stage, result: WhatIf, withTimeline: boolean): string[] {
  const { parting, end, tasks, assumptions, recorded, changed } = result;
  if (parting === undefined) return ['nothing would have been different'];
  const columns = screen.columns();
  return [
    `until event ${parting.revision} everything is the same; then ${shortened(oneLine(parting.message), messageLengthMax)}`,
    `recorded: ${end.recorded.status} after ${shortDuration(end.recorded.afterMs)}`,
    `what if:  ${end.changed.status} after ${shortDuration(end.changed.afterMs)}`,
    '',
    ...formatTable(
      [
        { title: 'TASK', cell: ({ task }) => task },
        { title: 'RECORDED', cell: (row) => outcomeText(row.recorded) },
        { title: 'WHAT IF', cell: (row) => outcomeText(row.changed) },
      ],
      tasks,
      { paintTitle: screen.colors.dim },
    ),
    ...(assumptions.length === 0 ? [] : ['']),
    ...assumptions.map(({ task, attempt, text }) => `assumed of attempt ${attempt} of ${task}: ${text}`),
    ...(withTimeline
      ? ['', 'recorded:', ...timelineLines(recorded, columns), '', 'what if:', ...timelineLines(changed, columns)]
      : []),
  ];
}

function outcomeText(outcome: TaskOutcome | undefined): string {
  if (outcome === undefined) return 'is not there';
  const { status, attempts, endedAfterMs } = outcome;
  const when = endedAfterMs === undefined ? '' : ` at +${shortDuration(endedAfterMs)}`;
  return `${status}${when}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
}
