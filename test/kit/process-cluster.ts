/**
 * A cluster of real processes in a folder of its own: nats-server under its supervisor, the event store, masters and
 * workers. All keep their addresses and names over restarts.
 */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { startNatsServer } from '../../infra/nats/start-nats-server.ts';
import type { configSchema } from '../../schemas/config.schema.ts';
import { type ClusterClient, connectToCluster } from './cluster-client.ts';
import {
  type CommandResult,
  kill,
  killEverythingIn,
  type MillraceProcess,
  runMillrace,
  spawnMillrace,
} from './processes.ts';
import { freePort } from './servers.ts';

type ConfigInput = z.input<typeof configSchema>;

export type ProcessClusterOptions = {
  masters?: readonly string[];
  workers?: readonly string[];
  master?: ConfigInput['master'];
  worker?: ConfigInput['worker'];
  clusters?: ConfigInput['clusters'];
  plugins?: ConfigInput['plugins'];
  /** Lets masters and workers see the servers, which listen on loopback at these ports, through a network of their own. */
  network?: (ports: readonly number[]) => Promise<ClusterNetwork | undefined>;
};

export type ClusterNetwork = {
  /** Where the servers are for masters and workers. */
  readonly host: string;
  launcherOf(name: string): readonly string[];
  remove(): void;
};

export type ProcessCluster = {
  readonly folder: string;
  readonly natsUrl: string;
  readonly client: ClusterClient;
  /** `store`, or the id of a master or worker, as it runs now. */
  process(name: string): MillraceProcess;
  /** Starts one that has ended; resolves when it is ready. */
  start(name: string): Promise<void>;
  /** Starts all that have ended. */
  startMissing(): Promise<void>;
  /** SIGKILL to the nats-server; its supervisor starts it again. */
  killNats(): void;
  /** A client command of this program. */
  millrace(...args: string[]): Promise<CommandResult>;
  /** A client command that is not awaited. */
  spawn(...args: string[]): MillraceProcess;
  /** What all processes, former ones too, have logged: for a test that failed. */
  log(): string;
  remove(): Promise<void>;
};

/** Tests kill it more often than it would ever die. */
const restartPolicy = { firstDelayMs: 100, delayMaxMs: 500, restartCountMax: 10_000, healthyAfterMs: 60_000 };

export async function startProcessCluster(options: ProcessClusterOptions = {}): Promise<ProcessCluster> {
  const folder = newFolder('cluster');
  const natsDir = join(folder, 'nats');
  const [nats, storePort] = await Promise.all([
    startNatsServer({ dataDir: natsDir, port: 0, restartPolicy }),
    freePort(),
  ]);
  const storeUrl = `esdb://127.0.0.1:${storePort}?tls=false`;
  const { masters = ['master-1'], workers = ['worker-1', 'worker-2'] } = options;
  const config = configOf(options, { folder, natsUrl: nats.url, storeUrl });
  const network = await options.network?.([nats.port, storePort]);
  const { configFile, roleConfigFile } = writeConfigs(folder, config, network);

  const roles = new Map<string, string[]>([['store', ['store', '--port', String(storePort)]]]);
  for (const id of masters) roles.set(id, ['master', '--id', id]);
  for (const id of workers) roles.set(id, ['worker', '--id', id]);
  const running = new Map<string, MillraceProcess>();
  const lives: MillraceProcess[] = [];
  const start = (name: string): Promise<void> => {
    const args = roles.get(name);
    if (args === undefined) throw new Error(`the cluster has no ${name}`);
    const [config, launcher = []] = name === 'store' ? [configFile] : [roleConfigFile, network?.launcherOf(name)];
    const started = spawnMillrace([...args, '--config', config], { cwd: folder, launcher });
    running.set(name, started);
    lives.push(started);
    return started.whenReady;
  };
  const removeProcesses = async (): Promise<void> => {
    await killEverythingIn(folder);
    await nats.stop(1_000);
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([...roles.keys()].map(start));
  } catch (fault) {
    await removeProcesses();
    throw fault;
  }
  const client = await connectToCluster(nats.url, storeUrl);
  const cli = (args: string[]) => [...args, '--config', configFile];

  return {
    folder,
    natsUrl: nats.url,
    client,
    process: (name) => {
      const found = running.get(name);
      if (found === undefined) throw new Error(`the cluster has no ${name}`);
      return found;
    },
    start,
    startMissing: async () => {
      const missing = [...running].filter(([, role]) => role.hasEnded()).map(([name]) => name);
      await Promise.all(missing.map(start));
    },
    killNats: () => kill(natsPid(natsDir), 'SIGKILL'),
    millrace: (...args) => runMillrace(cli(args), { cwd: folder }),
    spawn: (...args) => spawnMillrace(cli(args), { cwd: folder }),
    log: () => lives.map((life) => life.output()).join('\n'),
    remove: async () => {
      await client.close();
      await removeProcesses();
    },
  };
}

type Place = { folder: string; natsUrl: string; storeUrl: string };

function configOf(options: ProcessClusterOptions, { folder, natsUrl, storeUrl }: Place): ConfigInput {
  const { master = {}, worker = {}, clusters = {}, plugins = [] } = options;
  return {
    dataDir: folder,
    nats: { servers: [natsUrl] },
    store: { connectionString: storeUrl },
    master: { recoveryIntervalMs: 5_000, ...master },
    worker: { drainDeadlineMs: 5_000, ...worker },
    clusters,
    plugins,
  };
}

/** Masters and workers may see the servers at another address than everyone else. */
function writeConfigs(folder: string, config: ConfigInput, network: ClusterNetwork | undefined) {
  const configFile = join(folder, 'config.json');
  const text = JSON.stringify(config);
  writeFileSync(configFile, text);
  if (network === undefined) return { configFile, roleConfigFile: configFile };
  const roleConfigFile = join(folder, 'role-config.json');
  writeFileSync(roleConfigFile, text.replaceAll('127.0.0.1', network.host));
  return { configFile, roleConfigFile };
}

/** Absolute and without links, as `/proc` shows it. */
export function newFolder(what: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `millrace-${what}-`)));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The supervisor notes its server in the data folder. */
function natsPid(dataDir: string): number {
  const record: unknown = JSON.parse(readFileSync(join(dataDir, 'nats-server.json'), 'utf8'));
  return (record as { pid: number }).pid;
}
