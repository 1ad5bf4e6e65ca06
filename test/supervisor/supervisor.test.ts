import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemIds } from '../../src/clock/system-clock.adapter.ts';
import { supervisorProgram } from '../../src/main/supervisor-program.ts';
import type { FromSupervisor, ToSupervisor } from '../../src/supervisor/supervisor.messages.ts';
import type { CommandEnd, CommandListener, CommandOrder } from '../../src/tasks/command-host.port.ts';
import { eventually } from '../kit/eventually.ts';
import { killEverythingIn, processesIn } from '../kit/processes.ts';
import { newDataDir, newHost } from './supervised-host.ts';

let dataDir: string;
let sockets: Socket[];
beforeEach(() => {
  dataDir = newDataDir();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await killEverythingIn(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

const inFolder = (name: string) => join(dataDir, 'supervisor', name);

async function start(idleMs = 60_000): Promise<ChildProcess> {
  const { file, args, environment } = supervisorProgram(idleMs);
  const child = spawn(file, args, {
    cwd: dataDir,
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(child.stdout ?? process.stdin, 'data', { signal: AbortSignal.timeout(20_000) });
  return child;
}

type Worker = {
  say(message: ToSupervisor): void;
  hears<K extends FromSupervisor['kind']>(kind: K, attemptId?: string): Promise<Extract<FromSupervisor, { kind: K }>>;
  leave(): void;
};

/** A worker that says what the test wants. */
async function joinSupervisor(): Promise<Worker> {
  const socket = connect(inFolder('socket'));
  sockets.push(socket);
  socket.on('error', () => {}); // Its supervisor may be killed.
  await once(socket, 'connect');
  const heard: FromSupervisor[] = [];
  createInterface({ input: socket })
    .on('line', (line) => heard.push(JSON.parse(line) as FromSupervisor))
    .on('error', () => {}); // It tells the faults of the socket once more.
  const worker: Worker = {
    say: (message) => void socket.write(`${JSON.stringify(message)}\n`),
    hears: (kind, attemptId) =>
      eventually(`${kind} ${attemptId ?? ''}`, () => {
        const found = heard.find(
          (one) => one.kind === kind && (one.kind === 'welcome' || one.attemptId === (attemptId ?? one.attemptId)),
        );
        return found as Extract<FromSupervisor, { kind: typeof kind }> | undefined;
      }),
    leave: () => void socket.destroy(),
  };
  worker.say({ kind: 'hello', version: 1 });
  return worker;
}

function orderOf(command: string): CommandOrder {
  const attemptId = systemIds.uuid();
  const folder = join(dataDir, attemptId);
  mkdirSync(folder);
  const output = { path: join(folder, 'output.log'), sizeBytesMax: 1_000_000 };
  const environment = { PATH: process.env.PATH ?? '', MILLRACE_ATTEMPT_ID: attemptId };
  return { attemptId, command, folder, environment, graceMs: 500, output };
}

describe('a supervisor', () => {
  it('can be reached by its user only', async () => {
    await start();
    expect((statSync(inFolder('socket')).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(inFolder('')).mode & 0o777).toString(8)).toBe('700');
  });

  it('keeps a command at its gate for the next worker, and runs it once', async () => {
    await start();
    const order = orderOf('echo ran >> ran');
    const { attemptId, folder } = order;
    const first = await joinSupervisor();
    first.say({ kind: 'start', order });
    const { process: noted } = await first.hears('spawned', attemptId);
    first.leave();
    const second = await joinSupervisor();
    expect((await second.hears('welcome')).runs).toMatchObject([{ attemptId, process: noted, isGateOpen: false }]);
    second.say({ kind: 'start', order });
    expect(existsSync(join(folder, 'ran'))).toBe(false);
    second.say({ kind: 'openGate', attemptId });
    expect(await second.hears('ended', attemptId)).toMatchObject({ end: { kind: 'exited', exitCode: 0 } });
    expect(readFileSync(join(folder, 'ran'), 'utf8')).toBe('ran\n');
  });

  it('lets a command at its gate leave without a trace when it is killed', async () => {
    const supervisor = await start();
    const order = orderOf('echo ran >> ran');
    const worker = await joinSupervisor();
    worker.say({ kind: 'start', order });
    await worker.hears('spawned', order.attemptId);
    supervisor.kill('SIGKILL');
    await eventually('all is gone', () => (processesIn(dataDir).length === 0 ? true : undefined));
    expect(existsSync(join(order.folder, 'ran'))).toBe(false);
  });

  it('ends by itself when it is idle and no worker is there, and removes its socket', async () => {
    const supervisor = await start(200);
    const ended = once(supervisor, 'exit');
    const worker = await joinSupervisor();
    await worker.hears('welcome');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(supervisor.exitCode).toBe(null);
    worker.leave();
    expect((await ended)[0]).toBe(0);
    expect(existsSync(inFolder('socket'))).toBe(false);
  });

  it('stays with its commands beyond that time, and gives up those at their gate', async () => {
    const supervisor = await start(100);
    const [running, waiting] = [orderOf('while [ ! -e go ]; do sleep 0.02; done'), orderOf('true')];
    const worker = await joinSupervisor();
    for (const order of [running, waiting]) worker.say({ kind: 'start', order });
    await worker.hears('spawned', running.attemptId);
    await worker.hears('spawned', waiting.attemptId);
    worker.say({ kind: 'openGate', attemptId: running.attemptId });
    worker.leave();
    await eventually('it is given up', () =>
      readFileSync(inFolder(`runs/${waiting.attemptId}.json`), 'utf8').includes('cancelled') ? true : undefined,
    );
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) supervisor.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(supervisor.exitCode).toBe(null);
    writeFileSync(join(running.folder, 'go'), '');
    await eventually('it ends', () => (supervisor.exitCode === 0 ? true : undefined));
    expect(JSON.parse(readFileSync(inFolder(`runs/${running.attemptId}.json`), 'utf8'))).toMatchObject({
      end: { kind: 'exited', exitCode: 0 },
    });
  });

  it('ends its commands when the lease of its worker is over', async () => {
    await start();
    const order = orderOf('sleep 600');
    const worker = await joinSupervisor();
    worker.say({ kind: 'start', order });
    await worker.hears('spawned', order.attemptId);
    worker.say({ kind: 'openGate', attemptId: order.attemptId });
    worker.say({ kind: 'lease', validForMs: 60_000 });
    worker.say({ kind: 'lease', validForMs: 100 });
    expect(await worker.hears('ended', order.attemptId)).toMatchObject({
      end: { kind: 'cancelled', reason: 'leaseLost' },
    });
  });

  it('whose folder is gone ends with all its commands: nobody could reach it', async () => {
    const supervisor = await start();
    const order = orderOf('sleep 600');
    const worker = await joinSupervisor();
    worker.say({ kind: 'start', order });
    await worker.hears('spawned', order.attemptId);
    worker.say({ kind: 'openGate', attemptId: order.attemptId });
    renameSync(inFolder(''), join(dataDir, 'away'));
    worker.leave();
    await eventually('it ends', () => (supervisor.exitCode === 0 ? true : undefined));
    expect(processesIn(dataDir)).toEqual([]);
  });

  it('leaves when another one is there', async () => {
    await start();
    const { file, args, environment } = supervisorProgram(60_000);
    const second = spawn(file, args, { cwd: dataDir, env: environment, stdio: 'ignore' });
    expect((await once(second, 'exit'))[0]).toBe(0);
    const worker = await joinSupervisor();
    await worker.hears('welcome');
  });

  it('drops a worker that talks nonsense, and serves the next one', async () => {
    await start();
    const first = await joinSupervisor();
    await first.hears('welcome');
    first.say({ kind: 'start', order: { attemptId: '../../escape' } } as unknown as ToSupervisor);
    const second = await joinSupervisor();
    expect(await second.hears('welcome')).toMatchObject({ runs: [] });
  });
});

describe('a host under a supervisor', () => {
  const listen = () => {
    let end: (end: CommandEnd) => void = () => {};
    const ended = new Promise<CommandEnd>((resolve) => {
      end = resolve;
    });
    const listener: CommandListener = {
      spawned: () => {},
      wrote: () => {},
      found: () => {},
      ended: (told) => end(told),
    };
    return { ended, listener };
  };

  it('ends and forgets what no attempt asks for', async () => {
    await start();
    const [running, ended] = [orderOf('sleep 600'), orderOf('true')];
    const worker = await joinSupervisor();
    for (const order of [running, ended]) {
      worker.say({ kind: 'start', order });
      await worker.hears('spawned', order.attemptId);
      worker.say({ kind: 'openGate', attemptId: order.attemptId });
    }
    await worker.hears('ended', ended.attemptId);
    worker.leave();
    const host = newHost(dataDir);
    await host.endUnadopted();
    for (const { attemptId } of [running, ended]) {
      await eventually('it is forgotten', () => (existsSync(inFolder(`runs/${attemptId}.json`)) ? undefined : true));
    }
    await host.stop(5_000);
    expect(processesIn(dataDir)).toEqual([]);
  });

  it('kills a supervisor that hangs, and what it ran', async () => {
    const supervisor = await start();
    const order = orderOf('sleep 600');
    const worker = await joinSupervisor();
    worker.say({ kind: 'start', order });
    await worker.hears('spawned', order.attemptId);
    worker.say({ kind: 'openGate', attemptId: order.attemptId });
    await eventually('it runs', () => (processesIn(dataDir).length > 1 ? true : undefined));
    supervisor.kill('SIGSTOP');
    const host = newHost(dataDir);
    expect(await host.adopt(order, listen().listener)).toBeUndefined();
    expect(processesIn(dataDir)).toEqual([]);
  });

  it('works in a folder whose path is too long for a socket', async () => {
    const deep = join(dataDir, ...Array.from({ length: 6 }, () => 'a-rather-long-name-of-a-folder'));
    mkdirSync(deep, { recursive: true });
    const host = newHost(deep);
    const { listener, ended } = listen();
    const running = host.start(orderOf('true'), { ...listener, spawned: () => running.openGate() });
    expect(await ended).toMatchObject({ kind: 'exited', exitCode: 0 });
    await host.stop(5_000);
  });

  it('says why when the supervisor cannot be started', async () => {
    writeFileSync(join(dataDir, 'supervisor'), 'a file in the way');
    const { listener, ended } = listen();
    newHost(dataDir).start(orderOf('true'), listener);
    expect(await ended).toMatchObject({ kind: 'startFailed' });
  });
});
