import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { taskSourceSchema } from '../../schemas/definition/task-source.ts';
import { formatFaults } from '../../src/definitions/format-faults.ts';
import { loadDefinitionFile } from '../../src/definitions/load-definition-file.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

const taskTypes = taskSourceSchema.options.map(({ shape }) => [...shape.type.values][0]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-definitions-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function format(text: string): string {
  const parsed = parseDefinition(text, 'w.yaml');
  return parsed.kind === 'faults' ? formatFaults(parsed.faults, text) : 'ok';
}

test('a fault is shown with its line and a caret below', () => {
  expect(format('name: w\ntasks:\n  a: {type: scirpt}\n')).toBe(
    [
      `w.yaml:3:13 tasks.a.type: expected one of ${taskTypes.join(', ')}; came "scirpt". Did you mean "script"?`,
      '  3 |   a: {type: scirpt}',
      '    |             ^',
    ].join('\n'),
  );
});

test('the caret stands under its letter after tabs', () => {
  const lines = format('{\n\t"name": 1, "tasks": {"a": {"type": "script"}}}').split('\n');
  expect(lines.slice(1)).toEqual(['  2 | \t"name": 1, "tasks": {"a": {"type": "script"}}}', '    | \t        ^']);
});

test('a fault without a place is one line', () => {
  const fault = { code: 'CYCLE', path: 'tasks[0]', message: 'a circle', remedy: 'Break it.' } as const;
  expect(formatFaults([fault])).toBe('tasks[0]: a circle. Break it.');
});

test('a file is loaded with its text', async () => {
  const path = join(folder, 'w.yaml');
  await writeFile(path, 'name: w\ntasks: {a: {type: script}}\n');
  const loaded = await loadDefinitionFile(path);
  expect(loaded).toMatchObject({
    kind: 'ok',
    definition: { name: 'w' },
    text: 'name: w\ntasks: {a: {type: script}}\n',
  });
});

test('a missing file is a fault that names it', async () => {
  const path = join(folder, 'missing.yaml');
  const loaded = await loadDefinitionFile(path);
  if (loaded.kind === 'ok') throw new Error('expected faults');
  expect(formatFaults(loaded.faults, loaded.text)).toBe(
    `${path}:1:1 expected a workflow file, but there is no such file. Check the path; it is taken from the current folder.`,
  );
});

test('a folder in place of a file is a fault', async () => {
  const loaded = await loadDefinitionFile(folder);
  expect(loaded).toMatchObject({ kind: 'faults', faults: [{ code: 'FILE_UNREADABLE' }] });
});
