// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** Faults of parameters, times and zones that a definition shows by itself. */
import { describe, expect, it } from 'vitest';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';

function faultsIn(text: string): string[] {
  const parsed = parseDefinition(text, 'w.yaml');
  return parsed.kind === 'ok' ? [] : parsed.faults.map(({ path, message }) => `${path}: ${message}`);
}

const step = '\ntasks: { a: { type: shell, command: x } }';

describe('a definition', () => {
  it.each([
    [
      'a circle',
      `params: { a: '\${b}', b: '\${a}' }${step}`,
      'params.a: parameters refer to each other in a circle: a -> b -> a',
    ],
    [
      'a parameter of itself',
      `params: { a: 'x\${a}' }${step}`,
      'params.a: parameters refer to each other in a circle: a -> a',
    ],
    [
      'a circle through a task',
      `params: { a: '\${b}', b: x }\ntasks: { t: { type: shell, command: x, params: { b: '\${a}' } } }`,
      'tasks.t.params.b: parameters refer to each other in a circle: b -> a -> b',
    ],
    [
      'a wrong time',
      `params: { a: '$[month_begin(yyyy)]' }${step}`,
      'params.a: $[month_begin(yyyy)]: month_begin needs a number',
    ],
    [
      'a wrong time in a variable',
      "tasks: { t: { type: shell, command: x, env: { A: '$[foo(yyyy)]' } } }",
      'tasks.t.env: $[foo(yyyy)]: there is no time function "foo"',
    ],
    [
      'a wrong time in a request',
      "tasks: { t: { type: http, method: POST, url: 'http://x', body: { a: '$[yyyyMMdd+1/0]' } } }",
      'tasks.t.body: $[yyyyMMdd+1/0]: a part of a day is divided by zero',
    ],
    ['an unknown zone', `timeZone: Europe/Atlantis${step}`, 'timeZone: there is no such time zone'],
  ])('with %s is refused', (_name, rest, fault) => {
    expect(faultsIn(`name: w\n${rest}`)).toEqual([expect.stringContaining(fault)]);
  });

  it.each([
    [
      'references to what only a run knows',
      `params: { a: '\${version} \${needs.b.c} \${system.datetime}', b: '\${a}' }${step}`,
    ],
    ['plain dollars', `params: { a: '$\${a}', b: '$$[foo(x)]', c: '$[0]' }${step}`],
    ['a secret', `params: { a: { secret: b }, b: '\${a}' }${step}`],
    ['a zone', `timeZone: Asia/Shanghai${step}`],
  ])('with %s is taken', (_name, rest) => {
    expect(faultsIn(`name: w\n${rest}`)).toEqual([]);
  });

  it('that came over the wire is checked too', () => {
    const tasks = [{ ...taskOf('t'), params: { b: '$[foo(yyyy)]' } }];
    const definition = { ...workflowOf(tasks), params: { a: '${a}' }, timeZone: 'Europe/Atlantis' };
    const result = checkDefinition(definition);
    expect(result.kind === 'faults' && result.faults.map(({ path }) => path)).toEqual([
      'timeZone',
      'params.a',
      'tasks[0].params.b',
    ]);
  });
});
