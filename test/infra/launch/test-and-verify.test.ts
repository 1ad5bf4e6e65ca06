/** `npm test`, `npm run verify` and `npm run bench`, with stubs in place of the tools they run. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LaunchSandbox } from './launch-sandbox.ts';

const emptyReport = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

let sandbox: LaunchSandbox;

beforeEach(() => {
  sandbox = new LaunchSandbox();
  sandbox.installNatsServer();
  sandbox.installPackages();
  for (const name of ['vitest', '@biomejs/biome', 'typescript', 'dependency-cruiser', 'knip']) {
    sandbox.write(`node_modules/${name}/package.json`, '{ "type": "module" }');
  }
  for (const name of ['biome', 'tsc', 'depcruise', 'knip']) {
    sandbox.write(`node_modules/.bin/${name}`, "console.log('fine');");
  }
  installVitest({ ...emptyReport, numPassedTests: 12 }, 0);
});

afterEach(() => sandbox.remove());

describe('npm test', () => {
  test('vitest gets the arguments, and the last line counts its results', async () => {
    const result = await sandbox.run('test.mjs', ['test/actors', '-t', 'a stale fence']);

    expect(result.exitCode).toBe(0);
    expect(result.stdout).toContain('run --config .ci/vitest.config.ts --reporter=default --reporter=json');
    expect(result.stdout).toContain('test/actors -t a stale fence');
    expect(result.stdout.endsWith('\n12 passed, 0 failed\n')).toBe(true);
  });

  test('the exit code is that of vitest; skipped tests and files that do not load are counted', async () => {
    const testResults = [
      { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
      { status: 'failed', assertionResults: [] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ];
    const counts = { numPassedTests: 2, numFailedTests: 1, numPendingTests: 3, numTodoTests: 1 };
    installVitest({ ...counts, testResults }, 1);

    const result = await sandbox.run('test.mjs');

    expect(result.exitCode).toBe(1);
    expect(lastLine(result.stdout)).toBe('2 passed, 2 failed, 4 skipped');
  });

  test('a vitest that breaks down without a report is said to have done so', async () => {
    sandbox.write('node_modules/vitest/vitest.mjs', 'process.exitCode = 4;');

    const result = await sandbox.run('test.mjs');

    expect(result.exitCode).toBe(4);
    expect(result.stderr).toContain('vitest ended without a report');
  });

  test('a signal is passed on to vitest', async () => {
    const vitest = "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log('running');";
    sandbox.write('node_modules/vitest/vitest.mjs', vitest);

    const { child, result } = sandbox.start('test.mjs');
    child.stdout?.once('data', () => child.kill('SIGTERM'));

    expect((await result).exitCode).toBe(7);
  });
});

describe('npm run verify', () => {
  test('each step is a line, and the results of the tests are told', async () => {
    const result = await sandbox.run('verify.mjs');

    const lines = result.stdout.trim().split('\n');
    expect(lines.map((line) => line.split(/\s+/).slice(0, 2).join(' '))).toEqual([
      'ok lint',
      'ok types',
      'ok imports',
      'ok unused',
      'ok tests',
      'ok build',
    ]);
    expect(lines[4]).toMatch(/^ok {3}tests +\d+\.\d s {2}12 passed, 0 failed$/);
    expect(result.exitCode).toBe(0);
  });

  test('it ends at the first step that fails, with what that step printed', async () => {
    sandbox.write('node_modules/.bin/depcruise', "console.log('error actors-are-pure'); process.exitCode = 2;");

    const result = await sandbox.run('verify.mjs');

    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(/FAIL imports +\d+\.\d s\n\nerror actors-are-pure\n$/);
  });

  test('generated files are checked once there is a generator', async () => {
    sandbox.write('infra/launch/generate.mjs', "console.log('docs/errors.md is stale'); process.exitCode = 1;");

    const result = await sandbox.run('verify.mjs');

    expect(result.stdout).toMatch(/FAIL generated .*\n\ndocs\/errors\.md is stale\n$/);
  });
});

test('a program that the project does not have is named', async () => {
  const result = await sandbox.run('run.mjs', ['bench/none.bench.ts']);

  expect(result).toMatchObject({
    exitCode: 69,
    stderr: 'millrace: there is no program bench/none.bench.ts in this project.\n',
  });
});

/** A stub that prints its arguments, writes the report where it is told to and ends with the code given. */
function installVitest(report: object, exitCode: number): void {
  sandbox.write(
    'node_modules/vitest/vitest.mjs',
    `import { writeFileSync } from 'node:fs';
console.log(process.argv.slice(2).join(' '));
const output = process.argv.find((arg) => arg.startsWith('--outputFile.json='));
writeFileSync(output.slice('--outputFile.json='.length), ${JSON.stringify(JSON.stringify(report))});
process.exitCode = ${exitCode};
`,
  );
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1);
}
