import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { definitionReplySchema, type EventView } from '../../schemas/messages/client.messages.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { parseRunFile, runFileLines } from '../../src/replay/run-file.ts';
import { certifiedDefinition, certifiedHistory, certifiedId } from '../kit/certified-runs.ts';
import { historiesFolder } from '../kit/histories.ts';
import { createCommandLine } from './command-line.ts';
import { sampleRun } from './sample-runs.ts';

const instance = certifiedId('key-1');
const events = certifiedHistory('key-1');
const file = (changed: typeof events) =>
  [...runFileLines({ instance, definitions: [{ version: 1, definition: certifiedDefinition }], events: changed })].join(
    '',
  );

function box() {
  const made = createCommandLine({
    withMaster: false,
    env: { MILLRACE_NATS_SERVERS: 'nats://nowhere:1' },
    columns: 100,
  });
  cpSync(join(historiesFolder, '0.1'), join(made.cwd, 'histories'), { recursive: true });
  return made;
}

const melted = events.map((event) => (event.revision === 6 ? { ...event, type: 'TaskMelted' as never } : event));
const twice = events.map((event) => {
  if (event.revision !== 9) return event;
  return { ...event, data: { ...(event.data as object), attempt: 2 } };
});

test('verify of the golden histories holds, without a server', async () => {
  const made = box();
  expect(await made.run('verify', '--dir', 'histories'), made.stderr()).toBe(0);
  expect(made.stdout()).toContain('0 diverge');
  expect(made.stdout()).toContain('this build would write every history again');
});

test('verify names each class of divergence with its smallest run, and ends with 1', async () => {
  const made = box();
  made.writeFile('histories/melted.jsonl', file(melted));
  made.writeFile('histories/deep/twice.jsonl', file(twice));
  made.writeFile('histories/none.jsonl', 'hello\n');
  expect(await made.run('verify', '--dir', 'histories', '--json')).toBe(1);
  expect(made.json()).toMatchObject({
    holds: false,
    divergedCount: 2,
    classes: [
      {
        signature: 'TaskAssigned: other attempt',
        kind: 'decidesOtherwise',
        smallest: { run: 'deep/twice.jsonl', revision: 9 },
      },
      { signature: 'unreadable TaskMelted', kind: 'unreadable', smallest: { run: 'melted.jsonl', revision: 6 } },
    ],
    unread: [{ run: 'none.jsonl' }],
  });
  expect(await made.run('verify', '--dir', 'histories')).toBe(1);
  expect(made.stdout()).toContain('smallest: deep/twice.jsonl, 12 events, at event 9');
});

test('verify asks the masters for their runs, and sends nothing but questions', async () => {
  const made = createCommandLine();
  const stored = events.map((event) => ({ ...event, id: `event-${event.revision}` }));
  made.master.runs.push(sampleRun('succeeded', stored as unknown as EventView[], instance));
  const reply = { name: 'tested', version: 1, digest: digestOf(certifiedDefinition), definition: certifiedDefinition };
  made.master.definitionReplies.push(definitionReplySchema.parse(reply));
  expect(await made.run('verify', '--json'), made.stderr()).toBe(0);
  expect(made.json()).toMatchObject({ holds: true, runCount: 1, eventCount: 12 });
  expect(await made.run('what-if', instance, '--retry', 'a=2'), made.stderr()).toBe(0);
  expect(await made.run('ask', 'run.epoch > 1'), made.stderr()).toBe(0);
  for (const { subject } of made.master.requests) expect(subject).toMatch(/^millrace\.v1\.query\./);
});

test('verify and ask of a folder without histories say so', async () => {
  const made = box();
  made.writeFile('empty/readme.txt', '');
  expect(await made.run('verify', '--dir', 'empty')).toBe(64);
  expect(made.stderr()).toContain('The folder empty holds no file of a run');
  expect(await made.run('ask', 'true', '--dir', 'absent')).toBe(64);
  expect(await made.run('verify', '--dir', 'histories', '--since', '7d')).toBe(64);
});

test('ask says where an expression became true', async () => {
  const made = box();
  made.writeFile('one/run.jsonl', file(events));
  expect(await made.run('ask', 'task.losses > 0', '--dir', 'one', '--json'), made.stderr()).toBe(0);
  expect(made.jsonLines()).toMatchObject([
    { run: 'run.jsonl', revision: 6, type: 'TaskLost', task: 'a' },
    { runCount: 1, eventCount: 12, foundCount: 1 },
  ]);
});

test.each([
  ['run.epoch == 2', ['#5']],
  ['event.type == "TaskSucceeded"', ['#8', '#10']],
  ['tasks.b.status == "running" || run.status == "succeeded"', ['#11']],
  ['task.name == "b" && task.worker == "worker-1"', ['#9']],
  ['run.params.region == "here"', []],
])('ask finds %s', async (expression, places) => {
  const made = box();
  made.writeFile('one/run.jsonl', file(events));
  expect(await made.run('ask', expression, '--dir', 'one'), made.stderr()).toBe(0);
  expect(made.stdout().match(/#\d+/g) ?? []).toEqual(places);
});

test('ask refuses what is no expression, and tells of names that are nowhere', async () => {
  const made = box();
  expect(await made.run('ask', 'task.failures >', '--dir', 'histories')).toBe(64);
  expect(made.stderr()).toContain('is no expression at character');
  expect(await made.run('ask', 'task.colour == "red"', '--dir', 'histories')).toBe(0);
  expect(made.stderr()).toContain('It could not be told everywhere; first at event 0');
});

test('what-if answers, shows both timelines and writes the changed run', async () => {
  const made = box();
  expect(
    await made.run(
      'what-if',
      'histories/retry-then-success.jsonl',
      '--retry',
      'a=1',
      '--timeline',
      '--to',
      'changed.jsonl',
    ),
    made.stderr(),
  ).toBe(0);
  expect(made.stdout()).toMatch(
    /^until event \d+ everything is the same; then it decides TaskFailed with retry nothing/,
  );
  expect(made.stdout()).toMatch(/recorded: succeeded after .*\nwhat if: {2}failed after/);
  expect(await made.run('replay', 'changed.jsonl', '--json'), made.stderr()).toBe(0);
  expect(made.stdout()).toContain('"value": "failed"');
});

test.each([
  [[], 64, 'What should be different?'],
  [['--retry', 'a'], 64, 'expected <task>=<attempts>'],
  [['--timeout', 'a=long'], 64, 'expected <task>=<duration>'],
  [['--retry', 'nobody=2'], 66, 'the run has no task nobody'],
  [['--failure-policy', 'maybe'], 64, 'Expected end or continue.'],
])('what-if says what was wrong: %j', async (options, exitCode, sentence) => {
  const made = box();
  expect(await made.run('what-if', 'histories/retry-then-success.jsonl', ...options)).toBe(exitCode);
  expect(made.stderr()).toContain(sentence);
});

test('what-if of the same definition changes nothing', async () => {
  const made = box();
  expect(await made.run('what-if', 'histories/success-chain.jsonl', '--failure-policy', 'continue')).toBe(0);
  expect(made.stdout()).toBe('nothing would have been different\n');
  expect(parseRunFile(file(events), 'run.jsonl').events).toHaveLength(12);
});
