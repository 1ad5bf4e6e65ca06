/** `millrace schema`: the JSON Schema of workflow files, with the settings of the configured plugins, for editors. */
import { generateWorkflowSchema } from '../../definitions/generate-schema.ts';
import { exitCodes } from '../exit-codes.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

export function addSchemaCommand(host: CommandHost): void {
  host.program
    .command('schema')
    .helpGroup(commandGroups.workflows)
    .description('Print the JSON Schema of workflow files, with the settings of the configured plugins.')
    .addHelpText('after', examples('millrace schema > workflow.schema.json'))
    .action(() =>
      host.withPlugins((plugins, screen) => {
        screen.print(generateWorkflowSchema([...plugins.values()]).trimEnd());
        return exitCodes.ok;
      }),
    );
}
