import { expect, test } from 'vitest';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

function canonical(tasks: string): Record<string, unknown> {
  const parsed = parseDefinition(`name: w\ntasks:\n${tasks}`, 'w.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  return JSON.parse(JSON.stringify(parsed.definition));
}

const pair = '  a: {type: script}\n  b: {type: shell, command: ls, needs: a}\n';

test('what the parser makes is accepted as it is', () => {
  const definition = canonical(pair);
  expect(checkDefinition(definition)).toEqual({ kind: 'ok', definition });
});

test('a circle that arrives over the wire is named', () => {
  const definition = canonical(pair) as { tasks: { needs: string[] }[] };
  definition.tasks[0]!.needs = ['b'];
  expect(checkDefinition(definition)).toEqual({
    kind: 'faults',
    faults: [
      {
        code: 'CYCLE',
        path: 'tasks[0].needs[0]',
        message: 'tasks need each other in a circle: a -> b -> a',
        remedy: 'Each arrow reads "needs"; remove one of these needs.',
      },
    ],
  });
});

test('two tasks of one name, and an unknown need', () => {
  const definition = canonical(pair) as { tasks: { name: string; needs: string[] }[] };
  definition.tasks[1]!.name = 'a';
  definition.tasks[1]!.needs = ['c'];
  const checked = checkDefinition(definition);
  const faults = checked.kind === 'faults' ? checked.faults : [];
  expect(faults.map(({ code, path }) => `${code} ${path}`).sort()).toEqual([
    'DUPLICATE_TASK tasks[1].name',
    'UNKNOWN_NEED tasks[1].needs[0]',
  ]);
});

test('a wait without an end is refused', () => {
  const definition = canonical('  a: {type: wait, duration: 1s}\n') as { tasks: { settings: object }[] };
  definition.tasks[0]!.settings = { type: 'wait' };
  expect(checkDefinition(definition)).toMatchObject({
    kind: 'faults',
    faults: [{ code: 'BAD_VALUE', path: 'tasks[0].settings', remedy: 'Give one of the two.' }],
  });
});

test('an unknown field names the nearest known one', () => {
  const definition = canonical(pair) as { tasks: { settings: Record<string, unknown> }[] };
  definition.tasks[1]!.settings.graceMS = 1;
  expect(checkDefinition(definition)).toMatchObject({
    faults: [{ code: 'UNKNOWN_FIELD', path: 'tasks[1].settings.graceMS', remedy: 'Did you mean "graceMs"?' }],
  });
});

test.each([[null], ['w'], [[]], [42]])('%j is no definition', (value) => {
  expect(checkDefinition(value)).toMatchObject({ kind: 'faults', faults: [{ code: 'WRONG_TYPE', path: '' }] });
});

test('a value nested 100,000 levels deep is refused, not followed', () => {
  const value: unknown = JSON.parse(`{"name":"w","params":{"p":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`);
  expect(checkDefinition(value)).toMatchObject({ kind: 'faults', faults: [{ code: 'SYNTAX' }] });
});
