/** `dev`, `master`, `worker`, `store`: processes of a cluster. Their flags are settings of the configuration. */
import type { Command } from 'commander';
import type { ConfigOverride } from '../../config/load-config.ts';
import { wholeNumber } from '../arguments.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type Flag = { setting: string; flag: string; key: string };
type Values = Record<string, unknown>;

const logLevelFlag: Flag = { setting: 'logLevel', flag: '--log-level', key: 'logLevel' };
const hostFlag: Flag = { setting: 'host', flag: '--host', key: 'host' };
const storeFlag: Flag = { setting: 'store.connectionString', flag: '--store', key: 'store' };
const slotsFlag: Flag = { setting: 'worker.slots', flag: '--slots', key: 'slots' };

export function addRoleCommands(host: CommandHost): void {
  addDevCommand(host);
  addMasterCommand(host);
  addWorkerCommand(host);
  addStoreCommand(host);
}

function addDevCommand(host: CommandHost): void {
  withLogLevel(roleCommand(host, 'dev'))
    .description('Start everything on this machine: NATS, event store, one master, two workers, an example run.')
    .option('--once', 'end when the example run has ended; the exit code is its result')
    .option('--no-example', 'do not register and submit the example workflow')
    .option('--fresh', 'begin with an empty data folder')
    .option('--slots <count>', 'attempts that the worker runs at once')
    .addHelpText('after', examples('millrace dev', 'millrace dev --once', 'millrace dev --no-example --fresh'))
    .action((values: { once?: boolean; example: boolean; fresh?: boolean } & Values) =>
      host.withRole(overridesFrom(values, [logLevelFlag, slotsFlag]), ({ runRole, ...start }) =>
        runRole.dev({
          ...start,
          once: values.once === true,
          withExample: values.example,
          fresh: values.fresh === true,
        }),
      ),
    );
}

function addMasterCommand(host: CommandHost): void {
  const flags = [logLevelFlag, hostFlag, storeFlag, { setting: 'master.id', flag: '--id', key: 'id' }];
  withLogLevel(roleCommand(host, 'master'))
    .description('Start a master: it owns runs, decides and dispatches. Start as many as you like.')
    .option('--id <id>', 'name of this master, the same after a restart (default: host name and a number)')
    .option('--host <name>', 'how other machines reach this one (default: the host name)')
    .option('--store <address>', 'event store, as esdb://...')
    .addHelpText('after', examples('millrace master --nats nats://nats-1:4222 --store "esdb://store-1:2113?tls=false"'))
    .action((values: Values) =>
      host.withRole(overridesFrom(values, flags), ({ runRole, ...start }) => runRole.master(start)),
    );
}

function addWorkerCommand(host: CommandHost): void {
  const groupFlag = { setting: 'worker.groups', flag: '--group', key: 'group' };
  const flags = [logLevelFlag, hostFlag, slotsFlag, groupFlag, { setting: 'worker.id', flag: '--id', key: 'id' }];
  withLogLevel(roleCommand(host, 'worker'))
    .description('Start a worker: it runs the attempts of tasks. Start as many as you like.')
    .option('--id <id>', 'name of this worker, the same after a restart (default: host name and a number)')
    .option('--group <name...>', 'worker groups whose tasks it takes (default: "default")')
    .option('--slots <count>', 'attempts that it runs at once')
    .option('--host <name>', 'how other machines reach this one (default: the host name)')
    .addHelpText('after', examples('millrace worker --nats nats://nats-1:4222 --group gpu --slots 4'))
    .action((values: Values) =>
      host.withRole(overridesFrom(values, flags), ({ runRole, ...start }) => runRole.worker(start)),
    );
}

function addStoreCommand(host: CommandHost): void {
  withLogLevel(roleCommand(host, 'store'))
    .description('Start the embedded event store alone, for one machine.')
    .option('--port <port>', 'port on loopback (default: a free one)', wholeNumber({ min: 1, max: 65_535 }))
    .addHelpText('after', examples('millrace store --port 2113'))
    .action((values: { port?: number } & Values) =>
      host.withRole(overridesFrom(values, [logLevelFlag]), ({ runRole, ...start }) =>
        runRole.store({ ...start, port: values.port }),
      ),
    );
}

function roleCommand(host: CommandHost, name: string): Command {
  return host.program.command(name).helpGroup(commandGroups.start);
}

function withLogLevel(command: Command): Command {
  return command.option('--log-level <level>', 'error, warn, info or debug');
}

/** Only what was given; the configuration knows the defaults and refuses wrong values. */
function overridesFrom(values: Values, flags: readonly Flag[]): ConfigOverride[] {
  return flags.flatMap(({ setting, flag, key }) => {
    const value = values[key];
    if (value === undefined) return [];
    return [{ setting, flag, value: Array.isArray(value) ? value.join(',') : value }];
  });
}
