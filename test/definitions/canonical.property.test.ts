/** Random definitions: valid ones pass the parser and the check, and their digest does not depend on the order of keys. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/definitions/canonical.ts';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

const duration = fc
  .tuple(fc.integer({ min: 1, max: 999 }), fc.constantFrom('ms', 's', 'm', 'h'))
  .map(([n, unit]) => `${n}${unit}`);
const settings = fc.oneof(
  fc.record({ type: fc.constant('shell'), command: fc.string({ minLength: 1 }), grace: duration }),
  fc.record({ type: fc.constant('wait'), duration }),
  fc.record({
    type: fc.constant('http'),
    url: fc.constant('https://example.org'),
    expectStatus: fc.constantFrom(200, '2xx', ['3xx', 404]),
  }),
  fc.record({
    type: fc.constant('script'),
    steps: fc.array(fc.record({ result: fc.constantFrom('succeed', 'fail') }), { minLength: 1, maxLength: 3 }),
  }),
);
const extras = fc.record(
  {
    retry: fc.oneof(
      fc.integer({ min: 1, max: 9 }),
      fc.record({ attempts: fc.integer({ min: 1, max: 9 }), delay: duration }),
    ),
    timeout: duration,
    priority: fc.constantFrom('highest', 'low'),
    env: fc.dictionary(fc.stringMatching(/^[A-Z_]{1,8}$/), fc.string(), { maxKeys: 3 }),
    delay: duration,
    queueTimeout: duration,
    enabled: fc.boolean(),
  },
  { requiredKeys: [] },
);
/** Task n may need tasks before it only: such a graph has no circle. */
const graph = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
  .map((rows) => rows.map((needs, index) => (index === 0 ? [] : [...new Set(needs.map((n) => `t${n % index}`))])));
const kinds = ['worker', 'worker', 'switch', 'conditions', 'signal', 'approval'] as const;
const source = graph.chain((graphNeeds) =>
  fc
    .array(fc.tuple(settings, extras, fc.constantFrom(...kinds)), {
      minLength: graphNeeds.length,
      maxLength: graphNeeds.length,
    })
    .map((rows) => {
      const tasks = rows.map(([own, other, kind], index) => {
        const name = `t${index}`;
        const needs = graphNeeds[index] ?? [];
        const dependants = graphNeeds.flatMap((others, at) => (others.join() === name ? [`t${at}`] : []));
        return [name, { ...(decided(kind, needs, dependants) ?? { ...own, ...other }), needs }] as const;
      });
      return { name: 'random', params: { p: null, q: [1, { r: 'x' }] }, tasks: Object.fromEntries(tasks) };
    }),
);

/** A task that no worker runs, where one of that kind fits. */
function decided(kind: (typeof kinds)[number], needs: string[], dependants: string[]): object | undefined {
  const [need] = needs;
  const [first, ...others] = dependants;
  if (kind === 'switch' && first !== undefined) {
    return { type: kind, cases: [{ when: 'params.p == 1', next: first }], otherwise: others };
  }
  if (kind === 'conditions' && need !== undefined) {
    const ends = Object.fromEntries(needs.map((name) => [name, 'failed']));
    return { type: kind, when: { any: [{ task: need, is: 'succeeded' }, ends] }, next: dependants };
  }
  if (kind === 'signal') return { type: kind, name: 'go', timeout: '5s', retry: 2 };
  return kind === 'approval' ? { type: kind, question: 'Go on?' } : undefined;
}

function definitionOf(value: unknown) {
  const parsed = parseDefinition(JSON.stringify(value), 'random.json');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  return parsed.definition;
}

/** The same value with the keys of every map the other way round. Tasks of a source keep their order: it counts. */
function reverseKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reverseKeys) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reverseKeys(inner)]),
  ) as T;
}

test('every random valid workflow passes and survives the wire', () => {
  fc.assert(
    fc.property(source, (value) => {
      const definition = definitionOf(value);
      const overTheWire: unknown = JSON.parse(JSON.stringify(definition));
      expect(checkDefinition(overTheWire)).toEqual({ kind: 'ok', definition });
    }),
    { numRuns: 200 },
  );
});

test('the digest does not depend on the order of keys', () => {
  fc.assert(
    fc.property(source, (value) => {
      const definition = definitionOf(value);
      expect(digestOf(reverseKeys(definition))).toBe(digestOf(definition));
    }),
    { numRuns: 200 },
  );
});

test('the digest changes with any command', () => {
  const first = definitionOf({ name: 'w', tasks: { a: { type: 'shell', command: 'ls' } } });
  const second = definitionOf({ name: 'w', tasks: { a: { type: 'shell', command: 'ls -l' } } });
  expect(digestOf(first)).not.toBe(digestOf(second));
});

test('the digest of a known definition never changes', () => {
  const definition = definitionOf({ name: 'w', tasks: { a: { type: 'wait', duration: '1s' } } });
  expect(digestOf(definition)).toBe('4c04a44d6abbeaf48dfa28ed9e6264961ccf50646ac8bf7238e1fcaff21c3cf7');
});
