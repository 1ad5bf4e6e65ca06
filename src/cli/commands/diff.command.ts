/** `millrace diff <workflow> <from> <to>`: what changed between two versions of a workflow. */
import type { WorkflowName } from '../../../schemas/ids.ts';
import { diffDefinitions } from '../../definitions/diff-definitions.ts';
import { wholeNumber, workflowName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { definitionDiffLines } from '../output/definition-diff-lines.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

const version = wholeNumber({ min: 1, max: 1_000_000 });

export function addDiffCommand(host: CommandHost): void {
  host.program
    .command('diff')
    .helpGroup(commandGroups.workflows)
    .description('Show what changed between two versions of a workflow.')
    .argument('<workflow>', 'name of the workflow', workflowName)
    .argument('<from>', 'the one version', version)
    .argument('<to>', 'the other version', version)
    .addHelpText('after', examples('millrace diff deploy 3 4', 'millrace diff deploy 3 4 --json'))
    .action((workflow: WorkflowName, from: number, to: number) =>
      host.withSession((session) => diff(session, { workflow, from, to })),
    );
}

type Versions = { workflow: WorkflowName; from: number; to: number };

async function diff({ client, screen, json }: Session, { workflow, from, to }: Versions): Promise<ExitCode> {
  const before = await client.definition(workflow, from);
  const after = await client.definition(workflow, to);
  const found = diffDefinitions(before.definition, after.definition);
  if (json) {
    const reference = (reply: typeof before) => ({ version: reply.version, digest: reply.digest });
    screen.printJson({ workflow, from: reference(before), to: reference(after), ...found });
    return exitCodes.ok;
  }
  const lines = definitionDiffLines(found, screen.colors);
  if (lines.length === 0) screen.note(`Version ${from} and version ${to} of ${workflow} are the same.`);
  for (const line of lines) screen.print(line);
  return exitCodes.ok;
}
