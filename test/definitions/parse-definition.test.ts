import { expect, test } from 'vitest';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

function definitionOf(text: string) {
  const parsed = parseDefinition(text, 'workflow.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults, null, 2));
  return parsed.definition;
}

test('a short workflow gets every default', () => {
  const definition = definitionOf('name: hello\ntasks:\n  greet: {type: shell, command: echo hi}\n');
  expect(definition).toEqual({
    name: 'hello',
    params: {},
    failurePolicy: 'continue',
    tasks: [
      {
        name: 'greet',
        needs: [],
        settings: { type: 'shell', command: 'echo hi', graceMs: 5_000 },
        retry: { attempts: 1, delayMs: 1_000, backoff: 2, delayMaxMs: 300_000, jitter: 0.1 },
        workerGroup: 'default',
        priority: 'medium',
        env: {},
      },
    ],
  });
});

test('a full workflow keeps what was written, durations in milliseconds', () => {
  const definition = definitionOf(`
name: full
description: All fields.
params: {region: eu, day: null, limits: {rows: [1, 2.5]}}
failurePolicy: end
tasks:
  fetch:
    type: http
    description: Get it.
    method: POST
    url: https://example.org/x
    headers: {accept: text/plain}
    body: {q: [1]}
    expectStatus: [200, 3xx]
    retry: {attempts: 4, delay: 10m, backoff: 1.5, jitter: 0}
    timeout: 1h30m
    workerGroup: big
    priority: highest
    env: {A: "1"}
  pause: {type: wait, needs: fetch, duration: 1.5s, retry: 3}
  alarm: {type: wait, needs: [fetch, pause], until: "2030-01-31T08:00:00+01:00"}
  play:
    type: script
    ledger: /tmp/ledger
    steps: [{result: fail, after: 20ms, message: no}, {result: succeed, outputs: {x: 1}}]
  plain: {type: script}
`);
  const [fetch, pause, alarm, play, plain] = definition.tasks;
  expect(definition.params).toEqual({ region: 'eu', day: null, limits: { rows: [1, 2.5] } });
  expect(definition.failurePolicy).toBe('end');
  expect(fetch).toEqual({
    name: 'fetch',
    description: 'Get it.',
    needs: [],
    settings: {
      type: 'http',
      method: 'POST',
      url: 'https://example.org/x',
      headers: { accept: 'text/plain', 'content-type': 'application/json' },
      body: '{"q":[1]}',
      expectStatus: ['200', '3xx'],
    },
    retry: { attempts: 4, delayMs: 600_000, backoff: 1.5, delayMaxMs: 600_000, jitter: 0 },
    timeoutMs: 5_400_000,
    workerGroup: 'big',
    priority: 'highest',
    env: { A: '1' },
  });
  expect(pause?.needs).toEqual(['fetch']);
  expect(pause?.retry.attempts).toBe(3);
  expect(pause?.settings).toEqual({ type: 'wait', durationMs: 1_500 });
  expect(alarm?.settings).toEqual({ type: 'wait', untilAt: Date.UTC(2030, 0, 31, 7) });
  expect(play?.settings).toEqual({
    type: 'script',
    ledger: '/tmp/ledger',
    steps: [
      { result: 'fail', afterMs: 20, outputs: {}, message: 'no' },
      { result: 'succeed', afterMs: 0, outputs: { x: 1 } },
    ],
  });
  expect(plain?.settings).toEqual({ type: 'script', steps: [{ result: 'succeed', afterMs: 0, outputs: {} }] });
});

test('the same workflow in JSON, with tabs, is the same definition', () => {
  const source = { name: 'same', tasks: { a: { type: 'wait', duration: '1s' }, b: { type: 'script', needs: ['a'] } } };
  const yaml = 'name: same\ntasks:\n  a:\n    type: wait\n    duration: 1s\n  b:\n    type: script\n    needs: [a]\n';
  expect(definitionOf(JSON.stringify(source, null, '\t'))).toEqual(definitionOf(yaml));
  expect(definitionOf(JSON.stringify(source))).toEqual(definitionOf(yaml));
});

test('anchors and aliases stand for what they name', () => {
  const definition = definitionOf(
    'name: shared\ntasks:\n  a: {type: wait, duration: 1s, retry: &r {attempts: 3}}\n  b: {type: script, retry: *r}\n',
  );
  expect(definition.tasks[1]?.retry).toEqual(definition.tasks[0]?.retry);
});

test('a wait may be given as text that YAML would take for a date', () => {
  const definition = definitionOf('name: w\ntasks:\n  a: {type: wait, until: 2030-01-31T07:00:00Z}\n');
  expect(definition.tasks[0]?.settings).toEqual({ type: 'wait', untilAt: Date.UTC(2030, 0, 31, 7) });
});

test('a chain of 20,000 tasks is parsed', () => {
  const tasks = Array.from({ length: 20_000 }, (_, i) => `  t${i}: {type: script${i > 0 ? `, needs: t${i - 1}` : ''}}`);
  expect(definitionOf(`name: chain\ntasks:\n${tasks.join('\n')}\n`).tasks).toHaveLength(20_000);
});

test('what becomes of a task whose worker is lost is kept; the default is left out, so that digests stay', () => {
  const definition = definitionOf(`
name: lost
tasks:
  a: {type: script}
  b: {type: script, onWorkerLost: retry}
  c: {type: script, onWorkerLost: wait}
  d: {type: script, onWorkerLost: wait, workerReturnLimit: 1h}
  e: {type: script, onWorkerLost: fail}
  f: {type: script, onWorkerLost: ask}
`);
  expect(definition.tasks.map(({ onWorkerLost }) => onWorkerLost)).toEqual([
    undefined,
    undefined,
    { policy: 'wait', returnLimitMs: 300_000 },
    { policy: 'wait', returnLimitMs: 3_600_000 },
    { policy: 'fail' },
    { policy: 'ask' },
  ]);
  expect(definition.tasks[1]).not.toHaveProperty('onWorkerLost');
});
