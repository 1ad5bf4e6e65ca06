/** The embedded NATS launcher against the real nats-server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NatsLogLine } from '../../../infra/nats/nats-log-line.ts';
import { NatsServerError } from '../../../infra/nats/nats-server.error.ts';
import { probeNatsServer } from '../../../infra/nats/probe-nats-server.ts';
import { isStillRunning, ProcessIdentitySchema } from '../../../infra/nats/process-identity.ts';
import {
  type RunningNatsServer,
  type StartNatsServerOptions,
  startNatsServer,
} from '../../../infra/nats/start-nats-server.ts';

let dataDir: string;
let releases: (() => Promise<unknown> | unknown)[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'millrace-nats-'));
  releases = [() => rmSync(dataDir, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const release of releases.reverse()) await release();
});

describe('starting', () => {
  test('the server is ready with JetStream once the start resolves', async () => {
    const server = await start();

    const kv = await (await connectTo(server)).jetstream().views.kv('claims');
    await kv.create('workflowInstance.1', 'master-1');

    expect(new TextDecoder().decode((await kv.get('workflowInstance.1'))?.value)).toBe('master-1');
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`);
  });

  test('messages of up to 8 MiB are allowed', async () => {
    const connection = await connectTo(await start());

    expect(connection.info?.max_payload).toBe(8 * 1024 * 1024);
  });

  test('the configuration and the store stay inside the data folder', async () => {
    await start();

    expect(readFileSync(join(dataDir, 'nats.conf'), 'utf8')).toContain('host: "127.0.0.1"');
    expect(existsSync(join(dataDir, 'jetstream'))).toBe(true);
    expect(statSync(join(dataDir, 'nats.conf')).mode & 0o077).toBe(0);
  });

  test('a port that is taken is refused with a remedy', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    releases.push(() => blocker.close());
    const address = blocker.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;

    const error = await refusalOf({ port });

    expect(error.code).toBe('nats-port-taken');
    expect(error.remedy).toContain('another port');
  });

  test('a program that is no nats-server is refused with a remedy', async () => {
    const error = await refusalOf({ binary: '/bin/true' });

    expect(error.code).toBe('nats-server-unusable');
    expect(error.message).toContain('/bin/true');
    expect(error.remedy).toContain('Install nats-server');
  });

  test('a program that does not exist is refused with a remedy', async () => {
    expect((await refusalOf({ binary: join(dataDir, 'missing') })).code).toBe('nats-server-unusable');
  });

  test('a server that ends at once is reported with what it said', async () => {
    const error = await refusalOf({ binary: fakeServer('echo "[1] [FTL] disk on fire"; exit 3') });

    expect(error.code).toBe('nats-server-not-ready');
    expect(error.message).toContain('exit code 3');
    expect(error.message).toContain('disk on fire');
  });

  test('a server that never serves is ended after the time limit', async () => {
    const error = await refusalOf({ binary: fakeServer('exec sleep 60'), readyTimeoutMs: 300 });

    expect(error.code).toBe('nats-server-not-ready');
    expect(error.message).toContain('within 300 ms');
  });

  test('a refused start leaves the folder free for the next one', async () => {
    await refusalOf({ binary: fakeServer('exit 3') });

    await expect(start()).resolves.toBeDefined();
  });
});

describe('restarting', () => {
  test('a killed server comes back on the same port with its content', async () => {
    const restarts: number[] = [];
    const server = await start({ onRestart: (restart) => restarts.push(restart.restartCount) });
    const before = await (await connectTo(server)).jetstream().views.kv('claims');
    await before.create('workflowInstance.1', 'master-1');

    const killed = serverProcess();
    process.kill(killed.pid, 'SIGKILL');
    await untilServing(server, () => serverProcess().pid !== killed.pid);

    const after = await (await connectTo(server)).jetstream().views.kv('claims');
    expect(new TextDecoder().decode((await after.get('workflowInstance.1'))?.value)).toBe('master-1');
    expect(restarts).toEqual([1]);
  });

  test('a server that cannot come back is given up after the limit of restarts is reached', async () => {
    // Serves once; from then on the program has turned into one that ends at once.
    const program = join(dataDir, 'turncoat');
    writeExecutable(
      program,
      `if [ -e ${dataDir}/broken ] && [ "$1" = --config ]; then exit 9; fi; exec nats-server "$@"`,
    );
    const delaysMs: number[] = [];
    const gaveUp = deferred<NatsServerError>();
    const server = await start({
      binary: program,
      restartPolicy: { firstDelayMs: 1, delayMaxMs: 4, restartCountMax: 3, healthyAfterMs: 60_000 },
      onRestart: (restart) => delaysMs.push(restart.delayMs),
      onGaveUp: gaveUp.resolve,
    });

    writeFileSync(join(dataDir, 'broken'), '');
    process.kill(serverProcess().pid, 'SIGKILL');

    expect((await gaveUp.promise).code).toBe('nats-server-gave-up');
    expect(delaysMs).toHaveLength(3);
    await server.stop(1_000);
  });
});

describe('stopping', () => {
  test('a stop ends the server, frees the folder and may be repeated', async () => {
    const server = await start();
    const running = serverProcess();

    await Promise.all([server.stop(5_000), server.stop(5_000)]);
    await server.stop(5_000);

    expect(isStillRunning(running)).toBe(false);
    expect((await probe(server)).status).toBe('silent');
    expect(existsSync(join(dataDir, 'owner.json'))).toBe(false);
    expect(existsSync(join(dataDir, 'nats-server.json'))).toBe(false);
  });

  test('a server that ignores the request is killed at the deadline', async () => {
    const server = await start();
    const running = serverProcess();
    process.kill(running.pid, 'SIGSTOP');

    await server.stop(100);

    expect(isStillRunning(running)).toBe(false);
  });

  test('a stop while the server is down starts none again', async () => {
    const restarting = deferred<void>();
    const server = await start({
      restartPolicy: { firstDelayMs: 60_000, delayMaxMs: 60_000, restartCountMax: 3, healthyAfterMs: 60_000 },
      onRestart: () => restarting.resolve(),
    });
    process.kill(serverProcess().pid, 'SIGKILL');
    await restarting.promise;

    await server.stop(1_000);

    expect((await probe(server)).status).toBe('silent');
  });
});

describe('two launchers on one folder', () => {
  test('the second is refused while the first lives', async () => {
    await start();

    expect((await refusalOf({})).code).toBe('nats-data-folder-held');
  });

  test('the server of a killed launcher is ended and its content is kept', async () => {
    const { launcher, url } = await startOrphaningLauncher();
    const connection = await connect({ servers: url, reconnect: false });
    await (await connection.jetstream().views.kv('claims')).create('workflowInstance.1', 'master-1');
    const orphan = serverProcess();
    launcher.kill('SIGKILL');
    await once(launcher, 'exit');
    expect(isStillRunning(orphan)).toBe(true);

    const lines: NatsLogLine[] = [];
    const server = await start({ onLog: (line) => lines.push(line) });

    expect(isStillRunning(orphan)).toBe(false);
    expect(lines[0]?.message).toContain(`process ${orphan.pid}) still holds`);
    const kv = await (await connectTo(server)).jetstream().views.kv('claims');
    expect(new TextDecoder().decode((await kv.get('workflowInstance.1'))?.value)).toBe('master-1');
  });

  test('a process that merely got the recorded pid is left alone', async () => {
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    releases.push(() => bystander.kill());
    const record = JSON.stringify({ pid: bystander.pid, startMark: 'another boot:1' });
    writeFileSync(join(dataDir, 'nats-server.json'), record);
    writeFileSync(join(dataDir, 'owner.json'), record);

    await start();

    expect(bystander.exitCode).toBeNull();
    expect(bystander.signalCode).toBeNull();
  });
});

async function start(options: Partial<StartNatsServerOptions> = {}): Promise<RunningNatsServer> {
  const server = await startNatsServer({ dataDir, port: 0, ...options });
  releases.push(() => server.stop(2_000));
  return server;
}

async function refusalOf(options: Partial<StartNatsServerOptions>): Promise<NatsServerError> {
  const outcome = await startNatsServer({ dataDir, port: 0, ...options }).catch((error: unknown) => error);
  if (!(outcome instanceof NatsServerError)) throw new Error(`Expected a refusal, found ${String(outcome)}.`);
  return outcome;
}

async function connectTo(server: RunningNatsServer): Promise<NatsConnection> {
  const connection = await connect({ servers: server.url, reconnect: false });
  releases.push(() => connection.close());
  return connection;
}

function serverProcess() {
  return ProcessIdentitySchema.parse(JSON.parse(readFileSync(join(dataDir, 'nats-server.json'), 'utf8')));
}

function probe(server: RunningNatsServer) {
  return probeNatsServer({ host: '127.0.0.1', port: server.port, timeoutMs: 1_000 });
}

async function untilServing(server: RunningNatsServer, isNext: () => boolean): Promise<void> {
  await expect.poll(async () => isNext() && (await probe(server)).status, { interval: 20 }).toBe('answered');
}

async function startOrphaningLauncher(): Promise<{ launcher: ChildProcess; url: string }> {
  const program = new URL('orphaning-launcher.ts', import.meta.url).pathname;
  const launcher = spawn(process.execPath, ['--import', 'tsx', program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  releases.push(() => launcher.kill('SIGKILL'));
  const [chunk] = await once(launcher.stdout, 'data');
  return { launcher, url: String(chunk).trim() };
}

function fakeServer(run: string): string {
  const path = join(dataDir, 'fake-nats-server');
  writeExecutable(path, `if [ "$1" = --version ]; then echo "nats-server: v2.9.10"; exit 0; fi\n${run}`);
  return path;
}

function writeExecutable(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

function deferred<Value>() {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
