/** `millrace what-if <run|file>`: how a recorded run would have gone under another definition. Nothing is run. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import {
  failurePolicySchema,
  type TaskDefinition,
  type WorkflowDefinition,
} from '../../../schemas/definition/workflow.definition.ts';
import { parseDurationMs } from '../../../schemas/duration.ts';
import { AppError } from '../../errors/app-error.ts';
import { ReplayedRun } from '../../replay/replayed-run.ts';
import { runFileLines } from '../../replay/run-file.ts';
import type { RunHistory } from '../../replay/run-history.ts';
import { type TaskOutcome, type WhatIf, whatIf } from '../../replay/what-if.ts';
import { collected } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { shortDuration } from '../output/short-time.ts';
import { formatTable } from '../output/table.ts';
import { readDefinition } from '../read-definitions.ts';
import { taskIn } from '../replay/panels.ts';
import { timelineLines } from '../replay/text-timeline.ts';
import { withHistory } from '../run-histories.ts';
import { type CommandHost, commandGroups, examples, type Stage } from './command-host.ts';

type WhatIfOptions = {
  definition?: string;
  retry?: string[];
  timeout?: string[];
  failurePolicy?: WorkflowDefinition['failurePolicy'];
  timeline?: boolean;
  to?: string;
};

export function addWhatIfCommand(host: CommandHost): void {
  host.program
    .command('what-if')
    .helpGroup(commandGroups.look)
    .description(
      'Say how a recorded run would have gone under another definition: the recorded results are applied again. Nothing is run.',
    )
    .argument('<run>', 'id of the run, or a unique beginning or end of it; or a file that "millrace export" wrote')
    .option('--definition <file>', 'the changed workflow, as a file')
    .option('--retry <task=attempts>', 'the task may be tried so often; may be given several times', collected)
    .option('--timeout <task=duration>', 'the task may take so long; may be given several times', collected)
    .option('--failure-policy <policy>', 'what a failure does to the run: end or continue', failurePolicy)
    .option('--timeline', 'show both timelines')
    .option('--to <file>', 'write the run as it would have been to this file, for "millrace replay"')
    .addHelpText(
      'after',
      examples(
        'millrace what-if 0193a4c2 --retry deploy=3',
        'millrace what-if deploy.jsonl --definition deploy.yaml --timeline',
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
  const result = whatIf(history, { definition: await changedDefinition(new ReplayedRun(history), options, cwd) });
  if (options.to !== undefined) {
    await writeFile(resolve(cwd, options.to), runFileLines(result.changed.history, 'what-if')).catch((fault: Error) => {
      throw new AppError('BAD_REQUEST', `${options.to} cannot be written: ${fault.message}`);
    });
  }
  if (json) {
    const { parting, tasks, end, assumptions } = result;
    screen.printJson({ parting: parting ?? null, end, tasks, assumptions });
    return exitCodes.ok;
  }
  for (const line of resultLines(stage, result, options.timeline === true)) screen.print(line);
  return exitCodes.ok;
}

async function changedDefinition(run: ReplayedRun, options: WhatIfOptions, cwd: string): Promise<WorkflowDefinition> {
  const { definition: file, retry = [], timeout = [], failurePolicy: policy } = options;
  if (file === undefined && retry.length === 0 && timeout.length === 0 && policy === undefined) {
    throw new AppError(
      'BAD_REQUEST',
      'What should be different? Give --definition, --retry, --timeout or --failure-policy.',
    );
  }
  const base = file === undefined ? run.plan.definition : await readDefinition(file, cwd);
  const changes = [...retry.map((text) => retryChange(run, text)), ...timeout.map((text) => timeoutChange(run, text))];
  const tasks = base.tasks.map((task) => changes.reduce((now, change) => change(now), task));
  return { ...base, tasks, ...(policy === undefined ? {} : { failurePolicy: policy }) };
}

type Change = (task: TaskDefinition) => TaskDefinition;

function retryChange(run: ReplayedRun, text: string): Change {
  const [task = '', value = ''] = text.split('=');
  const attempts = Number(value);
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new AppError('BAD_REQUEST', `--retry ${text}: expected <task>=<attempts>, such as deploy=3`);
  }
  const name = taskIn(run, task);
  return (one) => (one.name === name ? { ...one, retry: { ...one.retry, attempts } } : one);
}

function timeoutChange(run: ReplayedRun, text: string): Change {
  const [task = '', value = ''] = text.split('=');
  const timeoutMs = parseDurationMs(value);
  if (timeoutMs === undefined)
    throw new AppError('BAD_REQUEST', `--timeout ${text}: expected <task>=<duration>, such as deploy=30s`);
  const name = taskIn(run, task);
  return (one) => (one.name === name ? { ...one, timeoutMs } : one);
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
