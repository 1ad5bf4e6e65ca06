/** `millrace export <run>`: everything that is known of a run in one file, which opens without any server. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { runFileLines } from '../../replay/run-file.ts';
import type { RunHistory } from '../../replay/run-history.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { withHistory } from '../run-histories.ts';
import { type CommandHost, commandGroups, examples, type Stage } from './command-host.ts';

export function addExportCommand(host: CommandHost): void {
  host.program
    .command('export')
    .helpGroup(commandGroups.look)
    .description(
      'Write the definition and all events of a run as JSON Lines: one file, which needs no server to be replayed.',
    )
    .argument('<run>', 'id of the run, or a unique beginning or end of it; or a file, to write it in the newest format')
    .option('--to <file>', 'write to this file (default: the standard output)')
    .addHelpText('after', examples('millrace export 0193a4c2 --to deploy.jsonl', 'millrace replay deploy.jsonl'))
    .action((target: string, { to }: { to?: string }) =>
      withHistory(host, target, (stage, history) => exportRun(stage, history, to)),
    );
}

async function exportRun({ screen, cwd, json }: Stage, history: RunHistory, to: string | undefined): Promise<ExitCode> {
  const lines = runFileLines(history);
  if (to === undefined) {
    for (const line of lines) screen.write(line);
    return exitCodes.ok;
  }
  try {
    await writeFile(resolve(cwd, to), lines);
  } catch (fault) {
    throw new AppError('BAD_REQUEST', `${to} cannot be written: ${fault instanceof Error ? fault.message : fault}`);
  }
  const { instance, events } = history;
  if (json) screen.printJson({ instance, eventCount: events.length, file: to });
  else screen.print(`${events.length} events${instance === undefined ? '' : ` of ${instance}`} written to ${to}`);
  return exitCodes.ok;
}
