/** The program: the command line with real things around it. */
import type { CliDeps, RunRole } from '../cli/cli-deps.ts';
import { createProgram } from '../cli/create-program.ts';
import { systemClock, systemIds } from '../clock/system-clock.adapter.ts';
import { processEnvironment } from '../config/environment.ts';
import { silentLog } from '../telemetry/log.ts';
import { terminalKeyboard } from './terminal-keyboard.ts';

/** Loaded when they are needed: a client command starts quickly. */
const runRole: RunRole = {
  dev: async (options) => (await import('./dev.role.ts')).runDev(options, { runCommand: run, write }),
  master: async (options) => (await import('./master.role.ts')).runMaster(options),
  worker: async (options) => (await import('./worker.role.ts')).runWorker(options),
  store: async (options) => (await import('./store.role.ts')).runStore(options),
};

const deps: CliDeps = {
  connect: async (servers, { credentialsFile, signal }) => {
    const { connectNatsTransport } = await import('../transport/nats-transport.adapter.ts');
    const credentials = credentialsFile === undefined ? {} : { credentialsFile };
    return connectNatsTransport({
      servers: [...servers],
      name: 'millrace-cli',
      log: silentLog,
      signal,
      ...credentials,
    });
  },
  runRole,
  loadPlugins: async (packages, folder) => {
    const { loadPlugins } = await import('../tasks/plugin/package-plugins.adapter.ts');
    return loadPlugins(packages, folder);
  },
  stdout: process.stdout,
  stderr: process.stderr,
  isTty: process.stdout.isTTY === true,
  keyboard: terminalKeyboard(process.stdin),
  cwd: process.cwd(),
  env: processEnvironment(),
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    return () => process.off('SIGINT', listener);
  },
  clock: systemClock,
  ids: systemIds,
};

function write(text: string): void {
  process.stdout.write(text);
}

function run(args: readonly string[]): Promise<number> {
  return createProgram(deps).run(args);
}

/** A pipe takes no more than its reader does: what waits for it would be lost at the exit. */
async function whenRead(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

// Nothing may be left that keeps the process alive: the exit code is the answer.
const exitCode = await run(process.argv.slice(2));
await Promise.all([whenRead(process.stdout), whenRead(process.stderr)]);
process.exit(exitCode);
