/**
 * `millrace dev`: everything on one machine, each part a process of its own, so that any of them may die as it could in
 * production. Servers first, then a master and two workers, then the example.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../../schemas/config.schema.ts';
import type { DevOptions } from '../cli/cli-deps.ts';
import { devFilePath } from '../cli/dev-file.ts';
import { devExample } from './dev-example.ts';
import { type DevServers, devLogFile, startDevServers } from './dev-servers.ts';
import { whenToldToStop } from './process-end.ts';
import { type RoleChild, startRoleChild } from './role-child.ts';

export type DevSurroundings = {
  /** Runs one client command of this program here, and resolves to its exit code. */
  runCommand: (args: readonly string[]) => Promise<number>;
  write: (text: string) => void;
};

const workerCount = 2;
const serverStopDeadlineMs = 5_000;
const roleStopSlackMs = 7_000;
/** What `--fresh` removes: nothing that this program did not make. */
const ownFolders = ['nats', 'store', 'masters', 'workers', 'logs', 'dev', 'dependency-report'];

export async function runDev(options: DevOptions, { runCommand, write }: DevSurroundings): Promise<number> {
  const { config, once, withExample, fresh } = options;
  const say = (sentence: string): void => write(`${sentence}\n`);
  const stopAsked = whenToldToStop();
  if (fresh) for (const folder of ownFolders) rmSync(resolve(config.dataDir, folder), { recursive: true, force: true });
  let giveUp: (fault: Error) => void = () => {};
  const fatal = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  fatal.catch(() => {});

  say('Starting NATS and the event store ...');
  const servers = await startDevServers({ config, logFile: devLogFile(config), onNotice: say, onFatal: giveUp });
  const roles = startRoles(config, servers, say);
  try {
    say(`Starting a master and ${workerCount} workers ...`);
    await Promise.race([Promise.all(roles.map(({ whenReady }) => whenReady)), fatal, stopAsked]);
    writeDevFile(config, servers);
    const example = withExample ? await Promise.race([runExample(config, runCommand, say), fatal, stopAsked]) : 0;
    if (once) return typeof example === 'number' ? example : 130;
    say(farewell(config));
    await Promise.race([stopAsked, fatal]);
    return 0;
  } finally {
    say('Stopping ...');
    rmSync(devFilePath({ dataDir: config.dataDir, cwd: process.cwd() }), { force: true });
    const [master, ...workers] = roles;
    const deadlineMs = config.worker.drainDeadlineMs + roleStopSlackMs;
    await Promise.all(workers.map((worker) => worker.stop(deadlineMs)));
    await master?.stop(deadlineMs);
    await servers.stop(serverStopDeadlineMs);
  }
}

/** The master first. All find NATS and the store through one configuration file. */
function startRoles(config: Config, servers: DevServers, onNotice: (sentence: string) => void): RoleChild[] {
  const file = resolve(config.dataDir, 'dev', 'config.json');
  mkdirSync(resolve(config.dataDir, 'dev'), { recursive: true });
  const shared = {
    ...config,
    dataDir: resolve(config.dataDir),
    nats: { ...config.nats, servers: servers.natsServers },
    store: { ...config.store, connectionString: servers.connectionString },
  };
  writeFileSync(file, JSON.stringify(shared, null, 2), { mode: 0o600 });
  const logFile = devLogFile(config);
  const start = (name: string, role: 'master' | 'worker') =>
    startRoleChild({ name, args: [role, '--config', file, '--id', name], logFile: logFile(name), onNotice });
  const workers = Array.from({ length: workerCount }, (_, index) => start(`worker-${index + 1}`, 'worker'));
  return [start('master-1', 'master'), ...workers];
}

async function runExample(
  config: Config,
  runCommand: DevSurroundings['runCommand'],
  say: (sentence: string) => void,
): Promise<number> {
  const example = devExample(config);
  say(`Running ${example.home} ...\n`);
  const exitCode = await runCommand([...example.submitArgs, '--data-dir', config.dataDir]);
  if (exitCode === 0) say(`\nThe report is in ${example.outputDir}: report.html and report.md.`);
  return exitCode;
}

function writeDevFile(config: Config, servers: DevServers): void {
  const path = devFilePath({ dataDir: config.dataDir, cwd: process.cwd() });
  const content = { nats: servers.natsServers[0], pid: process.pid, store: servers.connectionString };
  writeFileSync(path, `${JSON.stringify(content)}\n`, { mode: 0o600 });
}

function farewell(config: Config): string {
  const inFolder = config.dataDir === '.millrace' ? '' : ` --data-dir ${config.dataDir}`;
  return [
    '',
    'Millrace is up. In another terminal, try:',
    `  npx millrace list${inFolder}`,
    `  npx millrace submit --file examples/retry-timeout-failure/workflow.yaml --wait${inFolder}`,
    `  npx millrace cluster${inFolder}`,
    'Ctrl-C stops everything; the next start goes on where this one ended.',
  ].join('\n');
}
