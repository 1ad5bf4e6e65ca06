import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, entries, type PersistentVector, vectorOf, withAt } from '../../actors/kit/persistent-vector.ts';

const lengths = [0, 1, 31, 32, 33, 1_023, 1_024, 1_025, 32_768, 40_000];
const range = (length: number) => Array.from({ length }, (_, index) => index);
const listOf = <T>(vector: PersistentVector<T>) => [...entries(vector)].map(([, item]) => item);

/** Every array of the tree; a shared one is the same object in two vectors. */
function arraysOf(vector: PersistentVector<unknown>): Set<unknown> {
  const found = new Set<unknown>();
  const visit = (node: unknown, level: number) => {
    found.add(node);
    if (level > 0) for (const child of node as unknown[]) visit(child, level - 1);
  };
  visit(vector.root, vector.depth);
  return found;
}

describe('the persistent vector', () => {
  it.each(lengths)('of %i entries holds what it was made of', (length) => {
    expect(listOf(vectorOf(range(length)))).toEqual(range(length));
  });

  it('behaves as a plain array under changes, and leaves every earlier version as it was', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.string()), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_200 }), changes, (length, list) => {
        let plain: unknown[] = range(length);
        let vector: PersistentVector<unknown> = vectorOf(plain);
        for (const [place, item] of list) {
          const index = place % length;
          const earlier = vector;
          vector = withAt(vector, index, item);
          expect(at(earlier, index)).toBe(plain[index]);
          plain = plain.with(index, item);
        }
        expect(listOf(vector)).toEqual(plain);
      }),
    );
  });

  it.each(lengths.filter((length) => length > 0))('of %i entries copies one array per level for a change', (length) => {
    const before = vectorOf<number>(range(length));
    const shared = arraysOf(before);
    const copied = [...arraysOf(withAt(before, length - 1, -1))].filter((array) => !shared.has(array));
    expect(copied.length).toBe(before.depth + 1);
    for (const array of copied) expect((array as unknown[]).length).toBeLessThanOrEqual(32);
  });

  it('is the same after it was written as JSON and read', () => {
    const vector = withAt(vectorOf<number>(range(1_100)), 1_050, -1);
    const again = JSON.parse(JSON.stringify(vector)) as PersistentVector<number>;
    expect(again).toEqual(vector);
    expect(listOf(withAt(again, 3, -3))).toEqual(range(1_100).with(1_050, -1).with(3, -3));
  });

  it.each([-1, 5, 0.5, Number.NaN])('refuses the index %d', (index) => {
    const vector = vectorOf(range(5));
    expect(() => at(vector, index)).toThrow(RangeError);
    expect(() => withAt(vector, index, 0)).toThrow(RangeError);
  });
});
