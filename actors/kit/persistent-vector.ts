/**
 * A vector that shares what it does not change: `with` copies at most a path of small arrays, so that one changed task of
 * ten thousand costs the same as one of ten. It is plain JSON: nested arrays of at most 32 entries.
 */

const bits = 5;
const width = 1 << bits;
const mask = width - 1;

type Node<T> = T[] | Node<T>[];

export type PersistentVector<T> = {
  readonly length: number;
  /** Levels of inner arrays above the leaves. */
  readonly depth: number;
  readonly root: Node<T>;
};

export function vectorOf<T>(items: readonly T[]): PersistentVector<T> {
  let level: Node<T>[] = chunk(items);
  let depth = 0;
  while (level.length > 1) {
    level = chunk(level as T[]) as Node<T>[];
    depth += 1;
  }
  return { length: items.length, depth, root: level[0] ?? [] };
}

/** @throws RangeError outside of the vector. */
export function at<T>(vector: PersistentVector<T>, index: number): T {
  checkIndex(vector, index);
  let node = vector.root;
  for (let shift = vector.depth * bits; shift > 0; shift -= bits)
    node = (node as Node<T>[])[(index >>> shift) & mask] as Node<T>;
  return (node as T[])[index & mask] as T;
}

/** The vector with one entry replaced; the old one is unchanged. */
export function withAt<T>(vector: PersistentVector<T>, index: number, item: T): PersistentVector<T> {
  checkIndex(vector, index);
  return { length: vector.length, depth: vector.depth, root: replaced(vector.root, vector.depth * bits, index, item) };
}

export function* entries<T>(vector: PersistentVector<T>): Generator<[number, T]> {
  for (let index = 0; index < vector.length; index += 1) yield [index, at(vector, index)];
}

function replaced<T>(node: Node<T>, shift: number, index: number, item: T): Node<T> {
  const copy = node.slice() as Node<T>;
  const slot = (index >>> shift) & mask;
  if (shift === 0) (copy as T[])[slot] = item;
  else (copy as Node<T>[])[slot] = replaced((copy as Node<T>[])[slot] as Node<T>, shift - bits, index, item);
  return copy;
}

function chunk<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += width) chunks.push(items.slice(start, start + width));
  return chunks;
}

function checkIndex<T>(vector: PersistentVector<T>, index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= vector.length) {
    throw new RangeError(`index ${index} is outside of a vector of ${vector.length}`);
  }
}
