// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** Which value a parameter has, how texts are filled, and what becomes of circles, secrets and foreign text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInsOf, lateBuiltIns } from '../../../actors/params/built-ins.ts';
import { entriesOf, type ParamLayers } from '../../../actors/params/param-layers.ts';
import { ParamScope } from '../../../actors/params/param-scope.ts';
import { fillText, fillValue, type Looked } from '../../../actors/params/placeholder.ts';
import type { JsonRecord, JsonValue } from '../../../schemas/json.ts';

const time = { at: Date.parse('2024-02-29T12:34:56Z'), zone: 'UTC' };
const names = { workflow: 'flow', instance: 'run-1', task: 'step', attemptId: 'attempt-1' };

function scopeOf(layers: Partial<ParamLayers>, secrets?: Record<string, string>): ParamScope {
  const whole = { defaults: {}, needs: {}, local: {}, start: {}, ...layers };
  return new ParamScope({
    entries: entriesOf(whole),
    needs: whole.needs,
    builtIns: builtInsOf({ time, ...names }),
    lateNames: lateBuiltIns,
    time,
    ...(secrets === undefined ? {} : { secretOf: (name: string) => secrets[name] }),
  });
}

const valueIn = (layers: Partial<ParamLayers>, name = 'p'): unknown => textOf(scopeOf(layers).lookup(name));
const textOf = (looked: Looked): unknown =>
  looked.kind === 'value' ? looked.value : looked.kind === 'late' ? 'late' : looked.fault.code;

describe('the value of a parameter', () => {
  it.each<[string, Partial<ParamLayers>, JsonValue]>([
    ['a default of the workflow', { defaults: { p: 'd' } }, 'd'],
    ['an output goes before a default', { defaults: { p: 'd' }, needs: { a: { p: 'o' } } }, 'o'],
    ['an output that nobody declares', { needs: { a: { p: 'o' } } }, 'o'],
    ['a local one goes before an output', { defaults: { p: 'd' }, needs: { a: { p: 'o' } }, local: { p: 'l' } }, 'l'],
    [
      'the submission goes before all',
      { defaults: { p: 'd' }, needs: { a: { p: 'o' } }, local: { p: 'l' }, start: { p: 's' } },
      's',
    ],
    ['an empty local one gives way', { needs: { a: { p: 'o' } }, local: { p: '' } }, 'o'],
    ['a local null gives way to a default', { defaults: { p: 'd' }, local: { p: null } }, 'd'],
    ['an empty local one alone is empty', { local: { p: '' } }, ''],
    ['an empty output gives way to a default', { defaults: { p: 'd' }, needs: { a: { p: '' } } }, 'd'],
    ['of several outputs the first that finished', { needs: { b: { p: 1 }, a: { p: 2 } } }, 1],
    ['of several outputs one that is not empty', { needs: { b: { p: null }, a: { p: 2 } } }, 2],
    ['false and 0 are values', { needs: { b: { p: false }, a: { p: 2 } } }, false],
    ['nothing', {}, 'PARAM_MISSING'],
    ['a local null alone is nothing', { local: { p: null } }, 'PARAM_MISSING'],
  ])('%s', (_name, layers, value) => {
    expect(valueIn(layers)).toEqual(value);
  });

  it.each([
    ['system.biz.date', '20240228'],
    ['system.biz.curdate', '20240229'],
    ['system.datetime', '20240229123456'],
    ['system.task.instance.id', 'attempt-1'],
    ['system.task.definition.name', 'step'],
    ['system.task.definition.code', 'step'],
    ['system.workflow.instance.id', 'run-1'],
    ['system.workflow.definition.name', 'flow'],
    ['system.workflow.definition.code', 'flow'],
    ['system.task.execute.path', 'late'],
    ['system.project.name', 'PARAM_MISSING'],
  ])('the built-in %s', (name, value) => {
    expect(valueIn({}, name)).toBe(value);
  });
});

describe('any layers', () => {
  const value = fc.constantFrom<JsonValue>(null, '', 'x', 0, false, 'y');
  const layer = fc.option(value, { nil: undefined });
  const isEmpty = (one: JsonValue | undefined) => one === undefined || one === null || one === '';

  /** In plain words: the highest layer with a value; else the highest one that is empty. */
  function expected(
    first: JsonValue | undefined,
    outputs: (JsonValue | undefined)[],
    local: JsonValue | undefined,
    start: JsonValue | undefined,
  ) {
    if (start !== undefined && start !== null) return start;
    for (const one of [local, ...outputs]) if (one !== undefined && !isEmpty(one)) return one;
    if (first !== undefined && first !== null) return first;
    const empty = [local ?? undefined, ...outputs].find((one) => one !== undefined);
    return empty === undefined ? 'PARAM_MISSING' : empty;
  }

  it('give the value that the order says', () => {
    fc.assert(
      fc.property(layer, fc.array(layer, { maxLength: 3 }), layer, layer, (first, outputs, local, start) => {
        const record = (one: JsonValue | undefined): JsonRecord => (one === undefined ? {} : { p: one });
        const needs = Object.fromEntries(outputs.map((one, index) => [`t${index}`, record(one)]));
        const found = valueIn({ defaults: record(first), needs, local: record(local), start: record(start) });
        expect(found).toBe(expected(first, outputs, local, start));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('references', () => {
  it('go on from one parameter to the next and keep types', () => {
    const defaults = { p: '${q}', q: '${r}', r: { a: [1, '${s}', 'is ${s}'] }, s: true };
    expect(valueIn({ defaults })).toEqual({ a: [1, true, 'is true'] });
  });

  it('write values that are not text as JSON inside of text', () => {
    expect(valueIn({ defaults: { p: 'x=${q}, y=${r}', q: { a: 1 }, r: 'text' } })).toBe('x={"a":1}, y=text');
  });

  it('reach outputs, times and built-ins', () => {
    const needs = { build: { version: '1.4', 'a.b': 2 } };
    const p = '${version} ${needs.build.version} ${needs.build.a.b} $[yyyyMMdd-1] ${system.biz.curdate} ${ version }';
    expect(valueIn({ defaults: { p }, needs })).toBe('1.4 1.4 2 20240228 20240229 1.4');
  });

  it('are plain with two dollars, and what is no time stays', () => {
    const p = '$${a} $$[yyyy] $[0] $[*] $[?(@.a == 1)] $5 $(x) ${}{';
    expect(valueIn({ defaults: { p, '': 'none' } })).toBe('${a} $[yyyy] $[0] $[*] $[?(@.a == 1)] $5 $(x) none{');
  });

  it.each<[string, JsonRecord, string]>([
    ['a parameter of itself', { p: '${p}' }, 'p -> p'],
    ['a circle', { p: '${q}', q: 'x${r}', r: ['${p}'] }, 'p -> q -> r -> p'],
    ['a way into a circle', { p: '${q}', q: '${r}', r: '${q}' }, 'q -> r -> q'],
  ])('in a circle are a fault: %s', (_name, defaults, circle) => {
    const looked = scopeOf({ defaults }).lookup('p');
    expect(looked).toMatchObject({
      kind: 'fault',
      fault: { code: 'PARAM_CIRCULAR', message: expect.stringContaining(circle) },
    });
  });

  it('end after a hundred', () => {
    const defaults = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`p${n}`, `\${p${n + 1}}`]));
    expect(valueIn({ defaults }, 'p0')).toBe('PARAM_CIRCULAR');
  });

  it('do not grow without limit', () => {
    const texts = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, `\${p${n + 1}}\${p${n + 1}}`]));
    expect(valueIn({ defaults: { ...texts, p60: '0123456789' } }, 'p0')).toBe('PARAM_TOO_LARGE');
    const lists = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`p${n}`, [`\${p${n + 1}}`, `\${p${n + 1}}`]]),
    );
    expect(valueIn({ defaults: { ...lists, p60: 'x' } }, 'p0')).toBe('PARAM_TOO_LARGE');
  });

  it('with a wrong time are a fault that says which', () => {
    const looked = scopeOf({ defaults: { p: '$[foo(yyyyMMdd)]' } }).lookup('p');
    expect(looked).toMatchObject({
      kind: 'fault',
      fault: { code: 'TIME_EXPRESSION_INVALID', message: expect.stringContaining('foo') },
    });
  });
});

describe('foreign text', () => {
  it('in outputs is taken as it is', () => {
    const layers = { defaults: { q: 'x', p: '${o}' }, needs: { a: { o: '${q} $[yyyy] $${', s: { secret: 'key' } } } };
    const scope = scopeOf(layers, { key: 'hidden' });
    expect(textOf(scope.lookup('p'))).toBe('${q} $[yyyy] $${');
    expect(textOf(scope.lookup('s'))).toEqual({ secret: 'key' });
  });
});

describe('parameters of a child run', () => {
  it('may hold outputs of another run: they are taken as they are, but for secrets', () => {
    const start = { p: '${q} $[yyyy]', token: { secret: 'key' } };
    const layers = { defaults: { q: 'x', r: '${p}' }, start, isStartForeign: true };
    expect(valueIn(layers, 'r')).toBe('${q} $[yyyy]');
    expect(valueIn(layers, 'token')).toBe('late');
  });
});

describe('secrets', () => {
  const defaults = { token: { secret: 'key' }, header: 'Bearer ${token}', other: 'x', chained: '${header}' };
  it('and what leads to them are late where they are not known', () => {
    for (const name of ['token', 'header', 'chained']) expect(valueIn({ defaults }, name)).toBe('late');
    expect(valueIn({ defaults }, 'other')).toBe('x');
  });

  it('are text where they are known', () => {
    const scope = scopeOf({ defaults }, { key: 'a$b${other}' });
    expect(textOf(scope.lookup('chained'))).toBe('Bearer a$b${other}');
  });

  it('that are unknown are a fault that names parameter and secret', () => {
    const looked = scopeOf({ defaults }, {}).lookup('header');
    expect(looked).toMatchObject({
      kind: 'fault',
      fault: { code: 'SECRET_UNKNOWN', message: expect.stringMatching(/token.*key/) },
    });
  });
});

describe('any text', () => {
  const lookup = (name: string): Looked => ({ kind: 'value', value: `<${name}>` });
  it('without dollars stays as it is, also inside of lists and maps', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value).replaceAll('$', '')) as JsonValue;
        expect(fillValue(json, { lookup, time })).toEqual({ kind: 'value', value: json });
      }),
    );
  });

  it('comes out again when its dollars are doubled', () => {
    const part = fc.constantFrom('$', '${', '}', '$[', ']', 'yyyy', 'a', ' ', '{', '[');
    fc.assert(
      fc.property(
        fc.array(part).map((parts) => parts.join('')),
        (text) => {
          const escaped = text.replaceAll(/\$(?=[{[])/g, '$$$$');
          expect(fillText(escaped, { lookup, time })).toEqual({ kind: 'value', value: text });
        },
      ),
    );
  });

  it('is filled from left to right, once', () => {
    expect(fillText('${a}${b}', { lookup: (name) => ({ kind: 'value', value: name === 'a' ? '${b}' : 'x' }) })).toEqual(
      {
        kind: 'value',
        value: '${b}x',
      },
    );
  });
});
