/** `millrace register <file...>`: makes new versions of workflows, all or none of the files if one has faults. */
import type { RegisterReceipt } from '../../../schemas/messages/client.messages.ts';
import { exitCodes } from '../exit-codes.ts';
import { readDefinitions } from '../read-definitions.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

export function addRegisterCommand(host: CommandHost): void {
  host.program
    .command('register')
    .helpGroup(commandGroups.workflows)
    .description('Register workflow files (YAML or JSON). A changed definition becomes a new version.')
    .argument('<file...>', 'workflow files')
    .addHelpText('after', examples('millrace register deploy.yaml', 'millrace register workflows/*.yaml'))
    .action((files: string[]) =>
      host.withSession(async ({ client, screen, json, cwd }) => {
        const definitions = await readDefinitions(files, cwd);
        const registered: RegisterReceipt[] = [];
        for (const definition of definitions) {
          const receipt = await client.register(definition);
          registered.push(receipt);
          if (!json) screen.print(registeredLine(receipt));
        }
        if (json) screen.printJson({ registered });
        return exitCodes.ok;
      }),
    );
}

export function registeredLine({ name, version, created }: RegisterReceipt): string {
  return created ? `${name} version ${version} registered` : `${name} version ${version} is unchanged`;
}
