import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { definitionReplySchema, type EventView } from '../../schemas/messages/client.messages.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { parseRunFile } from '../../src/replay/run-file.ts';
import { certifiedDefinition, certifiedHistory, certifiedId } from '../kit/certified-runs.ts';
import { createCommandLine } from './command-line.ts';
import { sampleRun } from './sample-runs.ts';

const instance = certifiedId('key-1');
const history = certifiedHistory('key-1').map((event, index) => ({ ...event, id: `event-${index}` }));

function boxWithRun() {
  const box = createCommandLine();
  box.master.runs.push(sampleRun('succeeded', history as unknown as EventView[], instance));
  const reply = { name: 'tested', version: 1, digest: digestOf(certifiedDefinition), definition: certifiedDefinition };
  box.master.definitionReplies.push(definitionReplySchema.parse(reply));
  return box;
}

test('export writes a run into a file, and the file again', async () => {
  const box = boxWithRun();
  expect(await box.run('export', instance, '--to', 'run.jsonl'), box.stderr()).toBe(0);
  expect(box.stdout()).toBe(`12 events of ${instance} written to run.jsonl\n`);
  const text = readFileSync(join(box.cwd, 'run.jsonl'), 'utf8');
  const read = parseRunFile(text, 'run.jsonl');
  expect(read).toEqual({ instance, definitions: [{ version: 1, definition: certifiedDefinition }], events: history });

  const alone = createCommandLine({ withMaster: false, env: { MILLRACE_NATS_SERVERS: 'nats://nowhere:1' } });
  alone.writeFile('run.jsonl', text);
  expect(await alone.run('export', 'run.jsonl'), alone.stderr()).toBe(0);
  expect(alone.stdout()).toBe(text);
});

test('export of what is no run, and of a file that is none, says what was expected', async () => {
  const box = boxWithRun();
  box.writeFile('cut.jsonl', '{"format":2}\n');
  expect(await box.run('export', 'cut.jsonl')).toBe(65);
  expect(box.stderr()).toContain('cut.jsonl, line 1: expected a header');
  expect(await box.run('export', 'absent.jsonl')).toBe(64);
  expect(box.stderr()).toContain('There is no file absent.jsonl.');
  expect(await box.run('export', instance, '--to', 'no/such/folder.jsonl')).toBe(64);
  expect(box.stderr()).toContain('no/such/folder.jsonl cannot be written');
});
