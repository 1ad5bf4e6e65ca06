/** The command line in a box: a fake master, a clock that stands still, and what was written. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { CliDeps, DevOptions, Output, RoleOptions, StoreOptions } from '../../src/cli/cli-deps.ts';
import { createProgram } from '../../src/cli/create-program.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { loadPlugins } from '../../src/tasks/plugin/package-plugins.adapter.ts';
import { createMemoryNetwork, type MemoryDelivery } from '../../src/transport/memory-transport.adapter.ts';
import { createFakeMaster, type FakeMaster } from './fake-master.ts';
import { startedAt } from './sample-runs.ts';
import { createTestClock, type TestClock } from './test-clock.ts';

type Role = { role: string; options: RoleOptions | DevOptions | StoreOptions };

export type CommandLine = {
  run(...argv: string[]): Promise<number>;
  stdout(): string;
  stderr(): string;
  /** The whole of stdout as one JSON document. */
  json(): unknown;
  jsonLines(): unknown[];
  master: FakeMaster;
  clock: TestClock;
  cwd: string;
  roles: Role[];
  interrupt(): void;
  /** The reader of stdout has gone. */
  closePipe(): void;
  /** Waits until the condition holds; the box has no real timers, so this takes some turns of the event loop. */
  until(condition: () => boolean): Promise<void>;
  writeFile(name: string, text: string): void;
};

export type BoxOptions = {
  isTty?: boolean;
  env?: Record<string, string>;
  withMaster?: boolean;
  connect?: CliDeps['connect'];
  runRole?: Partial<CliDeps['runRole']>;
  schedule?: (callback: () => void, delivery: MemoryDelivery) => void;
  columns?: number;
};

export const testAddress = 'nats://box:4222';

export function createCommandLine(options: BoxOptions = {}): CommandLine {
  const cwd = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const clock = createTestClock(startedAt + 60_000);
  const network = createMemoryNetwork({
    clock,
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
  });
  const master = createFakeMaster(options.withMaster === false ? createNowhere(clock) : network.connect('master'));
  const stdout = createOutput(options.columns);
  const stderr = createOutput(undefined);
  const interrupts = new Set<() => void>();
  const roles: Role[] = [];
  let idCount = 0;
  const deps: CliDeps = {
    connect:
      options.connect ??
      (async (servers) => {
        if (servers[0] !== testAddress) throw new AppError('NATS_UNAVAILABLE', 'connection refused');
        return network.connect('cli');
      }),
    runRole: { ...recordingRoles(roles), ...options.runRole },
    loadPlugins,
    stdout: stdout.output,
    stderr: stderr.output,
    isTty: options.isTty ?? false,
    cwd,
    env: { MILLRACE_NATS_SERVERS: testAddress, ...options.env },
    onInterrupt: (listener) => {
      interrupts.add(listener);
      return () => void interrupts.delete(listener);
    },
    clock,
    ids: {
      uuid: () => {
        idCount += 1;
        return `0193a4c2-0000-7000-8000-${String(idCount).padStart(12, '0')}`;
      },
      random: () => 0.5,
    },
  };
  return {
    run: (...argv) => createProgram(deps).run(argv),
    stdout: stdout.text,
    stderr: stderr.text,
    json: () => JSON.parse(stdout.text()),
    jsonLines: () =>
      stdout
        .text()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    master,
    clock,
    cwd,
    roles,
    interrupt: () => {
      for (const listener of interrupts) listener();
    },
    closePipe: () => stdout.fail(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    until,
    writeFile: (name, text) => {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), text);
    },
  };
}

/** Compares with `test/cli/golden/<name>.txt`; with MILLRACE_UPDATE set it writes the file instead. */
export function expectGolden(name: string, text: string): void {
  const path = new URL(`golden/${name}.txt`, import.meta.url).pathname;
  if ((process.env.MILLRACE_UPDATE ?? '') !== '') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the condition never held');
}

function createOutput(columns: number | undefined): { output: Output; text(): string; fail(fault: Error): void } {
  const parts: string[] = [];
  const listeners: ((fault: Error) => void)[] = [];
  return {
    output: {
      write: (text) => parts.push(text),
      on: (_event, listener) => listeners.push(listener),
      columns,
      rows: 40,
    },
    text: () => parts.join(''),
    fail: (fault) => {
      for (const listener of listeners) listener(fault);
    },
  };
}

function recordingRoles(roles: Role[]): CliDeps['runRole'] {
  const record =
    (role: string) =>
    async (options: Role['options']): Promise<number> => {
      roles.push({ role, options });
      return 0;
    };
  return { dev: record('dev'), master: record('master'), worker: record('worker'), store: record('store') };
}

/** A network of its own: whoever connects there is not found. */
function createNowhere(clock: TestClock) {
  return createMemoryNetwork({ clock }).connect('master');
}
