import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createShellTaskType } from '../../src/tasks/shell/shell.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import type { TaskType } from '../../src/tasks/task-type.port.ts';
import { startSupervisedHost } from '../supervisor/supervised-host.ts';
import { type AttemptFixture, closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

const baseEnvironment = { PATH: process.env.PATH, HOME: '/home/me', SECRET_TOKEN: 'secret' };
const supervised = startSupervisedHost();
const direct = createShellTaskType({ processes: systemProcessTable, baseEnvironment });
const underSupervisor = createShellTaskType({ processes: systemProcessTable, baseEnvironment, host: supervised.host });

let shell: TaskType;
let fixture: AttemptFixture;
afterEach(closeAttempts);
afterAll(() => supervised.remove());

function run(command: string, options: FixtureOptions & { graceMs?: number } = {}): AttemptFixture {
  fixture = runAttempt(shell, { type: 'shell', command, graceMs: options.graceMs ?? 5_000 }, options);
  return fixture;
}

const isAlive = (pid: number) => systemProcessTable.identify(pid) !== undefined;

const hosts = [
  ['in the worker', direct],
  ['under the supervisor', underSupervisor],
] as const;

describe.each(hosts)('a shell task %s', (_where, taskType) => {
  beforeEach(() => {
    shell = taskType;
  });

  it('succeeds with exit code 0; its output is kept as it comes', async () => {
    run('echo out; echo err >&2');
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: {} });
    expect(fixture.output().split('\n').sort()).toEqual(['', 'err', 'out']);
  });

  it('starts in an empty folder of its own', async () => {
    run('pwd; ls -A');
    await fixture.result;
    expect(fixture.output()).toBe(`${join(fixture.root, 'work')}\n`);
  });

  it('fails with the exit code and the last line of its output', async () => {
    run('echo first; echo the disk is full >&2; exit 3');
    expect(await fixture.result).toEqual({
      kind: 'failed',
      fault: { code: 'TASK_EXIT_NONZERO', message: 'expected exit code 0, found 3. Its last line: the disk is full' },
      exitCode: 3,
    });
  });

  it('that is killed by a signal fails as killed', async () => {
    run('kill -9 $$');
    expect(await fixture.result).toMatchObject({ kind: 'failed', fault: { code: 'TASK_KILLED' } });
  });

  it('sees parameters, its own env and MILLRACE variables, and nothing else of the worker', async () => {
    run('env', {
      params: {
        region: 'eu',
        count: 3,
        list: [1, 'a'],
        PATH: '/evil',
        LD_PRELOAD: 'x',
        MILLRACE_TASK: 'x',
        taken: 'p',
      },
      env: { EXTRA: 'yes', taken: 'env' },
    });
    await fixture.result;
    const seen = Object.fromEntries(
      fixture
        .output()
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(seen).toMatchObject({ region: 'eu', count: '3', list: '[1,"a"]', EXTRA: 'yes', taken: 'env' });
    expect(seen).toMatchObject({ HOME: '/home/me', MILLRACE_TASK: 'step', MILLRACE_ATTEMPT: '1' });
    expect(seen.PATH).toBe(process.env.PATH);
    expect(Object.keys(seen)).not.toContain('SECRET_TOKEN');
    expect(Object.keys(seen)).not.toContain('LD_PRELOAD');
    expect(Object.keys(seen)).not.toContain('MILLRACE_GATE');
  });

  it('finds its inputs in a file', async () => {
    run('cat "$MILLRACE_INPUTS"', { params: { a: 1 }, needs: { before: { rows: 2 } } });
    await fixture.result;
    expect(JSON.parse(fixture.output())).toEqual({ params: { a: 1 }, needs: { before: { rows: 2 } } });
  });

  it.each([
    ['a JSON object', `printf '{"rows": 3, "names": ["a"]}'`, { rows: 3, names: ['a'] }],
    ['lines', `printf 'rows=3\\n\\nname=a=b\\n'`, { rows: '3', name: 'a=b' }],
    ['nothing', 'true', {}],
  ])('may write outputs as %s', async (_form, command, outputs) => {
    run(`${command} > "$MILLRACE_OUTPUT"`);
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs });
  });

  it.each(['[1]', '{"a":', 'no equals sign'])('fails when its outputs are %s', async (text) => {
    run(`printf '${text}' > "$MILLRACE_OUTPUT"`);
    expect(await fixture.result).toMatchObject({ kind: 'failed', fault: { code: 'OUTPUT_INVALID' } });
  });

  it('fails when its outputs are a folder or too large', async () => {
    run('rm "$MILLRACE_OUTPUT"; mkdir "$MILLRACE_OUTPUT"');
    expect(await fixture.result).toMatchObject({ fault: { code: 'OUTPUT_INVALID' } });
    run('head -c 200 /dev/zero > "$MILLRACE_OUTPUT"', { outputSizeBytesMax: 100 });
    expect(await fixture.result).toMatchObject({ fault: { code: 'OUTPUT_TOO_LARGE' } });
  });

  it('is not held by a process in the background that keeps its output open', async () => {
    const startedAt = Date.now();
    run('sleep 60 & echo $!');
    expect(await fixture.result).toMatchObject({ kind: 'succeeded' });
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    process.kill(Number(fixture.output()), 'SIGKILL');
  });

  it('runs nothing before its process is noted', async () => {
    run('echo ran', { keepsGateShut: true });
    await fixture.noted;
    expect(fixture.process?.pid).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(fixture.output()).toBe('');
    fixture.openGate();
    await fixture.result;
    expect(fixture.output()).toBe('ran\n');
  });
});

describe.each(hosts)('a cancelled shell task %s', (_where, taskType) => {
  beforeEach(() => {
    shell = taskType;
  });

  it('ends by SIGTERM with its grandchildren; what they say last is kept', async () => {
    run(`trap 'echo bye; exit 0' TERM; sh -c 'echo child $$; sleep 60 & echo grandchild $!; wait' & echo ready; wait`);
    await fixture.said('grandchild');
    await fixture.said('ready');
    const pids = [...fixture.output().matchAll(/child (\d+)/g)].map(([, pid]) => Number(pid));
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled', reason: 'stop' });
    expect(fixture.output()).toContain('bye');
    expect(pids).toHaveLength(2);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('that ignores SIGTERM is killed after its grace period', async () => {
    run(`trap '' TERM; echo ready; sleep 60; sleep 60`, { graceMs: 300 });
    await fixture.said('ready');
    const startedAt = Date.now();
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled', reason: 'stop' });
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(290);
    expect(systemProcessTable.isGroupAlive(fixture.process?.pid ?? 0)).toBe(false);
  });

  it('whose leader ends at once is not over while a grandchild ignores SIGTERM', async () => {
    run(`sh -c 'trap "" TERM; echo stubborn $$; sleep 60; sleep 60' & wait`, { graceMs: 300 });
    await fixture.said('stubborn');
    const pid = Number(/stubborn (\d+)/.exec(fixture.output())?.[1]);
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled', reason: 'stop' });
    expect(isAlive(pid)).toBe(false);
  });

  it('is killed at once when there is no time for grace', async () => {
    run(`trap '' TERM; echo ready; sleep 60; sleep 60`, { graceMs: 60_000 });
    await fixture.said('ready');
    fixture.running.cancel('graceful');
    fixture.running.cancel('now');
    expect(await fixture.result).toEqual({ kind: 'cancelled', reason: 'stop' });
  });

  it('before its process was noted never runs its command', async () => {
    run('touch ../witness', { keepsGateShut: true });
    await fixture.noted;
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled', reason: 'stop' });
    expect(existsSync(join(fixture.root, 'witness'))).toBe(false);
  });
});

describe('the process table', () => {
  beforeEach(() => {
    shell = direct;
  });

  it('tells a process from another one with its pid', async () => {
    run('echo $PPID; read -r line < /dev/null; exit 0');
    await fixture.result;
    const me = systemProcessTable.identify(process.pid);
    expect(me && systemProcessTable.isStillRunning(me)).toBe(true);
    expect(systemProcessTable.isStillRunning({ pid: process.pid, startMark: 'other' })).toBe(false);
    expect(readFileSync(`/proc/${process.pid}/stat`, 'utf8')).toContain(me?.startMark.split(':')[1] ?? 'none');
  });
});
