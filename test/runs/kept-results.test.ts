/** The index of results: made from what the journal tells, in any number of tellings, and bounded. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptIdSchema, type CacheKey, instanceIdSchema, taskNameSchema } from '../../schemas/ids.ts';
import type { KeptResult, RunIndex } from '../../src/runs/run-index.port.ts';
import { resultsKeptMax } from '../../src/runs/sqlite-kept-results.ts';
import { openRunIndex } from '../../src/runs/sqlite-run-index.adapter.ts';

const ids = '00000000-0000-4000-8000-000000000001';
const keyOf = (number: number) => String(number).padStart(64, '0') as CacheKey;

function resultOf(number: number, finishedAt: number, ttlMs = 1_000): KeptResult {
  const source = {
    instance: instanceIdSchema.parse(ids),
    task: taskNameSchema.parse('a'),
    attemptId: attemptIdSchema.parse(ids),
    finishedAt,
  };
  return { cacheKey: keyOf(number), source, expiresAt: finishedAt + ttlMs, outputs: { number, finishedAt } };
}

let index: RunIndex;
beforeEach(() => {
  index = openRunIndex(':memory:');
});
afterEach(() => index.close());

const keep = (...results: KeptResult[]) =>
  index.apply(
    results.map((result) => ({ kind: 'resultKept', result })),
    undefined,
  );

describe('kept results', () => {
  it('are found by their key', () => {
    keep(resultOf(1, 10), resultOf(2, 20));
    expect(index.result(keyOf(2))).toEqual(resultOf(2, 20));
    expect(index.result(keyOf(3))).toBeUndefined();
  });

  it('of one key are the newest, in whatever order they are told', () => {
    keep(resultOf(1, 20), resultOf(1, 10), resultOf(1, 20));
    expect(index.result(keyOf(1))).toEqual(resultOf(1, 20));
  });

  it('go when a newer one was kept after they expired', () => {
    keep(resultOf(1, 10, 5), resultOf(2, 14));
    expect(index.result(keyOf(1))).toBeDefined();
    keep(resultOf(3, 15));
    expect(index.result(keyOf(1))).toBeUndefined();
  });

  it('are no more than so many: those that expire first go', () => {
    const all = Array.from({ length: resultsKeptMax + 500 }, (_, number) => resultOf(number, 1_000 + number, 1e9));
    keep(...all);
    expect(index.result(keyOf(0))).toBeUndefined();
    expect(index.result(keyOf(499))).toBeUndefined();
    expect(index.result(keyOf(500))).toBeDefined();
  });
});
