import { describe, expect, test } from 'vitest';
import { createCommandLine, expectGolden } from './command-line.ts';
import { runId, sampleRun, startedAt, successfulEvents } from './sample-runs.ts';

function boxWithAbsentTask() {
  const box = createCommandLine();
  const run = sampleRun('running', successfulEvents());
  const [build] = run.tasks;
  if (build !== undefined) {
    build.status = 'absent';
    build.note = 'the worker w-1 did not return; waits for the return of the worker';
    build.dueAt = startedAt + 60_000 + 240_000;
  }
  box.master.runs.push(run);
  return box;
}

describe('resolve', () => {
  test.each([
    ['--retry', 'retry'],
    ['--fail', 'fail'],
  ])('%s sends one command with a key of its own', async (flag, decision) => {
    const box = boxWithAbsentTask();
    expect(await box.run('resolve', runId, 'build', flag, '--reason', 'gone')).toBe(0);
    expect(box.master.requests.at(-1)?.body).toMatchObject({
      type: 'resolveLost',
      instance: runId,
      task: 'build',
      decision,
      by: 'command line',
      reason: 'gone',
      key: expect.any(String),
    });
  });

  test('says what was decided', async () => {
    const box = boxWithAbsentTask();
    await box.run('resolve', runId, 'build', '--retry');
    expect(box.stdout()).toBe(`build of ${runId} runs again\n`);
  });

  test('a task that does not wait for a decision is wrong usage', async () => {
    const box = boxWithAbsentTask();
    expect(await box.run('resolve', runId, 'test', '--fail')).toBe(64);
    expect(box.stderr()).toContain('COMMAND_NOT_ALLOWED');
  });

  test.each([[[]], [['--retry', '--fail']]])('%j is wrong usage', async (flags) => {
    expect(await boxWithAbsentTask().run('resolve', runId, 'build', ...flags)).toBe(64);
  });

  test('an absent task shows for what it waits, and how long', async () => {
    const box = boxWithAbsentTask();
    await box.run('show', runId);
    expectGolden('show-absent', box.stdout());
  });
});
