/** The expression language: what it computes, what it refuses, and that it always ends with an answer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkExpression, evaluateExpression } from '../../../actors/expressions/expression.ts';
import type { JsonRecord, JsonValue } from '../../../schemas/json.ts';

const variables: JsonRecord = {
  params: {
    target: 'prod',
    count: 3,
    ratio: 0.5,
    list: [1, 2, { a: 1 }],
    nothing: null,
    odd: { constructor: 1, __proto__x: 2 },
    empty: {},
  },
  tasks: {
    build: { status: 'succeeded', outputs: { version: '1.4.2', size: 12 } },
    'unit-test': { status: 'failed', fault: { code: 'TASK_EXIT_NONZERO', message: 'exit 3' } },
  },
  item: { a: 1 },
};

describe('an expression', () => {
  const values: [string, JsonValue][] = [
    ['params.target == "prod"', true],
    ['params.count + 1', 4],
    ['params.count / 2', 1],
    ['params.count / 2.0', 1.5],
    ['params.count * params.ratio', 1.5],
    ['params.count > 2.5', true],
    ['1 == 1.0 && 1.0 == 1', true],
    ['params.count % 2 == 1 ? "odd" : "even"', 'odd'],
    ['params.nothing == null', true],
    ['has(params.other)', false],
    ['has(params.target)', true],
    ['"target" in params', true],
    ['params.odd.constructor', 1],
    ['params.list', [1, 2, { a: 1 }]],
    ['params.list.size()', 3],
    ['params.list[2].a', 1],
    ['[1, 2, 3].map(x, x * 2)', [2, 4, 6]],
    ['[1, 2, 3].filter(x, x > 1)', [2, 3]],
    ['[1, 2].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x == 2)', true],
    ['tasks.build.status', 'succeeded'],
    ['tasks["unit-test"].fault.code', 'TASK_EXIT_NONZERO'],
    ['tasks.map(name, tasks[name].status)', ['succeeded', 'failed']],
    ['{"a": params.count, "b": [item.a, "x"]}', { a: 3, b: [1, 'x'] }],
    ['"a,b".split(",")', ['a', 'b']],
    ['["a", "b"].join("-") + "!"', 'a-b!'],
    ['"äö😀".size()', 3],
    ['cel.bind(x, params.count, x + x)', 6],
    ['9007199254740993', '9007199254740993'],
    ['18446744073709551615u', '18446744073709551615'],
    ['5u', 5],
    ['timestamp("2024-02-29T12:00:00+01:00")', '2024-02-29T11:00:00.000Z'],
    ['timestamp("2024-02-29T12:00:00Z").getFullYear()', 2024],
    ['duration("90s")', '90s'],
    ['duration("1.5s") + duration("1s")', '2.5s'],
    ['b"ab\\xff"', 'YWL/'],
    ['type(1) == int', true],
    ['type(1)', 'int'],
    ['false && 1 / 0 == 1', false],
    ['1 / 0 == 1 || true', true],
  ];
  it.each(values)('%s', (text, value) => {
    expect(checkExpression(text)).toMatchObject({ ok: true });
    expect(evaluateExpression(text, variables)).toEqual({ ok: true, value });
  });

  const faults: [string, string, number?][] = [
    ['params.other', 'No such key: other', 7],
    ['other', 'Unknown variable: other', 0],
    ['1 / 0', 'division by zero', 0],
    ['params.list[9]', 'index out of bounds'],
    ['params.target + 1', 'no such overload'],
    ['1.0 / 0.0', 'not a finite number'],
    ['params.target.matches("a")', 'no function "matches"', 0],
    ['timestamp("2024-02-29T12:00:00.000")', 'ends with its zone'],
    [`duration("${'1'.repeat(50)}")`, 'at most 40 characters'],
    ['timestamp("2024-02-29T12:00:00Z").getHours("Europe/Berlin")', 'no time zone', 0],
    ['constructor', 'Unknown variable'],
    ['params.constructor', 'No such key'],
    ['params.__proto__', 'No such key'],
    ['process.exit(1)', 'no function "exit"', 0],
  ];
  it.each(faults)('%s is a fault', (text, message, position) => {
    const result = evaluateExpression(text, variables);
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining(message) });
    if (position !== undefined) expect(result).toMatchObject({ position });
  });

  it.each([
    ['nothing', '', 'EOF'],
    ['half a sum', '1 +', 'EOF'],
    ['two names', 'a b', 'Unexpected'],
    ['an open text', '"open', 'Unterminated'],
    ['an assignment', 'a = 1', 'Unexpected'],
    ['a number plus a text', '1 + "a"', 'no such overload'],
    ['an unknown function', 'foo(1)', 'no function "foo"'],
    ['200 brackets', `${'('.repeat(200)}1${')'.repeat(200)}`, 'maxDepth'],
    ['a sum of 100 numbers', Array(100).fill('1').join(' + '), 'inside each other'],
    ['5,000 characters', 'x'.repeat(5_000), 'at most 4096 characters'],
    ['1,001 elements', `[${Array(1_001).fill('1').join(',')}]`, 'max'],
  ])('%s is refused when it is checked', (_name, text, message) => {
    expect(checkExpression(text)).toMatchObject({ ok: false, message: expect.stringContaining(message) });
    expect(evaluateExpression(text, variables).ok).toBe(false);
  });
});

describe('an expression that would not end, or grow without limit', () => {
  const long = `[${Array(400).fill('1').join(',')}]`;
  const doubling = (seed: string, count: number, step: string) =>
    `${Array.from({ length: count }, (_, n) => `cel.bind(v${n + 1}, ${step.replaceAll('v', n === 0 ? seed : `v${n}`)}, `).join('')}v${count} == v${count}${')'.repeat(count)}`;
  it.each([
    ['nested loops', `${long}.map(a, ${long}.map(b, ["x"].map(c, [a, b].map(d, [d].map(e, e)))))`],
    ['a loop over all combinations', 'params.l.all(a, params.l.all(b, params.l.all(c, a + b + c >= 0)))'],
    [
      'a loop that swallows errors',
      'params.l.exists(a, params.l.exists(b, params.l.exists(c, a + b + c < 0))) || true',
    ],
    ['text that doubles', doubling('"0123456789"', 28, 'v + v')],
    ['lists that double', doubling('[1]', 28, 'v + v')],
    ['lists of lists', doubling('[1]', 28, '[v, v]')],
  ])('%s is given up after its budget', (_name, text) => {
    const started = performance.now();
    const result = evaluateExpression(text, { params: { l: Array.from({ length: 2_000 }, (_, n) => n) } });
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining('takes more than') });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('reads of the variables only what is named', () => {
    const tasks = new Proxy({ a: { status: 'succeeded' } } as JsonRecord, {
      ownKeys: () => {
        throw new Error('listed');
      },
    });
    expect(evaluateExpression('tasks.a.status', { tasks })).toEqual({ ok: true, value: 'succeeded' });
  });

  it('refuses variables and results that are nested too deeply', () => {
    let deep: JsonValue = 1;
    for (let n = 0; n < 5_000; n++) deep = [deep];
    expect(evaluateExpression('params.deep', { params: { deep } })).toMatchObject({ ok: false });
  });
});

describe('any text', () => {
  const token = fc.constantFrom(
    ...[
      'params',
      'tasks',
      '.',
      'a',
      '[',
      ']',
      '(',
      ')',
      '+',
      '-',
      '*',
      '/',
      '==',
      '<',
      '&&',
      '||',
      '!',
      '?',
      ':',
      '"x"',
      '1',
    ],
    ...[
      '2.5',
      'true',
      'null',
      '{',
      '}',
      ',',
      ' in ',
      'has',
      'size',
      '.map(x, x)',
      '.exists(x, x == 1)',
      'cel.bind',
      'u',
      '\n',
      '"',
    ],
  );
  it('has one answer, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(token).map((parts) => parts.join('')),
        ),
        fc.jsonValue(),
        (text, value) => {
          const given = { params: { a: value as JsonValue }, tasks: {} };
          checkExpression(text);
          const first = evaluateExpression(text, given);
          expect(evaluateExpression(text, given)).toEqual(first);
          if (first.ok) expect(JSON.parse(JSON.stringify(first.value))).toEqual(first.value);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('gives variables back as they were', () => {
    const json = fc.jsonValue({ depthSize: 'small' }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);
    fc.assert(
      fc.property(json, (value) => {
        expect(evaluateExpression('params.value', { params: { value } })).toEqual({ ok: true, value });
      }),
    );
  });
});
