/** What is done to whom: a fixed number of kills and freezes, spread over masters and workers, and restarts of the servers. */
import type { SeededRandom } from '../kit/seeded-random.ts';

export type Harm =
  | { kind: 'kill'; victim: string }
  | { kind: 'freeze'; victim: string; forMs: number }
  | { kind: 'restartServer'; victim: 'store' | 'nats' };

export type ChaosOptions = {
  seed: string;
  masterKills: number;
  workerKills: number;
  freezes: number;
  freezeMs: number;
  serverRestarts: number;
};

export const masters = ['master-1', 'master-2', 'master-3'];
export const workers = ['worker-1', 'worker-2', 'worker-3'];

/** All of it in a random order; freezes early, since they take long. */
export function planOfHarm(options: ChaosOptions, random: SeededRandom): Harm[] {
  const kills: Harm[] = [
    ...repeat(options.masterKills, (): Harm => ({ kind: 'kill', victim: random.pick(masters) })),
    ...repeat(options.workerKills, (): Harm => ({ kind: 'kill', victim: random.pick(workers) })),
    ...repeat(
      options.serverRestarts,
      (index): Harm => ({ kind: 'restartServer', victim: index % 2 === 0 ? 'store' : 'nats' }),
    ),
  ];
  const freezes = repeat(options.freezes, (index): Harm => {
    const victim = random.pick(index % 2 === 0 ? masters : workers);
    return { kind: 'freeze', victim, forMs: options.freezeMs };
  });
  return [...freezes, ...shuffled(kills, random)];
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
