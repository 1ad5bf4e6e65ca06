/** Real servers for tests, each in a folder of its own that is removed at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type RunningNatsServer, startNatsServer } from '../../infra/nats/start-nats-server.ts';

export type TestServer = {
  /** Where it listens; the same after a restart. */
  readonly url: string;
  /** SIGKILL, no goodbye. */
  kill(): Promise<void>;
  /** On the same port and folder. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
};

export async function startTestNats(): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-nats-'));
  let server: RunningNatsServer = await startNatsServer({ dataDir, port: 0 });
  const { port, url } = server;
  return {
    url,
    kill: () => server.stop(0),
    start: async () => {
      server = await startNatsServer({ dataDir, port });
    },
    remove: async () => {
      await server.stop(1_000);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export type TestEventStore = TestServer & {
  /** SIGSTOP: it keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
};

/** The embedded event store node as a process of its own; `url` is its connection string. */
export async function startTestEventStore(): Promise<TestEventStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  const port = await freePort();
  let child = await spawnStore(dataDir, port);
  const kill = (): Promise<void> => ended(child, 'SIGKILL');
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    kill,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    start: async () => {
      child = await spawnStore(dataDir, port);
    },
    remove: async () => {
      await kill();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function spawnStore(dataDir: string, port: number): Promise<ChildProcess> {
  const program = new URL('../../infra/eventstore/event-store.process.ts', import.meta.url).pathname;
  const flags = ['--import', 'tsx', program, '--data-dir', dataDir, '--port', String(port)];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The event store process ended with ${code} before it was ready.`)));
    createInterface({ input: child.stdout }).once('line', () => resolve());
  });
  return child;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exit;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
