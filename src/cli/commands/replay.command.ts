/** `millrace replay <run|file>`: a run after any of its events, as a view to step through or as one answer. */
import { resolve } from 'node:path';
import type { JsonRecord } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import { causesAcrossRuns, type LoadRun } from '../../replay/causes-across-runs.ts';
import { differenceOf } from '../../replay/difference.ts';
import { graphSvg } from '../../replay/graph-svg.ts';
import { htmlPage } from '../../replay/html-page.ts';
import { momentView } from '../../replay/moment-view.ts';
import { ReplayedRun } from '../../replay/replayed-run.ts';
import { timelineOf } from '../../replay/timeline.ts';
import { timelineSvg } from '../../replay/timeline-svg.ts';
import { explainAt } from '../../replay/why.ts';
import { taskName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { describeEvent } from '../output/describe-event.ts';
import { inspectTo } from '../replay/inspect-to.ts';
import { showView } from '../replay/interactive.ts';
import { brokenLines, headLines, taskTable } from '../replay/moment-lines.ts';
import { loadRunsWith } from '../replay/other-runs.ts';
import {
  causesAcrossPanel,
  commandsPanel,
  diffPanel,
  eventPanel,
  guardsPanel,
  ownersPanel,
  pendingPanel,
  taskIn,
  whyPanel,
} from '../replay/panels.ts';
import { placeOf, placesOf } from '../replay/places.ts';
import { timelineLines } from '../replay/text-timeline.ts';
import { writeText } from '../replay/write-text.ts';
import { withHistory } from '../run-histories.ts';
import { type CommandHost, commandGroups, examples, type Stage } from './command-host.ts';

type ReplayOptions = {
  at?: string;
  diff?: string;
  why?: string;
  causes?: boolean;
  guards?: boolean;
  commands?: boolean;
  owners?: boolean;
  timeline?: boolean;
  svg?: string;
  html?: string;
  inspect?: string;
};

export function addReplayCommand(host: CommandHost): void {
  host.program
    .command('replay')
    .helpGroup(commandGroups.look)
    .description(
      'Look at a run after any of its events. On a terminal a view to step through; else, or with an option, one answer.',
    )
    .argument('<run>', 'id of the run, or a unique beginning or end of it; or a file that "millrace export" wrote')
    .option(
      '--at <place>',
      'after this event: its number, +90s since the beginning, a time, start or end (default: end)',
    )
    .option('--diff <a..b>', 'what changed from one place to another; one place alone: by that event')
    .option('--why <task>', 'why the task is where it is', taskName)
    .option('--causes', 'why the event happened, back to what somebody asked for')
    .option('--guards', 'which guards of the machines were open or closed, and why')
    .option('--commands', 'what people could have asked of the run')
    .option('--owners', 'who owned the run when, and for what reason')
    .option('--timeline', 'how long each task had which status')
    .option('--svg <file>', 'write the graph, or with --timeline the timeline, as SVG')
    .option('--html <file>', 'write one page with graph, timeline and events, which needs nothing else')
    .option(
      '--inspect <target>',
      'as inspection events of XState: ws://localhost:8080 sends them, a file .html opens the inspector of Stately, any other file or - takes JSON lines',
    )
    .addHelpText(
      'after',
      examples(
        'millrace replay 0193a4c2',
        'millrace replay deploy.jsonl --at 17 --why test',
        'millrace replay deploy.jsonl --diff 17..25',
      ),
    )
    .action((target: string, options: ReplayOptions) =>
      withHistory(host, target, async (stage, history, others) =>
        replay(stage, new ReplayedRun(history), { ...options, others: loadRunsWith(others) }),
      ),
    );
}

async function replay(
  stage: Stage,
  run: ReplayedRun,
  { others, ...options }: ReplayOptions & { others: LoadRun },
): Promise<ExitCode> {
  if (run.length === 0) throw new AppError('HISTORY_INVALID', `this build can read no event: ${run.broken?.message}`);
  const { screen, keyboard, json, signal } = stage;
  const revision = placeOf(run, options.at ?? 'end');
  if (options.svg !== undefined || options.html !== undefined)
    return writeDrawings(stage, run, { ...options, revision });
  if (options.inspect !== undefined) {
    await inspectTo(stage, run, options.inspect, revision);
    return exitCodes.ok;
  }
  const isAsked = Object.keys(options).some((name) => asking.includes(name));
  if (!isAsked && !json && screen.isTty && keyboard !== undefined) {
    await showView(run, { screen, keyboard, signal, revision: options.at === undefined ? 0 : revision });
    return exitCodes.ok;
  }
  if (isCausesAlone(options)) {
    if (json) screen.printJson({ causes: await causesAcrossRuns(run, revision, others) });
    else for (const line of await causesAcrossPanel(run, revision, others)) screen.print(line);
    return exitCodes.ok;
  }
  if (json) screen.printJson(documentOf(run, revision, options));
  else for (const line of linesOf(stage, run, revision, options)) screen.print(line);
  return exitCodes.ok;
}

/** Of several answers that are asked for at once the first one is given; this one comes after these. */
function isCausesAlone({ diff, timeline, owners, causes }: ReplayOptions): boolean {
  return causes === true && diff === undefined && timeline !== true && owners !== true;
}

/** Options by which one answer is asked for, in place of the view. */
const asking: readonly string[] = ['at', 'diff', 'why', 'causes', 'guards', 'commands', 'owners', 'timeline'];

function linesOf({ screen }: Stage, run: ReplayedRun, revision: number, options: ReplayOptions): string[] {
  if (options.diff !== undefined) {
    const { from, to } = placesOf(run, options.diff);
    return diffPanel(run, from, to);
  }
  if (options.timeline === true) return timelineLines(run, screen.columns());
  if (options.owners === true) return ownersPanel(run, revision);
  if (options.guards === true) return guardsPanel(run, revision);
  if (options.commands === true) return commandsPanel(run, revision, options.why);
  if (options.why !== undefined) return whyPanel(run, revision, options.why);
  return [
    ...headLines(run, revision),
    '',
    ...taskTable(run, revision, screen.colors),
    '',
    ...eventPanel(run, revision),
    '',
    ...pendingPanel(run, revision),
  ];
}

function documentOf(run: ReplayedRun, revision: number, options: ReplayOptions): unknown {
  if (options.diff !== undefined) {
    const { from, to } = placesOf(run, options.diff);
    return differenceOf(run.at(from), run.at(to));
  }
  if (options.timeline === true) return timelineOf(run);
  if (options.why !== undefined) return explainAt(run, revision, taskIn(run, options.why));
  return momentView(run, revision);
}

async function writeDrawings(
  { screen, cwd, json }: Stage,
  run: ReplayedRun,
  { svg, html, timeline, revision }: ReplayOptions & { revision: number },
): Promise<ExitCode> {
  const describe = ({ type, data }: { type: string; data: unknown }) =>
    describeEvent({ type, data: data as JsonRecord });
  const drawings = [
    ...(svg === undefined
      ? []
      : [{ file: svg, text: timeline === true ? timelineSvg(timelineOf(run)) : graphSvg(run.at(revision)) }]),
    ...(html === undefined ? [] : [{ file: html, text: htmlPage(run, { revision, describe }) }]),
  ];
  for (const { file, text } of drawings) await writeText(resolve(cwd, file), text, file);
  const files = drawings.map(({ file }) => file);
  if (json) screen.printJson({ files });
  else for (const line of [...files.map((file) => `written: ${file}`), ...brokenLines(run)]) screen.print(line);
  return exitCodes.ok;
}
