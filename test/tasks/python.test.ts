// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createPythonTaskType } from '../../src/tasks/python/python.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import { startSupervisedHost } from '../supervisor/supervised-host.ts';
import { closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

const supervised = startSupervisedHost();
const baseEnvironment = { PATH: process.env.PATH, HOME: process.env.HOME };
const python = createPythonTaskType({ processes: systemProcessTable, baseEnvironment, host: supervised.host });
afterEach(closeAttempts);
afterAll(() => supervised.remove());

function run(script: string, settings: object = {}, options: FixtureOptions = {}) {
  return runAttempt(
    python,
    { type: 'python', script, interpreter: 'python3', args: [], graceMs: 5_000, ...settings },
    options,
  );
}

describe('a python task', () => {
  it('runs its script as it is written, with quotes and line breaks', async () => {
    const fixture = run('def say(text):\n    print(f"it\'s {text}; $HOME")\n\nsay("ok")\n');
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: {} });
    expect(fixture.output()).toBe("it's ok; $HOME\n");
  });

  it('finds its inputs in a file and its parameters in variables, and writes outputs', async () => {
    const script = [
      'import json, os',
      'inputs = json.load(open(os.environ["MILLRACE_INPUTS"]))',
      'total = sum(inputs["needs"]["before"]["numbers"]) + int(os.environ["MILLRACE_PARAM_more"])',
      'json.dump({"total": total}, open(os.environ["MILLRACE_OUTPUT"], "w"))',
    ].join('\n');
    const fixture = run(script, {}, { params: { more: 4 }, needs: { before: { numbers: [1, 2, 3] } } });
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: { total: 10 } });
  });

  it('has arguments in which placeholders are filled in, each one word', async () => {
    const args = ['${name}', "it's", '--day=$[yyyy-MM-dd]'];
    const fixture = run('import sys; print(sys.argv[1:])', { args }, { params: { name: 'a b; rm -rf /' } });
    await fixture.result;
    expect(fixture.output()).toBe(`['a b; rm -rf /', "it's", '--day=2024-02-29']\n`);
  });

  it('fails with the last line of its fault', async () => {
    expect(await run('raise ValueError("no rows")').result).toMatchObject({
      kind: 'failed',
      fault: { code: 'TASK_EXIT_NONZERO', message: expect.stringContaining('ValueError: no rows') },
      exitCode: 1,
    });
  });

  it('fails when there is no such interpreter', async () => {
    expect(await run('1', { interpreter: '/none/python' }).result).toMatchObject({
      fault: { code: 'TASK_EXIT_NONZERO', message: expect.stringContaining('/none/python') },
      exitCode: 127,
    });
  });

  it('is seen to print before it ends, and is ended by a cancel', async () => {
    const fixture = run('import time\nprint("begun")\ntime.sleep(600)');
    await fixture.said('begun');
    fixture.running.cancel('graceful');
    expect(await fixture.result).toMatchObject({ kind: 'cancelled' });
  });
});
