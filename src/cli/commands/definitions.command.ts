/** `millrace definitions`: the registered workflows in their newest versions. */

import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { DefinitionsReply } from '../master-client.ts';
import { shortened } from '../output/plain-text.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

const columns: Column<DefinitionsReply['definitions'][number]>[] = [
  { title: 'WORKFLOW', cell: (definition) => definition.name },
  { title: 'VERSION', cell: (definition) => String(definition.version), align: 'right' },
  { title: 'DESCRIPTION', cell: (definition) => shortened(definition.description ?? '', 100) },
];

export function addDefinitionsCommand(host: CommandHost): void {
  host.program
    .command('definitions')
    .helpGroup(commandGroups.workflows)
    .description('List the registered workflows.')
    .addHelpText('after', examples('millrace definitions'))
    .action(() => host.withSession(definitions));
}

async function definitions({ client, screen, json }: Session): Promise<ExitCode> {
  const reply = await client.definitions();
  if (json) {
    screen.printJson(reply);
    return exitCodes.ok;
  }
  if (reply.definitions.length === 0) {
    screen.note('No workflow is registered. Register one with "millrace register <file>".');
    return exitCodes.ok;
  }
  for (const line of formatTable(columns, reply.definitions, { paintTitle: screen.colors.dim })) screen.print(line);
  return exitCodes.ok;
}
