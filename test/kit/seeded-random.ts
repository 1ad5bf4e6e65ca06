/** Random numbers from a printed seed. `E2E_SEED=<seed>` repeats a run's choices. */

export type SeededRandom = {
  readonly seed: number;
  /** In [min, max). */
  between(min: number, max: number): number;
  integer(min: number, maxInclusive: number): number;
  chance(probability: number): boolean;
  pick<T>(values: readonly T[]): T;
};

export function seededRandom(what: string): SeededRandom {
  const seed = Number(process.env.E2E_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.info(`${what}: E2E_SEED=${seed}`);
  const next = mulberry32(seed);
  const between = (min: number, max: number): number => min + next() * (max - min);
  const integer = (min: number, maxInclusive: number): number => Math.floor(between(min, maxInclusive + 1));
  return {
    seed,
    between,
    integer,
    chance: (probability) => next() < probability,
    pick: (values) => {
      const picked = values[integer(0, values.length - 1)];
      if (picked === undefined) throw new Error('there is nothing to pick from');
      return picked;
    },
  };
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
