/** What is done to whom: a fixed number of kills, freezes and network cuts, spread over masters and workers, and restarts of the servers. */
import type { SeededRandom } from '../kit/seeded-random.ts';

export type Harm =
  | { kind: 'kill'; victim: string }
  | { kind: 'freeze' | 'cut'; victim: string; forMs: number }
  | { kind: 'restartServer'; victim: 'store' | 'nats' };

export type ChaosOptions = {
  seed: string;
  masterKills: number;
  workerKills: number;
  freezes: number;
  freezeMs: number;
  cuts: number;
  cutMs: number;
  serverRestarts: number;
};

export const masters = ['master-1', 'master-2', 'master-3'];
export const workers = ['worker-1', 'worker-2', 'worker-3'];

/** All of it in a random order; freezes and cuts early, since they take long. */
export function planOfHarm(options: ChaosOptions, random: SeededRandom): Harm[] {
  const kills: Harm[] = [
    ...repeat(options.masterKills, (): Harm => ({ kind: 'kill', victim: random.pick(masters) })),
    ...repeat(options.workerKills, (): Harm => ({ kind: 'kill', victim: random.pick(workers) })),
    ...repeat(
      options.serverRestarts,
      (index): Harm => ({ kind: 'restartServer', victim: index % 2 === 0 ? 'store' : 'nats' }),
    ),
  ];
  const long = (count: number, kind: 'freeze' | 'cut', forMs: number) =>
    repeat(count, (index): Harm => ({ kind, victim: random.pick(index % 2 === 0 ? masters : workers), forMs }));
  const freezes = long(options.freezes, 'freeze', options.freezeMs);
  return [...freezes, ...long(options.cuts, 'cut', options.cutMs), ...shuffled(kills, random)];
}

function repeat<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const rest = [...items];
  const mixed: T[] = [];
  while (rest.length > 0) mixed.push(...rest.splice(random.integer(0, rest.length - 1), 1));
  return mixed;
}
