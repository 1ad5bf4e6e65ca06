/** Real processes for measuring: nats-server, store, master, workers, each alone, all on loopback, with fsync on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer } from '../../infra/nats/start-nats-server.ts';

export type BenchProcess = {
  name: string;
  pid: number;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): void;
};

export type BenchServers = {
  dataDir: string;
  natsUrl: string;
  natsPid: number;
  connectionString: string;
  store: BenchProcess;
  stop(): Promise<void>;
};

const root = join(import.meta.dirname, '..', '..');
const program = join(root, 'src', 'main', 'millrace.main.ts');
const readyTimeoutMs = 30_000;

export async function startBenchServers(): Promise<BenchServers> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const nats = await startNatsServer({ dataDir: join(dataDir, 'nats'), port: 0 });
  const natsPid = Number(JSON.parse(readFileSync(join(dataDir, 'nats', 'nats-server.json'), 'utf8')).pid);
  let connectionString = '';
  const store = await startProgram('store', ['store', '--data-dir', dataDir, '--log-level', 'warn'], (ready) => {
    connectionString = String(ready.connectionString);
  });
  return {
    dataDir,
    natsUrl: nats.url,
    natsPid,
    connectionString,
    store,
    stop: async () => {
      await store.stop();
      await nats.stop(2_000);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export async function startBenchRole(
  servers: BenchServers,
  role: 'master' | 'worker',
  options: { id: string; slots?: number },
): Promise<BenchProcess> {
  const file = join(servers.dataDir, `${options.id}.json`);
  const config = {
    dataDir: servers.dataDir,
    logLevel: 'warn',
    nats: { servers: [servers.natsUrl] },
    store: { connectionString: servers.connectionString },
    worker: { slots: options.slots ?? 16 },
  };
  writeFileSync(file, JSON.stringify(config));
  return startProgram(options.id, [role, '--config', file, '--id', options.id]);
}

/** A script of `bench/kit` as a process that tells when it is ready. */
export async function startBenchScript(file: string, args: readonly string[]): Promise<BenchProcess> {
  return startNode(file, [join(import.meta.dirname, file), ...args]);
}

function startProgram(
  name: string,
  args: readonly string[],
  onReady?: (facts: Record<string, unknown>) => void,
): Promise<BenchProcess> {
  return startNode(name, [program, ...args], onReady);
}

function startNode(
  name: string,
  args: readonly string[],
  onReady: (facts: Record<string, unknown>) => void = () => {},
): Promise<BenchProcess> {
  const profile = process.env.MILLRACE_BENCH_PROFILE;
  const flags = profile !== undefined && name.startsWith(profile) ? ['--cpu-prof', '--cpu-prof-dir=profiles'] : [];
  const child = spawn(process.execPath, [...flags, '--import', import.meta.resolve('tsx'), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
    cwd: root,
  });
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(() => reject(new Error(`${name} was not ready in time`)), readyTimeoutMs);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
    child.once('message', (facts) => {
      clearTimeout(timeout);
      onReady(facts as Record<string, unknown>);
      resolve({ name, pid: child.pid ?? 0, stop: () => stopChild(child), kill: () => child.kill('SIGKILL') });
    });
  });
}

function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  });
}
