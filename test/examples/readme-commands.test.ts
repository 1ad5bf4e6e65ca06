/** Examples that need more than one command: what their READMEs say is run, word by word, on a cluster of real processes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { runsReplySchema } from '../../schemas/messages/client.messages.ts';
import { groupsReplySchema } from '../../schemas/messages/concurrency.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';

const repository = new URL('../../', import.meta.url).pathname;

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await startProcessCluster({ workers: ['worker-1'] });
});
afterAll(() => cluster.remove());

/** The commands of the first block of shell in a README, each as its words. */
async function commandsOf(example: string): Promise<string[][]> {
  const text = await readFile(join(repository, 'examples', example, 'README.md'), 'utf8');
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(text) ?? [];
  const lines = block.replaceAll('\\\n', ' ').trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/));
}

/** Runs them in order from the root of the repository, with the newest run as `<run>`; each must end well. */
async function runReadme(example: string): Promise<void> {
  for (const [npx, millrace, ...words] of await commandsOf(example)) {
    expect([npx, millrace]).toEqual(['npx', 'millrace']);
    const args: string[] = [];
    for (const word of words) {
      if (word === '<run>') args.push(await newestRunOf(example));
      else args.push(word.startsWith('examples/') ? join(repository, word) : word);
    }
    const [name, run = '', task = ''] = args;
    if (name === 'approve') await untilAwaited(run as InstanceId, task);
    const { exitCode, output } = await cluster.millrace(...args);
    expect(exitCode, output).toBe(0);
  }
}

/** The newest first. A run is listed a moment after its receipt. */
function runsOf(workflow: string, count: number): Promise<InstanceId[]> {
  return eventually(`${count} runs of ${workflow} are listed`, async () => {
    const reply = await cluster.client.ask(subjects.query('runs'), { workflow, limit: count });
    const { runs } = runsReplySchema.parse(reply);
    return runs.length === count ? runs.map(({ instance }) => instance) : undefined;
  });
}

async function newestRunOf(workflow: string): Promise<InstanceId> {
  const [run] = await runsOf(workflow, 1);
  return run as InstanceId;
}

/** A person only answers what is asked. */
async function untilAwaited(run: InstanceId, task: string): Promise<void> {
  await eventually(`${task} waits for an answer`, async () => {
    const { tasks } = await cluster.client.show(run);
    return tasks.find((one) => one.task === task)?.status === 'awaiting' ? true : undefined;
  });
}

async function statusesOf(run: InstanceId): Promise<Record<string, string>> {
  const {
    tasks,
    run: { status },
  } = await cluster.client.show(run);
  return { run: status, ...Object.fromEntries(tasks.map((one) => [one.task, one.status])) };
}

async function outputsOf(workflow: string): Promise<Record<string, unknown>> {
  const { tasks } = await cluster.client.show(await newestRunOf(workflow));
  return Object.fromEntries(tasks.map(({ task, outputs }) => [task, outputs]));
}

test('sub-workflow', async () => {
  await runReadme('sub-workflow');
  expect(await outputsOf('sub-workflow')).toMatchObject({
    'count-first': { words: '6', sentence: '"to be or not to be" has 6 words' },
    'count-second': { words: '3' },
    compare: { difference: '3' },
  });
});

test('dependent', async () => {
  await runReadme('dependent');
  expect(await outputsOf('dependent')).toMatchObject({
    figures: { sold: '42', left: '8' },
    report: { report: 'sold 42, 8 left' },
  });
});

test('map', async () => {
  await runReadme('map');
  expect(await outputsOf('map')).toMatchObject({
    count: { counts: { succeeded: 6, failed: 0, stopped: 0, skipped: 0 } },
    add: { words: '14', letters: '58' },
  });
});

test('task-group', async () => {
  await runReadme('task-group');
  const history = await cluster.client.history(await newestRunOf('task-group'));
  const ended = history.filter(({ type }) => type === 'TaskSucceeded').map(({ data }) => data.task);
  expect(ended.slice(-2)).toEqual(['poster', 'tidy-up']);
  const { groups } = groupsReplySchema.parse(
    await cluster.client.ask(subjects.taskGroup('list'), { group: 'printers' }),
  );
  expect(groups).toMatchObject([{ name: 'printers', slots: 2 }]);
});

test('serial-workflow', async () => {
  await runReadme('serial-workflow');
  const runs = await runsOf('serial-workflow', 3);
  const spans = await Promise.all(
    runs.map(async (instance) => {
      const { tasks, run } = await cluster.client.show(instance);
      return { begunAt: tasks.find(({ task }) => task === 'take')?.startedAt ?? 0, endedAt: run.finishedAt ?? 0 };
    }),
  );
  spans.sort((a, b) => a.begunAt - b.begunAt);
  for (const [index, { endedAt }] of spans.slice(0, -1).entries()) {
    expect(spans[index + 1]?.begunAt).toBeGreaterThanOrEqual(endedAt);
  }
});

test('conditions-switch', async () => {
  await runReadme('conditions-switch');
  const runs = await runsOf('conditions-switch', 3);
  const [third, second, first] = await Promise.all(runs.map(statusesOf));
  const begun = { run: 'succeeded', count: 'succeeded', choose: 'succeeded' };
  const parts = { split: 'succeeded', 'load-parts': 'succeeded', 'load-at-once': 'skipped' };
  const atOnce = { split: 'skipped', 'load-parts': 'skipped', 'load-at-once': 'succeeded' };
  const well = { check: 'succeeded', guard: 'succeeded', publish: 'succeeded', repair: 'skipped' };
  const badly = { check: 'failed', guard: 'succeeded', publish: 'skipped', repair: 'succeeded' };
  expect(first).toEqual({ ...begun, ...parts, ...well });
  expect(second).toEqual({ ...begun, ...atOnce, ...badly });
  expect(third).toMatchObject({ ...begun, split: 'skipped', check: 'skipped', guard: 'skipped', repair: 'skipped' });
  const why = await cluster.millrace('why', runs[1] ?? '', 'publish');
  expect(why.output).toContain('publish was skipped because guard took otherwise');
});

test('approval-signal', async () => {
  await runReadme('approval-signal');
  const run = await newestRunOf('approval-signal');
  expect((await cluster.client.whenEnded(run)).run.status).toBe('succeeded');
  expect(await outputsOf('approval-signal')).toMatchObject({
    payment: { payload: 120 },
    receipt: { receipt: 'paid 120' },
    review: { approved: true, by: 'ada' },
  });
  expect(await statusesOf(run)).toMatchObject({ ship: 'succeeded', refund: 'skipped' });
});

test('delay-timeout', async () => {
  await runReadme('delay-timeout');
  const run = await newestRunOf('delay-timeout');
  expect(await statusesOf(run)).toEqual({
    run: 'succeeded',
    later: 'succeeded',
    slow: 'succeeded',
    elsewhere: 'failed',
    guard: 'succeeded',
    here: 'succeeded',
    off: 'skipped',
    last: 'succeeded',
  });
  const types = (await cluster.client.history(run)).map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(['TaskDelayed', 'TaskTimeoutWarned', 'TaskQueueTimedOut']));
});
