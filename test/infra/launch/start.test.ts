/** `npm start`, `millrace` and what they put in place, with stub programs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LaunchSandbox } from './launch-sandbox.ts';

const npmInstalls = 'mkdir -p "$SANDBOX/node_modules" && echo {} > "$SANDBOX/node_modules/.package-lock.json"';

let sandbox: LaunchSandbox;

beforeEach(() => {
  sandbox = new LaunchSandbox();
  sandbox.installBuild();
});

afterEach(() => sandbox.remove());

describe('npm start', () => {
  beforeEach(() => sandbox.installNatsServer());

  test('with everything in place, only `millrace dev` runs and its exit code counts', async () => {
    sandbox.installPackages();

    const result = await sandbox.run('start.mjs', ['--port', '0']);

    expect(JSON.parse(result.stdout)).toEqual({ kind: 'build', args: ['dev', '--port', '0'], mode: 'production' });
    expect(result).toMatchObject({ exitCode: 3, stderr: '' });
    expect(sandbox.calls()).toEqual([]);
  });

  test('missing packages are installed once, without install scripts', async () => {
    sandbox.program('npm', npmInstalls);

    const first = await sandbox.run('start.mjs');
    await sandbox.run('start.mjs');

    expect(first.stderr).toContain('installing the packages with `npm ci`');
    expect(first.exitCode).toBe(3);
    expect(sandbox.calls()).toEqual(['npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error']);
  });

  test('a changed package-lock.json is installed', async () => {
    sandbox.program('npm', npmInstalls);
    await sandbox.run('start.mjs');
    sandbox.forgetCalls();

    sandbox.appendToLock('\n');
    await sandbox.run('start.mjs');

    expect(sandbox.calls()).toHaveLength(1);
  });

  test('two starts at once install once', async () => {
    sandbox.program('npm', `sleep 0.5; ${npmInstalls}`);

    const results = await Promise.all([sandbox.run('start.mjs'), sandbox.run('start.mjs')]);

    expect(sandbox.calls()).toHaveLength(1);
    expect(results.map((result) => result.exitCode)).toEqual([3, 3]);
  });

  test('the lock of a start that was killed is not waited for', async () => {
    sandbox.program('npm', npmInstalls);
    sandbox.write('.millrace/npm-ci.lock', '999999999');

    expect((await sandbox.run('start.mjs')).exitCode).toBe(3);
  });

  test('an `npm ci` that fails ends the start with a remedy', async () => {
    sandbox.program('npm', 'echo "no network" >&2; exit 1');

    const result = await sandbox.run('start.mjs');

    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain('no network');
    expect(result.stderr).toContain('npm ended with code 1: see its message above, check the network');
    expect(result.stdout).toBe('');
  });

  test('a lock that npm finds incomplete is installed all the same, without being changed', async () => {
    sandbox.program('npm', `[ "$1" = ci ] && { echo 'npm error code EUSAGE'; exit 1; }\n${npmInstalls}`);

    const result = await sandbox.run('start.mjs');

    expect(result.exitCode).toBe(3);
    expect(sandbox.calls().map((call) => call.split(' ').slice(0, 3))).toEqual([
      ['npm', 'ci', '--include=dev'],
      ['npm', 'install', '--no-save'],
    ]);
  });

  test('a missing npm ends the start with a remedy', async () => {
    const result = await sandbox.run('start.mjs');

    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain('put npm on PATH');
  });
});

describe('the millrace command', () => {
  test('the sources run when they are there, in any current folder', async () => {
    sandbox.installSource();
    sandbox.linkPackages();

    const result = await sandbox.run('millrace.mjs', ['--version']);

    expect(JSON.parse(result.stdout)).toEqual({ kind: 'source', args: ['--version'], mode: 'production' });
    expect(result.exitCode).toBe(3);
  });

  test('the build runs when there are no sources', async () => {
    const result = await sandbox.run('millrace.mjs', ['runs', 'list'], { NODE_ENV: 'development' });

    expect(JSON.parse(result.stdout)).toEqual({ kind: 'build', args: ['runs', 'list'], mode: 'development' });
  });

  test('sources without packages end with a remedy', async () => {
    sandbox.installSource();

    const result = await sandbox.run('millrace.mjs');

    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain(`run \`npm ci\` in ${sandbox.root}`);
  });

  test('an error of the program itself keeps its stack', async () => {
    sandbox.write('dist/src/main/millrace.main.js', 'throw new TypeError("a bug");');

    const result = await sandbox.run('millrace.mjs');

    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/TypeError: a bug\n\s+at /);
  });

  test.each(['16.20.0', '18.20.8', '20.18.3'])('Node.js %s is refused in one sentence', async (version) => {
    sandbox.replace('infra/launch/ensure-node-version.mjs', 'process.versions.node', `'${version}'`);

    const result = await sandbox.run('millrace.mjs');

    expect(result.exitCode).toBe(78);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
    expect(result.stderr).toContain(`Node.js 20.19 or newer is needed, this is ${version}`);
  });

  test.each(['20.19.0', '22.0.0', '24.1.0'])('Node.js %s is accepted', async (version) => {
    sandbox.replace('infra/launch/ensure-node-version.mjs', 'process.versions.node', `'${version}'`);

    expect((await sandbox.run('millrace.mjs')).exitCode).toBe(3);
  });
});
