/**
 * Runs the simulation from the command line.
 *
 *   run-sim.ts --seed 42                    one seed, its hash and its verdict
 *   run-sim.ts --seeds 1..100000 --minutes 60 --workers 2
 *
 * A failing seed prints the command that repeats it, and leaves in a folder (`--out`, default `sim-failures`) its
 * definitions, events and trace as JSON Lines, and beside them each of its runs as a file for `millrace replay`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BatchTotal, runBatch } from './sim-batch.ts';
import { runFilesOf } from './sim-run-files.ts';
import { type SimResult, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..1000' },
    minutes: { type: 'string', default: '60' },
    workers: { type: 'string', default: '1' },
    out: { type: 'string', default: 'sim-failures' },
    trace: { type: 'boolean', default: false },
  },
});

process.exitCode = values.seed === undefined ? await runMany() : await runOne(Number(values.seed));

async function runOne(seed: number): Promise<number> {
  const result = await simulate({ seed, isRecording: true });
  if (values.trace) for (const { at, kind, what } of result.trace) console.log(at.toFixed(3), kind, what);
  const { virtualMs, eventCount, runCount, ghostStartCount, traceHash } = result;
  const hours = (virtualMs / 3_600_000).toFixed(3);
  console.log(`seed ${seed}: trace ${traceHash}, ${eventCount} events in ${hours} virtual hours, ${runCount} runs`);
  console.log(`faults: ${JSON.stringify(result.faults)}; ghost starts: ${ghostStartCount}`);
  if (result.breaches.length === 0) return 0;
  await tell(result);
  return 1;
}

async function runMany(): Promise<number> {
  const [from = 1, to = from] = values.seeds.split('..').map(Number);
  const startedAt = Date.now();
  const total = await runBatch({
    from,
    to,
    deadlineAt: startedAt + Number(values.minutes) * 60_000,
    workerCount: Number(values.workers),
    onProgress: (sofar) => console.log(summary(sofar, startedAt)),
    onFailure: async (seed) => {
      await tell(await simulate({ seed, isRecording: true }));
    },
  });
  console.log(summary(total, startedAt));
  return total.failureCount === 0 ? 0 : 1;
}

function summary(total: Readonly<BatchTotal>, startedAt: number): string {
  const seconds = (Date.now() - startedAt) / 1_000;
  const hours = total.virtualMs / 3_600_000;
  return (
    `${total.seedCount} seeds, ${total.failureCount} failed; ${(total.seedCount / seconds).toFixed(1)} seeds/s, ` +
    `${(hours / seconds).toFixed(2)} virtual hours/s, ${hours.toFixed(1)} virtual hours, ${total.runCount} runs, ` +
    `${total.eventCount} events, ${total.ghostStartCount} ghost starts`
  );
}

async function tell(result: SimResult): Promise<void> {
  const { seed, breaches, definitions, streams, trace, faults } = result;
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, `seed-${seed}.jsonl`);
  const lines = [
    { seed, breaches, faults },
    ...definitions.map((definition) => ({ definition })),
    ...streams,
    ...trace,
  ];
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const folder = join(values.out, `seed-${seed}`);
  mkdirSync(folder, { recursive: true });
  for (const { instance, text } of await runFilesOf(result)) writeFileSync(join(folder, `${instance}.jsonl`), text);
  console.log(`seed ${seed} failed; repeat it: node --import tsx test/sim/run-sim.ts --seed ${seed} --trace (${file})`);
  for (const { invariant, at, message } of breaches.slice(0, 5)) {
    console.log(`  ${invariant} at ${at.toFixed(1)}: ${message.slice(0, 600)}`);
  }
}
