import { describe, expect, test } from 'vitest';
import {
  clusterReplySchema,
  definitionsReplySchema,
  eventsReplySchema,
  eventViewSchema,
  logsReplySchema,
  runReplySchema,
  runsReplySchema,
} from '../../schemas/messages/client.messages.ts';
import { whyReplySchema } from '../../schemas/messages/explanation.messages.ts';
import { createCommandLine, expectGolden } from './command-line.ts';
import { attemptA, failedEvents, runId, sampleMembers, sampleRun, successfulEvents } from './sample-runs.ts';

const otherRunId = '0193a4c2-2222-7aaa-8aaa-00000000cafe';

function boxWithRuns() {
  const box = createCommandLine();
  box.master.runs.push(sampleRun('running', successfulEvents()), sampleRun('failed', failedEvents(), otherRunId));
  return box;
}

describe('list', () => {
  test('shows the newest runs in aligned columns', async () => {
    const box = boxWithRuns();
    expect(await box.run('list')).toBe(0);
    expectGolden('list', box.stdout());
  });

  test('passes its filters to the query', async () => {
    const box = boxWithRuns();
    expect(await box.run('list', '--workflow', 'deploy', '--status', 'failed', '--limit', '5')).toBe(0);
    expect(box.master.requests[0]?.body).toEqual({ workflow: 'deploy', status: 'failed', limit: 5 });
    expect(box.stdout()).toContain(otherRunId);
    expect(box.stdout()).not.toContain(runId);
  });

  test('says what to do when there are none, and that there are more', async () => {
    const box = createCommandLine();
    await box.run('list');
    expect(box.stdout()).toBe('');
    expect(box.stderr()).toBe('There are no such runs. Start one with "millrace submit <workflow>".\n');
    const full = boxWithRuns();
    await full.run('list', '--limit', '1');
    expect(full.stderr()).toBe('There are more runs; "--limit 2" shows more of them.\n');
  });

  test('prints one document with --json', async () => {
    const box = boxWithRuns();
    await box.run('list', '--json');
    expect(runsReplySchema.parse(box.json()).runs).toHaveLength(2);
  });
});

describe('show', () => {
  test('shows the run and its tasks', async () => {
    const box = boxWithRuns();
    expect(await box.run('show', runId)).toBe(0);
    expectGolden('show', box.stdout());
  });

  test('prints one document with --json', async () => {
    const box = boxWithRuns();
    await box.run('show', runId, '--json');
    expect(runReplySchema.parse(box.json()).run.instance).toBe(runId);
  });

  test('text that came from a task cannot steer the terminal', async () => {
    const box = boxWithRuns();
    const [task] = box.master.runs[0]?.tasks ?? [];
    if (task !== undefined) task.note = 'bad \u001b[2J\nnews';
    await box.run('show', runId);
    expect(box.stdout()).toContain('bad  [2J news');
    expect(box.stdout()).not.toContain('\u001b');
  });
});

describe('why', () => {
  test('prints one sentence', async () => {
    const box = boxWithRuns();
    expect(await box.run('why', runId, 'build')).toBe(0);
    expect(box.stdout()).toBe('build is running.\n');
  });

  test('prints the facts with --json, at the revision that was asked for', async () => {
    const box = boxWithRuns();
    await box.run('why', runId, 'build', '--at', '3', '--json');
    expect(whyReplySchema.parse(box.json())).toMatchObject({ task: 'build', revision: 3, runStatus: 'active' });
    expect(box.master.requests.at(-1)?.body).toEqual({ instance: runId, task: 'build', at: 3 });
  });

  test('of a task that does not exist ends with 66, of a revision that is no number with 64', async () => {
    const box = boxWithRuns();
    expect(await box.run('why', runId, 'nothing')).toBe(66);
    expect(await box.run('why', runId, 'build', '--at', 'now')).toBe(64);
  });
});

describe('the run that is meant', () => {
  test.each(['0193a4c2-1', 'beef', '0193A4C2-1111'])('a unique part is enough: %s', async (part) => {
    const box = boxWithRuns();
    expect(await box.run('show', part, '--json')).toBe(0);
    expect(runReplySchema.parse(box.json()).run.instance).toBe(runId);
  });

  test('a part that fits several runs is refused with the candidates', async () => {
    const box = boxWithRuns();
    expect(await box.run('show', '0193a4c2')).toBe(64);
    expectGolden('ambiguous-run', box.stderr());
  });

  test('a part that fits no run is not found', async () => {
    const box = boxWithRuns();
    expect(await box.run('show', 'dddd')).toBe(66);
    expectGolden('unknown-run', box.stderr());
  });

  test.each(['019', 'hello'])('a part that is too short or no part of an id is wrong usage: %s', async (part) => {
    const box = boxWithRuns();
    expect(await box.run('show', part)).toBe(64);
    expect(box.stderr()).toContain(`"${part}" is no run`);
  });

  test('all pages of runs are searched', async () => {
    const box = createCommandLine();
    const ids = Array.from(
      { length: 1_001 },
      (_, index) => `0193a4c2-3333-7aaa-8aaa-${String(index).padStart(12, '0')}`,
    );
    box.master.runs.push(...ids.map((id) => sampleRun('running', [], id)));
    expect(await box.run('show', '00001000', '--json')).toBe(0);
    expect(box.master.requests.map((request) => request.body)).toMatchObject([
      { limit: 1_000 },
      { limit: 1_000, before: ids[999] },
      { instance: ids[1_000] },
    ]);
  });
});

describe('events', () => {
  test('shows the whole history with the time since its start', async () => {
    const box = boxWithRuns();
    expect(await box.run('events', otherRunId)).toBe(0);
    expectGolden('events', box.stdout());
  });

  test('prints one document with --json', async () => {
    const box = boxWithRuns();
    await box.run('events', runId, '--json');
    expect(eventsReplySchema.parse(box.json()).events).toEqual(successfulEvents());
  });

  test('reads all pages', async () => {
    const box = createCommandLine();
    const [first] = successfulEvents();
    const many = Array.from({ length: 450 }, (_, revision) => eventViewSchema.parse({ ...first, revision }));
    box.master.runs.push(sampleRun('running', many));
    await box.run('events', runId, '--json');
    expect(eventsReplySchema.parse(box.json()).events).toHaveLength(450);
  });

  test('an event of a later version is shown as it is', async () => {
    const box = createCommandLine();
    const [first] = successfulEvents();
    box.master.runs.push(
      sampleRun('running', [eventViewSchema.parse({ ...first, type: 'TaskDreamt', data: { of: 'sheep' } })]),
    );
    await box.run('events', runId);
    expect(box.stdout()).toContain('TaskDreamt             {"of":"sheep"}');
  });
});

describe('logs', () => {
  const page = (text: string, nextOffset: number, end: boolean) => ({
    attemptId: attemptA as never,
    text,
    nextOffset,
    end,
  });

  test('prints the output as it is, page by page', async () => {
    const box = boxWithRuns();
    box.master.logs.set('build', [page('one\n', 4, false), page('two\n', 8, true)]);
    expect(await box.run('logs', runId, 'build')).toBe(0);
    expect(box.stdout()).toBe('one\ntwo\n');
    expect(box.master.requests.map((request) => request.body)).toMatchObject([
      { task: 'build', offset: 0, waitMs: 0 },
      { task: 'build', offset: 4, attemptId: attemptA },
    ]);
  });

  test('prints one document with --json', async () => {
    const box = boxWithRuns();
    box.master.logs.set('build', [page('one\n', 4, false), page('', 4, false)]);
    await box.run('logs', runId, 'build', '--json');
    expect(logsReplySchema.parse(box.json())).toEqual({
      attemptId: attemptA,
      text: 'one\n',
      nextOffset: 4,
      end: false,
    });
  });

  test('follows by questions that are held open, and keeps to the first attempt', async () => {
    const box = boxWithRuns();
    box.master.logs.set('build', [page('', 0, false), page('one\n', 4, false), page('', 4, true)]);
    expect(await box.run('logs', runId, 'build', '--follow', '--json')).toBe(0);
    expect(box.jsonLines().map((line) => logsReplySchema.parse(line).text)).toEqual(['', 'one\n', '']);
    expect(box.master.requests[1]?.body).toMatchObject({ waitMs: 20_000, attemptId: attemptA });
  });

  test('goes on following when the worker is away for a while', async () => {
    const box = boxWithRuns();
    box.master.logs.set('build', [page('one\n', 4, false), page('two\n', 8, true)]);
    const away = { code: 'LOG_NOT_FOUND' as const, message: 'The worker w-1 cannot be reached.' };
    box.master.script.set('millrace.v1.query.logs', ['usual', away, 'usual']);
    const exitCode = box.run('logs', runId, 'build', '--follow');
    await box.until(() => box.stderr() === 'waiting: The worker w-1 cannot be reached.\n');
    box.clock.advance(500);
    expect(await exitCode).toBe(0);
    expect(box.stdout()).toBe('one\ntwo\n');
  });

  test('a task without attempt is not found', async () => {
    const box = boxWithRuns();
    expect(await box.run('logs', runId, 'nothing')).toBe(66);
    expect(box.stderr()).toBe('error: The run has no attempt of a task "nothing". [ATTEMPT_NOT_FOUND]\n');
  });
});

describe('cluster', () => {
  test('shows masters and workers', async () => {
    const box = createCommandLine();
    box.master.members.push(...sampleMembers());
    expect(await box.run('cluster')).toBe(0);
    expectGolden('cluster', box.stdout());
  });

  test('prints one document with --json', async () => {
    const box = createCommandLine();
    box.master.members.push(...sampleMembers());
    await box.run('cluster', '--json');
    expect(clusterReplySchema.parse(box.json()).members).toHaveLength(3);
  });

  test('says when no worker is alive', async () => {
    const box = createCommandLine();
    box.master.members.push(...sampleMembers().filter((member) => member.kind === 'master'));
    await box.run('cluster');
    expect(box.stderr()).toBe('No worker is alive: tasks wait. Start one with "millrace worker".\n');
  });
});

describe('definitions', () => {
  test('lists workflows with their newest version', async () => {
    const box = createCommandLine();
    box.master.definitions.push(
      { name: 'deploy', version: 2, description: 'Puts a release on a stage.' },
      { name: 'hello', version: 1 },
    );
    expect(await box.run('definitions')).toBe(0);
    expectGolden('definitions', box.stdout());
  });

  test('prints one document with --json', async () => {
    const box = createCommandLine();
    box.master.definitions.push({ name: 'hello', version: 1 });
    await box.run('definitions', '--json');
    expect(definitionsReplySchema.parse(box.json()).definitions).toEqual([{ name: 'hello', version: 1 }]);
  });
});
