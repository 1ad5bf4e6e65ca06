/** `millrace verify`: whether this build would write the same histories, run by run and in classes. */
import type { WorkflowName } from '../../../schemas/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import { type FleetResult, FleetVerification } from '../../replay/fleet-verification.ts';
import { durationMs, workflowName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type FleetOptions, type FleetRun, withFleet } from '../fleet-runs.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { createProgress } from '../output/progress-note.ts';
import { shortDuration } from '../output/short-time.ts';
import { actorOfBuild } from '../replay/other-build.ts';
import { type CommandHost, commandGroups, examples, type Stage } from './command-host.ts';

export function addVerifyCommand(host: CommandHost): void {
  host.program
    .command('verify')
    .helpGroup(commandGroups.look)
    .description(
      'Replay many runs with this build: every event is folded, and every decision is made again and compared.',
    )
    .option('--dir <folder>', 'the files of runs in this folder and below; needs no server')
    .option('--since <duration>', 'without --dir: only runs submitted this long ago or later, such as 7d', durationMs)
    .option('--workflow <name>', 'without --dir: only runs of this workflow', workflowName)
    .option(
      '--build <folder>',
      'another build decides in place of this one: the folder of its sources, or of what was built',
    )
    .addHelpText('after', examples('millrace verify --since 7d', 'millrace verify --dir test/histories'))
    .action((options: { dir?: string; since?: number; workflow?: WorkflowName; build?: string }) =>
      withFleet(host, options satisfies FleetOptions, (stage, runs) => verify(stage, runs, options.build)),
    );
}

const messageLengthMax = 400;

async function verify(stage: Stage, runs: AsyncIterable<FleetRun>, build: string | undefined): Promise<ExitCode> {
  const { screen, clock, json, signal, cwd } = stage;
  const actorOf = build === undefined ? {} : { actorOf: await actorOfBuild(build, cwd) };
  const startedAt = clock.now();
  const fleet = new FleetVerification(actorOf);
  const progress = createProgress(stage, () => sumLine(fleet.result(clock.now() - startedAt)));
  try {
    for await (const { name, load } of runs) {
      signal.throwIfAborted();
      await verifyOne(fleet, name, load);
      progress.changed();
    }
  } finally {
    progress.finish();
  }
  const result = fleet.result(clock.now() - startedAt);
  if (json) screen.printJson(result);
  else for (const line of resultLines(result)) screen.print(line);
  return result.holds ? exitCodes.ok : exitCodes.runFailed;
}

/** A run that cannot be read says nothing of the others. */
async function verifyOne(fleet: FleetVerification, name: string, load: FleetRun['load']): Promise<void> {
  try {
    fleet.add(name, await load());
  } catch (fault) {
    if (!(fault instanceof AppError) || !ownFaults.includes(fault.code)) throw fault;
    fleet.addUnread(name, fault.message);
  }
}

const ownFaults: readonly string[] = ['HISTORY_INVALID', 'INSTANCE_NOT_FOUND', 'WORKFLOW_NOT_FOUND'];

function sumLine({
  runCount,
  eventCount,
  divergedCount,
  elapsedMs,
  runsPerSecond,
  eventsPerSecond,
}: FleetResult): string {
  const speed = `${runsPerSecond} runs/s, ${eventsPerSecond} events/s`;
  return `${runCount} runs, ${eventCount} events, ${divergedCount} diverge; ${shortDuration(elapsedMs)}, ${speed}`;
}

function resultLines(result: FleetResult): string[] {
  const { classes, unread, redecidedCount, eventCount, holds } = result;
  return [
    sumLine(result),
    `${redecidedCount} of ${eventCount} events were decided again, the others folded`,
    ...classes.flatMap(({ signature, kind, runCount, smallest: { run, eventCount: length, revision, message } }) => [
      '',
      `${signature} (${kind}): ${runCount} ${runCount === 1 ? 'run' : 'runs'}`,
      `  smallest: ${run}, ${length} events, at event ${revision}`,
      `  ${shortened(oneLine(message), messageLengthMax)}`,
    ]),
    ...unread.map(({ run, message }) => `not read: ${run}: ${oneLine(message)}`),
    ...(holds ? ['this build would write every history again'] : []),
  ];
}
