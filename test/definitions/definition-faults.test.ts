/** Each fault with its exact place, path and remedy. */
import { describe, expect, test } from 'vitest';
import type { DefinitionFault } from '../../src/definitions/definition-fault.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

function faultsOf(text: string): DefinitionFault[] {
  const parsed = parseDefinition(text, 'w.yaml');
  return parsed.kind === 'faults' ? parsed.faults : [];
}

/** `line:column CODE path | remedy` of each fault. */
function linesOf(text: string): string[] {
  return faultsOf(text).map(
    ({ line, column, code, path, remedy }) => `${`${line}:${column} ${code} ${path}`.trimEnd()} | ${remedy}`,
  );
}

const head = 'name: w\ntasks:\n';

describe('fields', () => {
  test('an unknown field names the nearest known one', () => {
    expect(linesOf(`${head}  a:\n    type: script\n    retry:\n      attempts: 2\n      dealy: 5s\n`)).toEqual([
      '7:7 UNKNOWN_FIELD tasks.a.retry.dealy | Did you mean "delay"?',
    ]);
  });

  test('a field of another task type says where it belongs', () => {
    expect(linesOf(`${head}  a:\n    type: script\n    command: ls\n`)).toEqual([
      '5:5 UNKNOWN_FIELD tasks.a.command | It belongs to tasks of type shell, spark, flink, mapreduce, yarn or k8s.',
    ]);
  });

  test('a limit that nothing waits for is refused', () => {
    expect(linesOf(`${head}  a:\n    type: script\n    workerReturnLimit: 5m\n`)).toEqual([
      '5:24 BAD_VALUE tasks.a.workerReturnLimit | Add "onWorkerLost: wait", or leave the limit out.',
    ]);
  });

  test('an unknown field like no other lists the known ones', () => {
    expect(linesOf(`author: me\n${head}  a: {type: script}\n`)).toEqual([
      expect.stringMatching(/^1:1 UNKNOWN_FIELD author \| Known here: name, description, params, .*tasks\.$/),
    ]);
  });

  test('a missing field points at the task that misses it', () => {
    expect(linesOf(`${head}  a:\n    type: shell\n`)).toEqual([
      '3:3 MISSING_FIELD tasks.a.command | Add "command". What /bin/sh -c runs, in a working folder of the attempt.',
    ]);
  });

  test('a missing name is a fault of the whole text', () => {
    expect(linesOf('tasks:\n  a: {type: script}\n')).toEqual([
      '1:1 MISSING_FIELD name | Add "name". Name of the workflow: a letter, then letters, digits, "_" or "-"; at most 63.',
    ]);
  });

  test('a field given twice names both lines', () => {
    const [fault] = faultsOf(`${head}  a:\n    type: script\n    needs: []\n    needs: []\n`);
    expect(fault).toMatchObject({ code: 'DUPLICATE_FIELD', line: 6, column: 5, path: 'tasks.a.needs' });
    expect(fault?.message).toBe('expected each field once, came "needs" on lines 5 and 6');
  });

  test('a task given twice in JSON names both lines', () => {
    const [fault] = faultsOf('{"name": "w", "tasks": {\n  "a": {"type": "script"},\n  "a": {"type": "script"}\n}}');
    expect(fault).toMatchObject({ code: 'DUPLICATE_TASK', line: 3, column: 3, path: 'tasks.a' });
    expect(fault?.message).toBe('expected each task once, came "a" on lines 2 and 3');
  });
});

describe('values', () => {
  const cases: [name: string, field: string, expected: string][] = [
    ['a number for a duration', 'timeout: 30', '5:14 WRONG_TYPE tasks.a.timeout | Write it like 30s or 5m or 1h30m.'],
    ['a unit that is none', 'timeout: 30 sec', '5:14 BAD_VALUE tasks.a.timeout | Write it like 30s or 5m or 1h30m.'],
    ['a timeout of nothing', 'timeout: 0s', '5:14 BAD_VALUE tasks.a.timeout | Write it like 30s or 5m or 1h30m.'],
    ['a word slightly wrong', 'priority: hgih', '5:15 BAD_VALUE tasks.a.priority | Did you mean "high"?'],
    [
      'no attempts at all',
      'retry: 0',
      '5:12 BAD_VALUE tasks.a.retry | Attempts in all, or a map of retry settings. Default: 1, no retry.',
    ],
    [
      'a wait that shrinks below its start',
      'retry: {attempts: 2, delay: 5m, delayMax: 1m}',
      '5:47 BAD_VALUE tasks.a.retry.delayMax | Raise "delayMax", or leave it out.',
    ],
    ['a number as environment', 'env: {PORT: 8080}', '5:17 WRONG_TYPE tasks.a.env.PORT | Put it in quotes: "8080".'],
    ['a bad name in the environment', 'env: {a b: x}', '5:11 BAD_VALUE tasks.a.env["a b"] | Choose another name.'],
    ['a need that is no text', 'needs: [1]', '5:13 WRONG_TYPE tasks.a.needs[0] | Put it in quotes: "1".'],
  ];
  test.each(cases)('%s is refused', (_name, field, expected) => {
    expect(linesOf(`${head}  a:\n    type: script\n    ${field}\n`)).toEqual([expected]);
  });

  test('a task without a known type still tells its other faults', () => {
    expect(linesOf(`${head}  a:\n    type: shel\n    timeout: 5\n    needs: b\n`)).toEqual([
      '4:11 BAD_VALUE tasks.a.type | Did you mean "shell"?',
      '5:14 WRONG_TYPE tasks.a.timeout | Write it like 30s or 5m or 1h30m.',
      '6:12 UNKNOWN_NEED tasks.a.needs | Remove this need, or add the task.',
    ]);
  });

  test('a wait needs either a duration or a time', () => {
    const both = '  b: {type: wait, duration: 1s, until: 2030-01-01T00:00:00Z}';
    expect(linesOf(`${head}  a: {type: wait}\n${both}\n`)).toEqual([
      '3:6 BAD_VALUE tasks.a | Give one of the two.',
      '4:6 BAD_VALUE tasks.b | Give one of the two.',
    ]);
  });

  test('a GET request with a body is refused', () => {
    expect(linesOf(`${head}  a:\n    type: http\n    url: http://x.org\n    body: x\n`)).toEqual([
      '6:11 BAD_VALUE tasks.a.body | Remove the body, or choose another method, such as POST.',
    ]);
  });

  test('a number that JSON cannot hold is refused, not rounded', () => {
    expect(linesOf(`name: w\nparams: {id: 12345678901234567890}\ntasks: {a: {type: script}}\n`)).toEqual([
      '2:14 BAD_VALUE params.id | Put it in quotes if a text will do: "12345678901234567890".',
    ]);
  });

  test('a name of a workflow with a dot says the rule', () => {
    const [fault] = faultsOf('name: a.b\ntasks: {a: {type: script}}\n');
    expect(fault?.message).toBe(
      'a workflow name is a letter followed by up to 62 letters, digits, "_" or "-"; came "a.b"',
    );
  });

  test('a workflow without tasks is refused', () => {
    expect(linesOf('name: w\ntasks: {}\n')).toEqual(['2:8 BAD_VALUE tasks | The tasks: name to task.']);
  });

  test('an empty text is refused', () => {
    expect(faultsOf('')).toMatchObject([{ code: 'WRONG_TYPE', line: 1, column: 1, path: '' }]);
  });
});

describe('graph', () => {
  test('an unknown need names the nearest task', () => {
    expect(linesOf(`${head}  build: {type: script}\n  test:\n    type: script\n    needs: [biuld]\n`)).toEqual([
      '6:13 UNKNOWN_NEED tasks.test.needs[0] | Did you mean "build"?',
    ]);
  });

  test('an unknown need like no other lists the tasks', () => {
    expect(linesOf(`${head}  build: {type: script}\n  test: {type: script, needs: deploy}\n`)).toEqual([
      '4:31 UNKNOWN_NEED tasks.test.needs | Known tasks: build.',
    ]);
  });

  test('a task that needs itself, and a need given twice', () => {
    expect(linesOf(`${head}  a: {type: script}\n  b:\n    type: script\n    needs: [a, b, a]\n`)).toEqual([
      '6:16 SELF_NEED tasks.b.needs[1] | Remove this need.',
      '6:19 DUPLICATE_NEED tasks.b.needs[2] | Remove one of the two.',
    ]);
  });

  test('a circle is named, at the need that begins it', () => {
    const text = `${head}  z: {type: script}\n  a: {type: script, needs: [z, b]}\n  b: {type: script, needs: a}\n`;
    expect(linesOf(text)).toEqual([
      '4:32 CYCLE tasks.a.needs[1] | Each arrow reads "needs"; remove one of these needs.',
    ]);
    expect(faultsOf(text)[0]?.message).toBe('tasks need each other in a circle: a -> b -> a');
  });

  test('each of two circles is named', () => {
    const task = (name: string, need: string) => `  ${name}: {type: script, needs: ${need}}\n`;
    const text = head + task('a', 'b') + task('b', 'a') + task('c', 'd') + task('d', 'c');
    expect(faultsOf(text).map(({ message }) => message)).toEqual([
      'tasks need each other in a circle: a -> b -> a',
      'tasks need each other in a circle: c -> d -> c',
    ]);
  });

  test('the graph is checked although a field is wrong', () => {
    const text = `${head}  a: {type: script, needs: b, timeout: 1}\n  b: {type: script, needs: a}\n`;
    expect(faultsOf(text).map(({ code }) => code)).toEqual(['CYCLE', 'WRONG_TYPE']);
  });
});

describe('text', () => {
  test('text that is no YAML says where', () => {
    expect(faultsOf('name: w\ntasks: [a\n')).toMatchObject([{ code: 'SYNTAX', line: 3, column: 1, file: 'w.yaml' }]);
  });

  test('a second document is refused', () => {
    expect(linesOf('name: w\n---\nname: v\n')).toEqual(['2:1 SYNTAX | Put each workflow into a file of its own.']);
  });

  test('a tag is refused', () => {
    expect(linesOf('name: !shout w\n')).toEqual([
      '1:7 TAG_REFUSED | Remove the tag; a text that begins with "!" needs quotes.',
    ]);
  });

  test('a field named __proto__ is refused', () => {
    expect(linesOf('name: w\nparams: {__proto__: 1}\ntasks: {a: {type: script}}\n')).toEqual([
      '2:10 BAD_VALUE params | Use another name: letters, digits, "_" and "-".',
    ]);
  });

  test('an alias without anchor, and one inside its own value', () => {
    const codes = faultsOf('name: w\nparams: {a: *none, b: &b [*b]}\ntasks: {a: {type: script}}\n');
    expect(codes.map(({ code, column }) => `${code} ${column}`)).toEqual(['ALIAS_REFUSED 13', 'ALIAS_REFUSED 27']);
  });

  test('an alias bomb is refused at once', () => {
    const level = (name: string, of: string) => `  ${name}: &${name} [${Array(9).fill(of).join(', ')}]\n`;
    const names = 'abcdefghijklmnopq'.split('');
    const bomb = names.map((name, i) => level(name, i === 0 ? 'x' : `*${names[i - 1]}`)).join('');
    const codes = faultsOf(`name: w\nparams:\n${bomb}tasks: {a: {type: script}}\n`).map(({ code }) => code);
    expect(codes).toEqual(['ALIAS_REFUSED']);
  });

  test('aliases that stack up levels are refused', () => {
    const levels = Array.from({ length: 100 }, (_, i) => `  p${i}: &p${i} [${i === 0 ? 'x' : `*p${i - 1}`}]\n`).join(
      '',
    );
    const faults = faultsOf(`name: w\nparams:\n${levels}tasks: {a: {type: script}}\n`);
    expect(new Set(faults.map(({ message }) => message))).toEqual(
      new Set(['expected at most 64 levels of maps and lists, came more']),
    );
  });

  test.each(['[', '- ', '{a: ', '? '])('100,000 times "%s" is refused at once', (piece) => {
    expect(faultsOf(piece.repeat(100_000))).toMatchObject([
      { code: 'SYNTAX', message: 'expected at most 64 levels of maps and lists, came more' },
    ]);
  });

  test('a text above 4 MiB is refused', () => {
    expect(faultsOf(`name: w\n${'# filling\n'.repeat(500_000)}`)).toMatchObject([
      { code: 'TEXT_TOO_LARGE', message: 'expected a text of at most 4 MiB, came 4.8 MiB' },
    ]);
  });

  test('of very many faults the first 200 are told, and how many remain', () => {
    const tasks = Array.from({ length: 300 }, (_, i) => `  t${i}: {type: script, needs: gone${i}}\n`).join('');
    const faults = faultsOf(head + tasks);
    expect(faults).toHaveLength(201);
    expect(faults.at(-1)).toMatchObject({ code: 'MORE_FAULTS', message: '100 more faults are not shown' });
  });

  test('lines are counted with CRLF too', () => {
    expect(linesOf('name: w\r\ntasks:\r\n  a: {type: script, x: 1}\r\n')[0]).toMatch(/^3:21 UNKNOWN_FIELD tasks.a.x/);
  });
});
