/** The commands that steer runs: what each sends, and how the answer is told. */
import { describe, expect, test } from 'vitest';
import { instanceIdSchema, type TaskName } from '../../schemas/ids.ts';
import type { PossibleCommand } from '../../schemas/messages/command.messages.ts';
import { createCommandLine, expectGolden } from './command-line.ts';
import type { FakeRun } from './fake-master.ts';
import { failedEvents, runId, sampleRun, startedAt, successfulEvents } from './sample-runs.ts';

function boxWithRun(status: 'running' | 'failed' | 'paused' = 'running') {
  const box = createCommandLine();
  box.master.runs.push(sampleRun(status, status === 'failed' ? failedEvents() : successfulEvents()));
  return box;
}

const sent = (box: ReturnType<typeof createCommandLine>) =>
  box.master.requests.filter(({ subject }) => subject === 'millrace.v1.command').map(({ body }) => body as object);

describe('each command', () => {
  test.each<[string[], object, string]>([
    [['pause', runId], { type: 'pause' }, 'is running'],
    [['resume', runId], { type: 'resume' }, 'is running'],
    [['retry', runId], { type: 'clearTasks', scope: 'failed' }, 'the failed tasks of'],
    [['rerun', runId], { type: 'clearTasks', scope: 'all' }, 'everything of'],
    [['rerun', runId, 'build'], { type: 'clearTasks', scope: 'tasks', tasks: ['build'] }, 'build of'],
    [
      ['rerun', runId, 'build', 'test', '--descendants'],
      { type: 'clearTasks', scope: 'descendants', tasks: ['build', 'test'] },
      'build, test of',
    ],
    [['priority', runId, 'highest'], { type: 'changePriority', priority: 'highest' }, 'has the priority highest'],
    [['priority', runId, 'low', 'test'], { type: 'changePriority', priority: 'low', task: 'test' }, 'test of'],
    [['signal', runId, 'go'], { type: 'sendSignal', name: 'go', payload: null }, 'has the signal go'],
    [['signal', runId, 'go', '{"a": 1}'], { type: 'sendSignal', name: 'go', payload: { a: 1 } }, 'has the signal go'],
    [['signal', runId, 'go', 'by hand'], { type: 'sendSignal', name: 'go', payload: 'by hand' }, 'has the signal go'],
    [['move', runId, '--version', '4'], { type: 'moveVersion', version: 4 }, 'goes on by version 4'],
    [
      ['move', runId, '--version', '4', '--check'],
      { type: 'moveVersion', version: 4, check: true },
      'may be moved to version 4',
    ],
    [['kill', runId, 'test'], { type: 'stopTask', task: 'test' }, 'is being stopped'],
    [['skip', runId, 'test'], { type: 'skipTask', task: 'test' }, 'is skipped'],
    [['isolate', runId, 'test'], { type: 'isolateTask', task: 'test' }, 'is isolated'],
    [['rejoin', runId, 'test'], { type: 'rejoinTask', task: 'test' }, 'has rejoined'],
    [['approve', runId, 'test'], { type: 'approveTask', task: 'test', approved: true }, 'is approved'],
    [['decline', runId, 'test'], { type: 'approveTask', task: 'test', approved: false }, 'is declined'],
    [['force', runId, 'test'], { type: 'forceTask', task: 'test', outputs: {} }, 'has succeeded'],
    [
      ['force', runId, 'test', '--outputs', '{"rows": 1}'],
      { type: 'forceTask', task: 'test', outputs: { rows: 1 } },
      'has succeeded',
    ],
  ])('%j sends one message with who, why and a key', async (argv, body, told) => {
    const box = boxWithRun();
    expect(await box.run(...argv, '--reason', 'because', '--by', 'ada')).toBe(0);
    expect(sent(box)).toEqual([{ ...body, instance: runId, key: expect.any(String), by: 'ada', reason: 'because' }]);
    expect(box.stdout()).toContain(told);
    expect(box.stdout().split('\n')).toHaveLength(2);
  });

  test('says so when the same was done before, and prints the receipt with --json', async () => {
    const box = boxWithRun();
    await box.run('pause', runId, '--key', 'p-1');
    await box.run('pause', runId, '--key', 'p-1');
    expect(box.stdout()).toContain(`nothing to do: that was done before; ${runId} is running`);
    const other = boxWithRun();
    await other.run('pause', runId, '--json');
    expect(other.json()).toMatchObject({ instance: runId, changed: true });
  });

  test.each([
    [['rerun', runId, '--descendants']],
    [['force', runId, 'test', '--outputs', '[1]']],
    [['priority', runId, 'urgent']],
    [['retry', runId, '--timeout', '3s']],
    [['pause', runId, '--key', '']],
    [['move', runId]],
    [['move', runId, '--version', 'newest']],
  ])('%j is wrong usage', async (argv) => {
    const box = boxWithRun();
    expect(await box.run(...argv)).toBe(64);
    expect(sent(box)).toEqual([]);
  });

  test('tells a refusal with its code', async () => {
    const box = boxWithRun();
    const message = 'the task test is running; only one that does not run can be skipped';
    box.master.script.set('millrace.v1.command', [{ code: 'COMMAND_NOT_ALLOWED', message }]);
    expect(await box.run('skip', runId, 'test')).toBe(64);
    expect(box.stderr()).toContain(message);
  });

  test('waits for the end of a run that was opened again, not for its former end', async () => {
    const box = boxWithRun('failed');
    const again = successfulEvents().slice(2);
    const events = [
      ...failedEvents(),
      { ...failedEvents()[0], type: 'WorkflowReopened', data: { key: 'k', by: 'ada', reopenedAt: startedAt + 5_000 } },
      ...again,
    ].map((event, revision) => ({ ...event, revision }));
    Object.assign(box.master.runs[0] as FakeRun, { events });
    expect(await box.run('retry', runId, '--wait')).toBe(0);
    expect(box.stdout()).toContain(`${runId} succeeded`);
  });
});

test('show tells what a run can take now', async () => {
  const box = boxWithRun();
  const [run] = box.master.runs;
  const can: PossibleCommand[] = [
    { type: 'stop' },
    { type: 'clearTasks', scope: 'failed' },
    { type: 'sendSignal', name: 'go' },
  ];
  Object.assign(run as FakeRun, { can });
  Object.assign(run?.tasks[0] ?? {}, { can: ['clearTasks', 'changePriority'] });
  Object.assign(run?.tasks[1] ?? {}, { can: ['stopTask', 'clearTasks'] });
  await box.run('show', runId);
  expectGolden('show-can', box.stdout());
});

describe('clear', () => {
  const idOf = (number: number) => instanceIdSchema.parse(`0193a4c2-1111-7aaa-8aaa-00000000000${number}`);

  /** Newest first: 4 failed, 3 succeeded, 2 failed, 1 failed. */
  function boxWithRuns() {
    const box = createCommandLine();
    for (const number of [4, 3, 2, 1]) {
      const run = sampleRun(number === 3 ? 'succeeded' : 'failed', failedEvents());
      run.run.instance = idOf(number);
      run.run.submittedAt = startedAt + number * 1_000;
      run.can = number === 3 ? [] : [{ type: 'clearTasks', scope: 'failed' }];
      for (const task of run.tasks)
        Object.assign(task, { status: task.task === 'build' ? 'failed' : 'blocked', can: ['clearTasks'] });
      box.master.runs.push(run);
    }
    return box;
  }
  const at = (number: number) => new Date(startedAt + number * 1_000).toISOString();
  const instances = (box: ReturnType<typeof createCommandLine>) =>
    sent(box).map((body) => (body as { instance: string }).instance);

  test('runs the failed tasks of all that fit again, each once for its key', async () => {
    const box = boxWithRuns();
    expect(await box.run('clear', '--workflow', 'deploy', '--key', 'k', '--reason', 'disk was full')).toBe(0);
    expect(sent(box)).toEqual(
      [4, 2, 1].map((number) => ({
        type: 'clearTasks',
        scope: 'failed',
        instance: idOf(number),
        key: `k.${idOf(number)}`,
        by: 'command line',
        reason: 'disk was full',
      })),
    );
    expectGolden('clear', box.stdout());
    await box.run('clear', '--workflow', 'deploy', '--key', 'k');
    expect(box.stdout()).toContain('3 runs: 3 was done before');
  });

  test('takes only runs of that time, and no more than the limit', async () => {
    const box = boxWithRuns();
    await box.run('clear', '--since', at(2), '--until', at(4));
    expect(instances(box)).toEqual([idOf(2)]);
    const limited = boxWithRuns();
    await limited.run('clear', '--since', at(0), '--limit', '2', '--concurrency', '1');
    expect(instances(limited)).toEqual([idOf(4), idOf(2)]);
    expect(limited.stderr()).toContain('There are more runs that fit');
  });

  test('sends chosen tasks with what needs them', async () => {
    const box = boxWithRuns();
    await box.run('clear', '--workflow', 'deploy', '--status', 'succeeded', '--task', 'build', '--descendants');
    expect(sent(box)).toMatchObject([{ scope: 'descendants', tasks: ['build' as TaskName], instance: idOf(3) }]);
  });

  test('changes nothing with --dry-run and shows what it would do', async () => {
    const box = boxWithRuns();
    const [newest] = box.master.runs;
    if (newest !== undefined) newest.can = [{ type: 'stop' }];
    expect(await box.run('clear', '--workflow', 'deploy', '--dry-run')).toBe(0);
    expect(sent(box)).toEqual([]);
    expectGolden('clear-dry-run', box.stdout());
  });

  test('goes on after a refusal, and ends with its exit code', async () => {
    const box = boxWithRuns();
    const refusal = { code: 'COMMAND_NOT_ALLOWED', message: 'load is under way' } as const;
    box.master.script.set('millrace.v1.command', ['usual', refusal, 'usual']);
    expect(await box.run('clear', '--workflow', 'deploy', '--concurrency', '1', '--json')).toBe(64);
    expect(box.json()).toMatchObject({
      counts: { cleared: 2, refused: 1 },
      runs: [{ outcome: 'cleared' }, { outcome: 'refused', ...refusal }, { outcome: 'cleared' }],
    });
  });

  test('names the key under which it is to be repeated when a run was not answered', async () => {
    const box = boxWithRuns();
    const away = { code: 'JOURNAL_UNAVAILABLE', message: 'the event store cannot be reached' } as const;
    box.master.script.set('millrace.v1.command', [away]);
    expect(await box.run('clear', '--workflow', 'deploy', '--key', 'k', '--concurrency', '1')).toBe(75);
    expect(box.stderr()).toContain('Repeat it with "--key k"');
  });

  test.each([
    [['clear']],
    [['clear', '--workflow', 'deploy', '--descendants']],
    [['clear', '--workflow', 'deploy', '--task', 'a', '--all']],
    [['clear', '--workflow', 'deploy', '--key', 'k'.repeat(401)]],
  ])('%j is wrong usage', async (argv) => {
    const box = boxWithRuns();
    expect(await box.run(...argv)).toBe(64);
    expect(sent(box)).toEqual([]);
  });
});

describe('submit', () => {
  const submitted = async (...argv: string[]) => {
    const box = createCommandLine();
    box.master.definitions.push({ name: 'deploy', version: 2 });
    box.master.nextRun = () => sampleRun('running', successfulEvents());
    const exitCode = await box.run('submit', 'deploy', ...argv);
    const request = box.master.requests.find(({ subject }) => subject === 'millrace.v1.submit.deploy');
    return { exitCode, body: request?.body };
  };

  test.each<[string[], object]>([
    [['--only', 'a', '--only', 'b'], { start: { tasks: ['a', 'b'], mode: 'only' } }],
    [['--from', 'a'], { start: { tasks: ['a'], mode: 'forward' } }],
    [['--to', 'a'], { start: { tasks: ['a'], mode: 'backward' } }],
    [['--dry-run'], { dryRun: true }],
    [['--priority', 'lowest'], { priority: 'lowest' }],
  ])('%j asks for that', async (argv, body) => {
    expect(await submitted(...argv)).toMatchObject({ exitCode: 0, body });
  });

  test('refuses two ways to begin', async () => {
    expect(await submitted('--only', 'a', '--from', 'b')).toEqual({ exitCode: 64, body: undefined });
  });
});
