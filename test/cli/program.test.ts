import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorCatalogue, errorReplySchema } from '../../schemas/errors.ts';
import { exitCodeMeanings, exitCodeOfError } from '../../src/cli/exit-codes.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import type { Transport } from '../../src/transport/transport.port.ts';
import { createCommandLine, expectGolden, testAddress } from './command-line.ts';

const commands = [
  'dev',
  'master',
  'worker',
  'store',
  'register',
  'submit',
  'definitions',
  'diff',
  'schema',
  'list',
  'show',
  'why',
  'events',
  'logs',
  'certify',
  'export',
  'replay',
  'what-if',
  'verify',
  'ask',
  'cluster',
  'stop',
  'pause',
  'resume',
  'retry',
  'rerun',
  'priority',
  'signal',
  'kill',
  'skip',
  'isolate',
  'rejoin',
  'approve',
  'decline',
  'force',
  'clear',
  'move',
  'resolve',
  'group',
  'crown',
  'freeze',
  'unfreeze',
];

describe('help', () => {
  test('groups the commands and ends with three examples', async () => {
    const box = createCommandLine();
    expect(await box.run('--help')).toBe(0);
    expectGolden('help', box.stdout());
  });

  test.each(commands)('%s has a help with an example', async (command) => {
    const box = createCommandLine();
    expect(await box.run(command, '--help')).toBe(0);
    expectGolden(`help-${command}`, box.stdout());
    expect(box.stdout()).toMatch(/\nExamples?:\n {2}millrace /);
  });

  test('a call without command shows the help and is wrong usage', async () => {
    const box = createCommandLine();
    expect(await box.run()).toBe(64);
    expect(box.stderr()).toContain('Usage: millrace <command> [options]');
  });

  test('the version is that of the package', async () => {
    const box = createCommandLine();
    expect(await box.run('--version')).toBe(0);
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(box.stdout()).toBe(`${version}\n`);
  });

  test('every exit code is documented', () => {
    const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
    for (const [code, meaning] of exitCodeMeanings) expect(page).toContain(`| ${code} | ${meaning} |`);
    for (const command of commands) expect(page).toContain(`millrace ${command}`);
  });
});

describe('wrong usage', () => {
  test.each([
    [['lst'], "error: unknown command 'lst'\n(Did you mean list?)\n"],
    [['list', '--limt', '3'], "error: unknown option '--limt'\n(Did you mean --limit?)\n"],
    [['list', '--jsn'], "error: unknown option '--jsn'\n(Did you mean --json?)\n"],
    [['show'], "error: missing required argument 'run'\n"],
    [['cluster', 'extra'], "error: too many arguments for 'cluster'. Expected 0 arguments but got 1.\n"],
  ])('%j is told with its nearest', async (argv, expected) => {
    const box = createCommandLine();
    expect(await box.run(...argv)).toBe(64);
    expect(box.stderr()).toBe(expected);
    expect(box.stdout()).toBe('');
  });

  test('is an error document with --json', async () => {
    const box = createCommandLine();
    expect(await box.run('list', '--limit', 'x', '--json')).toBe(64);
    expect(errorReplySchema.parse(JSON.parse(box.stderr())).code).toBe('BAD_REQUEST');
  });
});

describe('where the cluster is', () => {
  test('without any address it says how to start one', async () => {
    const box = createCommandLine({ env: { MILLRACE_NATS_SERVERS: '' } });
    expect(await box.run('list')).toBe(69);
    expectGolden('no-address', box.stderr());
  });

  test('the address of a running dev is used, and a flag beats it', async () => {
    const asked: (readonly string[])[] = [];
    const box = createCommandLine({
      env: { MILLRACE_NATS_SERVERS: '' },
      connect: async (servers) => {
        asked.push(servers);
        throw new AppError('NATS_UNAVAILABLE', 'connection refused');
      },
    });
    mkdirSync(join(box.cwd, '.millrace'));
    writeFileSync(join(box.cwd, '.millrace/dev.json'), JSON.stringify({ nats: 'nats://127.0.0.1:4111', pid: 7 }));
    expect(await box.run('list')).toBe(69);
    expect(await box.run('list', '--nats', 'nats://a:1,nats://b:2')).toBe(69);
    expect(asked).toEqual([['nats://127.0.0.1:4111'], ['nats://a:1', 'nats://b:2']]);
    expectGolden('nothing-answers', box.stderr());
  });

  test('the data folder of another place is looked into', async () => {
    const box = createCommandLine({ env: { MILLRACE_NATS_SERVERS: '' } });
    mkdirSync(join(box.cwd, 'elsewhere'));
    writeFileSync(
      join(box.cwd, 'elsewhere/dev.json'),
      JSON.stringify({ nats: testAddress, pid: 7, store: 'esdb://x' }),
    );
    expect(await box.run('list', '--data-dir', 'elsewhere')).toBe(0);
  });

  test('a server that never answers is given up, and a connection that comes too late is closed', async () => {
    let arrive: (transport: Transport) => void = () => undefined;
    let isAborted = false;
    const box = createCommandLine({
      connect: (_servers, { signal }) => {
        signal.addEventListener('abort', () => {
          isAborted = true;
        });
        return new Promise((resolve) => {
          arrive = resolve;
        });
      },
    });
    const exitCode = box.run('list');
    await new Promise((resolve) => setImmediate(resolve));
    box.clock.advance(3_000);
    expect(await exitCode).toBe(69);
    expect(isAborted).toBe(true);
    const late = createMemoryNetwork({ clock: box.clock }).connect('late');
    arrive(late);
    await box.until(() => late.status() === 'away');
  });

  test('NATS without a master is told as such', async () => {
    const box = createCommandLine({ withMaster: false });
    expect(await box.run('list')).toBe(69);
    expectGolden('no-master', box.stderr());
  });

  test('a password in an address is not repeated', async () => {
    const box = createCommandLine();
    expect(await box.run('list', '--nats', 'nats://user:secret@host', '--debug')).toBe(69);
    expect(box.stderr()).toContain('nats://***@host');
    expect(box.stderr()).not.toContain('secret');
  });
});

describe('faults', () => {
  test('every error code has an exit code of the table', () => {
    const known = exitCodeMeanings.map(([code]) => code);
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) expect(known).toContain(exitCodeOfError(code));
  });

  test('wrong configuration ends with 78 and names its source', async () => {
    const box = createCommandLine();
    box.writeFile('millrace.yaml', 'worker:\n  slots: many\n');
    expect(await box.run('list')).toBe(78);
    expect(box.stderr()).toBe(
      'error: millrace.yaml:2: worker.slots: expected a whole number from 1 to 10000, found "many". [BAD_CONFIGURATION]\n',
    );
  });

  test('a probable mistake in the environment is a warning', async () => {
    const box = createCommandLine({ env: { MILLRACE_LOGLEVEL: 'debug' } });
    expect(await box.run('definitions', '--json')).toBe(0);
    expect(box.stderr()).toContain(
      'warning: The variable MILLRACE_LOGLEVEL is not a setting; did you mean MILLRACE_LOG_LEVEL?',
    );
    expect(box.json()).toEqual({ definitions: [] });
  });

  test.each([
    ['OVERLOADED', 75],
    ['INTERNAL', 70],
    ['JOURNAL_UNAVAILABLE', 75],
  ] as const)('a refusal with %s ends with %i and its own sentence', async (code, exitCode) => {
    const box = createCommandLine();
    box.master.script.set('millrace.v1.query.runs', [{ code, message: 'So it is.' }]);
    expect(await box.run('list')).toBe(exitCode);
    expect(box.stderr()).toBe(`error: So it is. [${code}]\n`);
  });

  test('an answer that fits no schema is a fault, not a result', async () => {
    const box = createCommandLine();
    box.master.script.set('millrace.v1.query.runs', [{ raw: { runs: 'none' } }]);
    expect(await box.run('list', '--json')).toBe(70);
    expect(box.stdout()).toBe('');
    expect(errorReplySchema.parse(JSON.parse(box.stderr())).message).toContain('is the master of another version?');
  });

  test('a fault of ours shows no stack trace, unless asked for', async () => {
    const broken = { runRole: { dev: () => Promise.reject(new TypeError('x is undefined')) } };
    const box = createCommandLine(broken);
    expect(await box.run('dev')).toBe(70);
    expect(box.stderr()).toBe(
      'error: A fault of Millrace itself. "--debug" shows where; please report it. [INTERNAL]\n',
    );
    const debugged = createCommandLine(broken);
    await debugged.run('dev', '--debug');
    expect(debugged.stderr()).toContain('TypeError: x is undefined\n    at ');
  });
});

describe('roles', () => {
  test.each([
    [['dev'], 'dev', { once: false, withExample: true, fresh: false, json: false }],
    [['dev', '--once', '--no-example', '--fresh'], 'dev', { once: true, withExample: false, fresh: true }],
    [['dev', '--slots', '3'], 'dev', { config: { worker: { slots: 3 } } }],
    [
      ['master', '--id', 'm-9', '--store', 'esdb://s'],
      'master',
      { config: { master: { id: 'm-9' }, store: { connectionString: 'esdb://s' } } },
    ],
    [
      ['worker', '--group', 'gpu', 'cpu', '--slots', '4'],
      'worker',
      { config: { worker: { groups: ['gpu', 'cpu'], slots: 4 } } },
    ],
    [
      ['worker', '--group', 'gpu', '--group', 'cpu', '--json'],
      'worker',
      { json: true, config: { worker: { groups: ['gpu', 'cpu'] } } },
    ],
    [['store', '--port', '2113', '--log-level', 'debug'], 'store', { port: 2_113, config: { logLevel: 'debug' } }],
    [['store', '--data-dir', 'd'], 'store', { port: undefined, config: { dataDir: 'd' } }],
  ])('%j runs with its flags in the configuration', async (argv, role, options) => {
    const box = createCommandLine();
    expect(await box.run(...argv)).toBe(0);
    expect(box.roles).toMatchObject([{ role, options }]);
  });

  test('a wrong flag is wrong configuration', async () => {
    const box = createCommandLine();
    expect(await box.run('worker', '--slots', 'many')).toBe(78);
    expect(box.stderr()).toContain(
      'flag --slots: worker.slots: expected a whole number from 1 to 10000, found "many".',
    );
  });

  test('the exit code of the role is that of the program', async () => {
    const box = createCommandLine({ runRole: { dev: () => Promise.resolve(1) } });
    expect(await box.run('dev', '--once')).toBe(1);
  });
});
