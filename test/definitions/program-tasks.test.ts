// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
/** `python`, `sql` and `nats` from their text to what is stored. */
import { describe, expect, test } from 'vitest';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

function parsed(task: object) {
  return parseDefinition(JSON.stringify({ name: 'w', tasks: { a: task } }), 'w.json');
}

function settingsOf(task: object): unknown {
  const result = parsed(task);
  if (result.kind === 'faults') throw new Error(JSON.stringify(result.faults));
  return result.definition.tasks[0]?.settings;
}

const faultsOf = (task: object) => {
  const result = parsed(task);
  return result.kind === 'ok' ? [] : result.faults.map(({ code, path, message }) => `${code} ${path}: ${message}`);
};

const sql = { type: 'sql', connection: 'sqlite:a.db' };
const nats = { type: 'nats', server: 'nats://a', subject: 's' };

describe('is stored with its defaults', () => {
  test('python', () => {
    expect(settingsOf({ type: 'python', script: 'print(1)' })).toEqual({
      type: 'python',
      script: 'print(1)',
      interpreter: 'python3',
      args: [],
      graceMs: 5_000,
    });
  });

  test('sql', () => {
    expect(settingsOf({ ...sql, query: 'SELECT 1' })).toEqual({ ...sql, query: 'SELECT 1', bind: [], rowsMax: 1_000 });
    expect(settingsOf({ ...sql, script: 'DELETE FROM t', rowsMax: 5 })).toEqual({
      ...sql,
      script: 'DELETE FROM t',
      bind: [],
      rowsMax: 5,
    });
  });

  test('nats', () => {
    const stored = { ...nats, action: 'publish', headers: {}, payload: '{"a":["${b}"]}', timeoutMs: 10_000 };
    expect(settingsOf({ ...nats, payload: { a: ['${b}'] } })).toEqual(stored);
  });
});

describe('is refused', () => {
  test.each([
    ['sql without a statement', sql, 'a sql task has either "query" or "script"'],
    ['sql with two statements', { ...sql, query: 'a', script: 'b' }, 'a sql task has either "query" or "script"'],
    ['a script with values', { ...sql, script: 'a', bind: [1] }, 'a script has no bound values'],
    [
      'a database of another kind',
      { ...sql, connection: 'oracle://h', query: 'a' },
      'a connection begins with sqlite:',
    ],
    ['a wrong time among the values', { ...sql, query: 'a', bind: ['$[foo(yyyy)]'] }, 'tasks.a.bind'],
    ['a header with a space', { ...nats, headers: { 'a b': 'c' } }, 'tasks.a.headers'],
    ['a number as an argument', { type: 'python', script: 'a', args: [1] }, 'tasks.a.args'],
    ['python without a script', { type: 'python' }, 'tasks.a.script'],
  ])('%s', (_name, task, said) => {
    expect(faultsOf(task).join('\n')).toContain(said);
  });

  test('a canonical sql task without a statement', () => {
    const result = parsed({ ...sql, query: 'SELECT 1' });
    if (result.kind === 'faults') throw new Error('expected a definition');
    const [task] = result.definition.tasks;
    const settings = { ...task?.settings, query: undefined };
    const checked = checkDefinition({ ...result.definition, tasks: [{ ...task, settings }] });
    expect(checked).toMatchObject({
      kind: 'faults',
      faults: [{ message: 'a sql task has either "query" or "script"' }],
    });
  });
});
