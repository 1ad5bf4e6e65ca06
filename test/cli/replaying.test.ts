import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runFileLines } from '../../src/replay/run-file.ts';
import { certifiedDefinition, certifiedHistory, certifiedId } from '../kit/certified-runs.ts';
import { receiveWebSocket } from '../kit/web-socket-receiver.ts';
import { createCommandLine, expectGolden } from './command-line.ts';

const history = {
  instance: certifiedId('key-1'),
  definitions: [{ version: 1, definition: certifiedDefinition }],
  events: certifiedHistory('key-1'),
};

/** No server anywhere. */
function boxWithFile(lines: Iterable<string> = runFileLines(history)) {
  const box = createCommandLine({
    withMaster: false,
    env: { MILLRACE_NATS_SERVERS: 'nats://nowhere:1' },
    columns: 100,
  });
  box.writeFile('run.jsonl', [...lines].join(''));
  return box;
}

test.each([
  ['replay', []],
  ['replay-why', ['--at', '4', '--why', 'b']],
  ['replay-diff', ['--diff', '4..7']],
  ['replay-causes', ['--causes', '--at', '10']],
  ['replay-timeline', ['--timeline']],
  ['replay-owners', ['--owners']],
  ['replay-guards', ['--guards', '--at', '6']],
  ['replay-commands', ['--commands', '--at', '4', '--why', 'a']],
])('replay answers without a server: %s', async (golden, options) => {
  const box = boxWithFile();
  expect(await box.run('replay', 'run.jsonl', ...options), box.stderr()).toBe(0);
  expectGolden(golden, box.stdout());
});

test.each([
  [[], { revision: 11, epoch: 2, state: { value: 'succeeded' }, pendingEffects: [] }],
  [['--at', '+1s'], { revision: 5, event: { type: 'OwnershipTaken' }, epoch: 2 }],
  [['--at', '4', '--why', 'b'], { revision: 4, status: 'waiting', sentence: 'b waits for a (running)' }],
  [['--diff', '6'], { from: 5, to: 6, tasks: [{ task: 'a' }] }],
  [['--timeline'], { tasks: [{ task: 'a' }, { task: 'b' }], owners: [{ epoch: 1 }, { epoch: 2 }] }],
  [['--causes', '--at', '2'], { causes: [{ revision: 2, task: 'a' }, { revision: 0 }] }],
])('replay prints one document with --json: %j', async (options, document) => {
  const box = boxWithFile();
  expect(await box.run('replay', 'run.jsonl', '--json', ...options), box.stderr()).toBe(0);
  expect(box.json()).toMatchObject(document);
});

test('replay writes the graph, the timeline and a page that needs nothing else', async () => {
  const box = boxWithFile();
  const read = (name: string) => readFileSync(join(box.cwd, name), 'utf8');
  expect(await box.run('replay', 'run.jsonl', '--at', '4', '--svg', 'graph.svg', '--html', 'run.html')).toBe(0);
  expect(await box.run('replay', 'run.jsonl', '--timeline', '--svg', 'timeline.svg')).toBe(0);
  expect(read('graph.svg')).toMatch(
    /^<svg .*\n.*<path d="M[\s\S]*data-task="a"><title>a: running<\/title>[\s\S]*<\/svg>\n$/,
  );
  expect(read('timeline.svg')).toContain('epoch 2');
  const page = read('run.html');
  expect(page).not.toMatch(/(src|href)=/);
  const [, embedded = ''] = /<script id="run" type="application\/json">(.*?)<\/script>/.exec(page) ?? [];
  expect((JSON.parse(embedded) as { events: unknown[] }).events).toHaveLength(12);
});

test('replay shows text of a run as text, never as markup', async () => {
  const evil = '</script><script>alert(1)</script>';
  const events = history.events.map((event) =>
    event.revision === 6 ? { ...event, data: { ...(event.data as object), evidence: evil } } : event,
  );
  const box = boxWithFile(runFileLines({ ...history, events }));
  expect(await box.run('replay', 'run.jsonl', '--html', 'run.html')).toBe(0);
  expect(readFileSync(join(box.cwd, 'run.html'), 'utf8')).not.toContain('<script>alert');
});

test('replay of what this build cannot go on with shows how far it comes', async () => {
  const [header = '', ...lines] = [...runFileLines(history)];
  const box = boxWithFile([header, ...lines.map((line) => line.replace('"TaskLost"', '"TaskMelted"'))]);
  expect(await box.run('replay', 'run.jsonl'), box.stderr()).toBe(0);
  expect(box.stdout()).toContain('event 5 of 5');
  expect(box.stdout()).toContain('the history ends for this build at event 6: the event TaskMelted');
});

test('replay sends a history to an inspector, over a WebSocket, as lines and as a page', async () => {
  const box = boxWithFile();
  expect(await box.run('replay', 'run.jsonl', '--inspect', '-')).toBe(0);
  const lines = box.stdout().trim().split('\n');
  expect(lines.filter((line) => line.includes('"@xstate.event"')).length).toBeGreaterThan(11);
  const receiver = await receiveWebSocket();
  onTestFinished(receiver.stop);
  const sending = boxWithFile();
  expect(await sending.run('replay', 'run.jsonl', '--inspect', receiver.address), sending.stderr()).toBe(0);
  await receiver.closed;
  expect(receiver.messages).toEqual(lines);
  expect(sending.stdout()).toBe(`${lines.length} inspection events sent to ${receiver.address}\n`);
  const writing = boxWithFile();
  expect(await writing.run('replay', 'run.jsonl', '--inspect', 'run.html')).toBe(0);
  expect(await writing.run('replay', 'run.jsonl', '--inspect', 'events.jsonl')).toBe(0);
  expect(readFileSync(join(writing.cwd, 'run.html'), 'utf8')).toContain('@statelyai.connected');
  expect(readFileSync(join(writing.cwd, 'events.jsonl'), 'utf8').trim().split('\n')).toEqual(lines);
});

test.each([
  [['--inspect', 'ws://127.0.0.1:1'], 69, 'nothing could be sent to ws://127.0.0.1:1'],
  [['--at', '99'], 64, 'there is no state at revision 99: expected 0 to 11'],
  [['--at', 'noon'], 64, '"noon" is no place in a run'],
  [['--why', 'c'], 66, 'the run has no task c; it has a, b'],
  [['--svg', 'no/such/graph.svg'], 64, 'no/such/graph.svg cannot be written'],
])('replay says what was wrong: %j', async (options, exitCode, sentence) => {
  const box = boxWithFile();
  expect(await box.run('replay', 'run.jsonl', ...options)).toBe(exitCode);
  expect(box.stderr()).toContain(sentence);
});
