/** The command line: all commands in one program, and the one place where faults become exit codes. */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../../schemas/config.schema.ts';
import { type ConfigOverride, loadConfig } from '../config/load-config.ts';
import type { CliDeps } from './cli-deps.ts';
import { CommandEnd } from './command-end.ts';
import { addAskCommand } from './commands/ask.command.ts';
import { addCertifyCommand } from './commands/certify.command.ts';
import { addClearCommand } from './commands/clear.command.ts';
import { addClusterCommand } from './commands/cluster.command.ts';
import { type CommandHost, commandGroups } from './commands/command-host.ts';
import { addDefinitionsCommand } from './commands/definitions.command.ts';
import { addDiffCommand } from './commands/diff.command.ts';
import { addEventsCommand } from './commands/events.command.ts';
import { addExportCommand } from './commands/export.command.ts';
import { addGroupCommand } from './commands/group.command.ts';
import { addListCommand } from './commands/list.command.ts';
import { addLogsCommand } from './commands/logs.command.ts';
import { addMoveCommand } from './commands/move.command.ts';
import { addOperationCommands } from './commands/operations.command.ts';
import { addRegisterCommand } from './commands/register.command.ts';
import { addReplayCommand } from './commands/replay.command.ts';
import { addResolveCommand } from './commands/resolve.command.ts';
import { addRoleCommands } from './commands/role.commands.ts';
import { addRunSteeringCommands } from './commands/run-steering.commands.ts';
import { addSchemaCommand } from './commands/schema.command.ts';
import { addShowCommand } from './commands/show.command.ts';
import { addStopCommand } from './commands/stop.command.ts';
import { addSubmitCommand } from './commands/submit.command.ts';
import { addTaskSteeringCommands } from './commands/task-steering.commands.ts';
import { addVerifyCommand } from './commands/verify.command.ts';
import { addWhatIfCommand } from './commands/what-if.command.ts';
import { addWhyCommand } from './commands/why.command.ts';
import { exitCodeMeanings, exitCodes } from './exit-codes.ts';
import { reportFault } from './report-fault.ts';
import { createScreen, type Screen } from './screen.ts';
import { withSession } from './session.ts';

export type CliProgram = {
  /** Runs one command line (without the program's own name) and resolves to the exit code. Never rejects. */
  run(argv: readonly string[]): Promise<number>;
};

type GlobalOptions = { json?: boolean; nats?: string; config?: string; dataDir?: string; debug?: boolean };
type Invocation = { exitCode: number };

export function createProgram(deps: CliDeps): CliProgram {
  return {
    run: async (argv) => {
      const controller = new AbortController();
      const screen = createScreen(deps, controller);
      const invocation: Invocation = { exitCode: exitCodes.ok };
      try {
        const program = createCommands({ deps, screen, controller, invocation });
        await program.parseAsync([...argv], { from: 'user' });
        // A command may take an early end as its usual one; a fault of stdout it cannot know of.
        const { aborted, reason } = controller.signal;
        return aborted && !(reason instanceof CommandEnd) ? reportEnd(reason) : invocation.exitCode;
      } catch (fault) {
        return reportEnd(fault);
      }

      function reportEnd(fault: unknown): number {
        return reportFault(fault, { screen, json: argv.includes('--json'), debug: argv.includes('--debug') });
      }
    },
  };
}

type Parts = { deps: CliDeps; screen: Screen; controller: AbortController; invocation: Invocation };

function createCommands(parts: Parts): Command {
  const { deps, screen, controller, invocation } = parts;
  const program = createRoot(screen);
  let globals: GlobalOptions = {};
  program.hook('preAction', (_program, command) => {
    globals = command.optsWithGlobals<GlobalOptions>();
  });
  const host: CommandHost = {
    program,
    cwd: deps.cwd,
    withStage: async (run) => {
      const { cwd, clock, keyboard } = deps;
      const { signal } = controller;
      invocation.exitCode = await run({ screen, json: globals.json === true, cwd, clock, keyboard, signal });
    },
    withSession: async (run) => {
      const config = resolveConfig(parts, globals, []);
      const json = globals.json === true;
      invocation.exitCode = await withSession({ deps, config, screen, json, controller }, run);
    },
    withPlugins: async (run) => {
      const { plugins } = resolveConfig(parts, globals, []);
      invocation.exitCode = run(await deps.loadPlugins(plugins, deps.cwd), screen);
    },
    withRole: async (overrides, run) => {
      const { json, debug } = globals;
      const config = resolveConfig(parts, globals, overrides);
      const { runRole } = deps;
      invocation.exitCode = await run({ config, json: json === true, debug: debug === true, runRole });
    },
  };
  for (const add of [
    addRoleCommands,
    addRegisterCommand,
    addSubmitCommand,
    addDefinitionsCommand,
    addDiffCommand,
    addSchemaCommand,
    addListCommand,
    addShowCommand,
    addWhyCommand,
    addEventsCommand,
    addLogsCommand,
    addCertifyCommand,
    addExportCommand,
    addReplayCommand,
    addWhatIfCommand,
    addVerifyCommand,
    addAskCommand,
    addClusterCommand,
    addStopCommand,
    addRunSteeringCommands,
    addTaskSteeringCommands,
    addClearCommand,
    addMoveCommand,
    addResolveCommand,
    addGroupCommand,
    addOperationCommands,
  ]) {
    add(host);
  }
  for (const command of program.commands) withGlobalOptions(command);
  return program;
}

/** Positional, because `submit --version 2` is another option than `--version`; so each command has the global ones itself. */
function createRoot(screen: Screen): Command {
  const root = new Command('millrace')
    .description('Millrace runs workflows: every decision is an event, every takeover is provable.')
    .usage('<command> [options]')
    .version(packageJson.version, '--version', 'print the version of this program')
    .enablePositionalOptions()
    .helpOption('-h, --help', 'print this help')
    .addHelpCommand(helpCommand())
    .configureHelp({ subcommandTerm: nameWithArguments })
    .exitOverride()
    .addHelpText('after', rootHelp());
  root.configureOutput({
    writeOut: screen.write,
    writeErr: (text) => screen.note(text.trimEnd()),
    getOutHelpWidth: screen.columns,
    getErrHelpWidth: screen.columns,
    // The fault is thrown as well, and told where all faults are.
    outputError: () => undefined,
  });
  withGlobalOptions(root);
  for (const option of root.options) if (option.long !== '--version') option.hideHelp();
  return root;
}

function helpCommand(): Command {
  return new Command('help')
    .argument('[command]')
    .description('Print the help of a command.')
    .helpGroup(commandGroups.look);
}

/** In the list of commands; that all of them take options is said once. */
function nameWithArguments(command: Command): string {
  const terms = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...terms].join(' ');
}

function withGlobalOptions(command: Command): Command {
  return command
    .optionsGroup('Options of every command:')
    .option('--json', 'print JSON: one document, or JSON Lines where it follows')
    .option('--nats <url>', 'NATS server; several are separated by commas')
    .option('--config <file>', 'configuration file (default: millrace.yaml, if it exists)')
    .option('--data-dir <folder>', 'folder of everything that is kept on this machine (default: .millrace)')
    .option('--debug', 'print the stack trace of a fault');
}

function rootHelp(): string {
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return [
    '',
    'Every command takes --json, --nats <url>, --config <file>, --data-dir <folder> and --debug;',
    '"millrace <command> --help" shows the rest, with an example.',
    '',
    'Exit codes:',
    ...codes,
    '',
    'Examples:',
    '  millrace dev                                     start everything here and run an example',
    '  millrace submit --file workflow.yaml --wait      register a workflow, run it, watch it end',
    '  millrace list --status failed                    which runs need a look',
  ].join('\n');
}

function resolveConfig({ deps, screen }: Parts, globals: GlobalOptions, own: readonly ConfigOverride[]): Config {
  const overrides = [
    ...(globals.nats === undefined ? [] : [{ setting: 'nats.servers', value: globals.nats, flag: '--nats' }]),
    ...(globals.dataDir === undefined ? [] : [{ setting: 'dataDir', value: globals.dataDir, flag: '--data-dir' }]),
    ...own,
  ];
  const onWarning = (sentence: string): void => screen.note(`${screen.colors.yellow('warning:')} ${sentence}`);
  return loadConfig({ file: globals.config, env: deps.env, cwd: deps.cwd, overrides, onWarning });
}
