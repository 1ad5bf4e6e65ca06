/**
 * The benchmarks of the whole: real processes, no-op tasks run by a worker process, beside floors of the same run.
 *
 *     npm run bench                      all
 *     npm run bench -- W1 W3             some
 *     MILLRACE_BENCH_PROFILE=master npm run bench -- W2      with CPU profiles of one role in ./profiles
 */
import { type BareLoopFigures, measureBareLoop } from './kit/bare-loop.ts';
import { BenchClient } from './kit/bench-client.ts';
import { type BenchProcess, type BenchServers, startBenchRole, startBenchServers } from './kit/bench-cluster.ts';
import { chain, fanOut, idle, mapped } from './kit/bench-definitions.ts';
import { type Floors, measureFloors } from './kit/floors.ts';
import { cpuSecondsOf, residentBytesOf } from './kit/process-cpu.ts';
import { type BenchRow, printRows, quantile, round } from './kit/statistics.ts';
import { measureTakeover } from './kit/takeover.ts';

type Bench = {
  servers: BenchServers;
  master: BenchProcess;
  worker: BenchProcess;
  client: BenchClient;
  loop: BareLoopFigures;
  floors: Floors;
};

const ratio = (value: number, floor: number) => `${round(value / floor)} x`;

async function measureChain({ client, loop }: Bench): Promise<BenchRow[]> {
  const length = 40;
  await client.register(chain(length));
  const times: number[] = [];
  const heard = new Map<string, number>();
  const unlisten = client.listen('TaskSucceeded', (instance, { at }) => {
    const before = heard.get(instance);
    if (before !== undefined) times.push(at - before);
    heard.set(instance, at);
  });
  for (let run = 0; run < 30; run += 1) {
    if (run === 10) times.length = 0;
    await client.whenEnded(await client.submit(`chain-${length}`));
  }
  unlisten();
  const p50 = quantile(times, 0.5);
  const value = `${round(p50)} ms p50, ${round(quantile(times, 0.99))} ms p99`;
  return [
    {
      what: 'W1 step of a 40-step chain',
      value,
      floor: `${round(loop.stepMs)} ms`,
      ratio: ratio(p50, loop.stepMs),
      goal: '<= 1.3 x',
    },
  ];
}

async function measureThroughput({ client, loop, servers, master, worker }: Bench): Promise<BenchRow[]> {
  const [runCount, length, inFlight] = [500, 10, 100];
  await client.register(chain(length));
  const pids = { master: master.pid, worker: worker.pid, store: servers.store.pid, nats: servers.natsPid };
  const runAll = async (count: number): Promise<number> => {
    let left = count;
    const startedAt = performance.now();
    const next = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await client.whenEnded(await client.submit(`chain-${length}`));
      }
    };
    await Promise.all(Array.from({ length: inFlight }, next));
    return (performance.now() - startedAt) / 1_000;
  };
  await runAll(200);
  const before = Object.entries(pids).map(([name, pid]) => [name, cpuSecondsOf(pid)] as const);
  const seconds = await runAll(runCount);
  const steps = runCount * length;
  const used = before.map(
    ([name, cpu]) => [name, ((cpuSecondsOf(pids[name as keyof typeof pids]) - cpu) * 1_000) / steps] as const,
  );
  const total = used.reduce((sum, [, cpu]) => sum + cpu, 0);
  const perSecond = steps / seconds;
  const parts = used.map(([name, cpu]) => `${name} ${round(cpu)}`).join(', ');
  return [
    {
      what: 'W2 500 runs of 10 steps, 100 in flight',
      value: `${Math.round(perSecond)} steps/s`,
      floor: `${Math.round(loop.stepsPerSecond)} steps/s`,
      ratio: ratio(perSecond, loop.stepsPerSecond),
      goal: '>= 0.6 x',
    },
    {
      what: 'W2 CPU seconds per 1,000 steps',
      value: `${round(total)} (${parts})`,
      floor: `${round(loop.cpuSecondsPer1000)} (owner)`,
    },
  ];
}

async function measureFanOut({ client }: Bench): Promise<BenchRow[]> {
  await client.register(fanOut(500));
  const times: number[] = [];
  for (let run = 0; run < 12; run += 1) {
    const receipt = await client.submit('fan-500');
    const startedAt = performance.now();
    await client.whenEnded(receipt);
    if (run >= 4) times.push(performance.now() - startedAt);
  }
  return [
    { what: 'W3 makespan of 1 -> 500 -> 1', value: `${Math.round(quantile(times, 0.5))} ms p50`, goal: '<= 250 ms' },
  ];
}

/** The cost of an item must not grow with their number: 10,000 in one run, beside 100 in each of 100 runs. */
async function measureMap({ client, master }: Bench): Promise<BenchRow[]> {
  const itemCount = 10_000;
  const costOf = async (itemCountEach: number): Promise<{ seconds: number; cpuMs: number }> => {
    await client.register(mapped(itemCountEach));
    await client.whenEnded(await client.submit(`map-${itemCountEach}`));
    const [cpuBefore, startedAt] = [cpuSecondsOf(master.pid), performance.now()];
    for (let left = itemCount; left > 0; left -= itemCountEach)
      await client.whenEnded(await client.submit(`map-${itemCountEach}`));
    const cpuMs = ((cpuSecondsOf(master.pid) - cpuBefore) * 1_000) / itemCount;
    return { seconds: (performance.now() - startedAt) / 1_000, cpuMs };
  };
  const small = await costOf(100);
  const large = await costOf(itemCount);
  const perSecond = (seconds: number) => `${Math.round(itemCount / seconds)} items/s`;
  return [
    { what: 'W6 map of 10,000 items, 200 at a time', value: perSecond(large.seconds), floor: perSecond(small.seconds) },
    {
      what: 'W6 CPU of the master for an item of 10,000 over one of 100',
      value: `${round(large.cpuMs)} ms`,
      floor: `${round(small.cpuMs)} ms`,
      ratio: ratio(large.cpuMs, small.cpuMs),
      goal: '<= 2 x',
    },
  ];
}

async function measureSubmission({ client, floors }: Bench): Promise<BenchRow[]> {
  await client.register(idle(1));
  const times: number[] = [];
  for (let index = 0; index < 600; index += 1) {
    const startedAt = performance.now();
    await client.submit('idle');
    if (index >= 200) times.push(performance.now() - startedAt);
  }
  const p50 = quantile(times, 0.5);
  const floor = floors.appendMs + floors.requestMs;
  const value = `${round(p50)} ms p50, ${round(quantile(times, 0.99))} ms p99`;
  return [
    {
      what: 'W5 acknowledged durable submission',
      value,
      floor: `${round(floor)} ms`,
      ratio: ratio(p50, floor),
      goal: '<= 1.5 x',
    },
  ];
}

async function measureMemory({ client, master }: Bench): Promise<BenchRow[]> {
  await client.register(idle(10));
  const count = 10_000;
  const before = residentBytesOf(master.pid);
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      for (let index = 0; index < count / 100; index += 1) await client.submit('idle');
    }),
  );
  const mebibytes = (residentBytesOf(master.pid) - before) / 1_048_576;
  return [{ what: 'memory of 10,000 idle runs of 10 tasks', value: `${Math.round(mebibytes)} MiB resident` }];
}

const measurements: Record<string, (bench: Bench) => Promise<BenchRow[]>> = {
  W1: measureChain,
  W2: measureThroughput,
  W3: measureFanOut,
  W5: measureSubmission,
  W6: measureMap,
  memory: measureMemory,
  // Last: it kills the master.
  takeover: ({ servers, client, master }) => measureTakeover(servers, client, master),
};

function floorRows(floors: Floors, loop: BareLoopFigures): BenchRow[] {
  return [
    { what: 'append of one event, alone', value: `${round(floors.appendMs)} ms p50` },
    { what: 'appends, 64 in flight', value: `${Math.round(floors.appendsPerSecond)}/s` },
    { what: 'NATS request and reply, alone', value: `${round(floors.requestMs)} ms p50` },
    { what: 'NATS requests, 64 in flight', value: `${Math.round(floors.requestsPerSecond)}/s` },
    { what: 'KV create, alone', value: `${round(floors.kvCreateMs)} ms p50` },
    { what: 'bare loop: append of 2 events + 2 messages', value: `${round(loop.stepMs)} ms p50` },
    { what: 'bare loop, 100 in flight', value: `${Math.round(loop.stepsPerSecond)} steps/s` },
    { what: 'bare loop, CPU seconds of the owner per 1,000 steps', value: `${round(loop.cpuSecondsPer1000)}` },
  ];
}

async function main(names: readonly string[]): Promise<void> {
  const servers = await startBenchServers();
  try {
    const floors = await measureFloors(servers);
    const loop = await measureBareLoop(servers);
    printRows('Floors', floorRows(floors, loop));
    const master = await startBenchRole(servers, 'master', { id: 'master-1' });
    const worker = await startBenchRole(servers, 'worker', { id: 'worker-1', slots: 200 });
    const client = await BenchClient.connect(servers.natsUrl);
    const bench = { servers, master, worker, client, loop, floors };
    const rows: BenchRow[] = [];
    for (const name of names) {
      process.stdout.write(`${name} ...\n`);
      rows.push(...((await measurements[name]?.(bench)) ?? []));
    }
    printRows('Millrace', rows);
    await client.close();
    await worker.stop();
    await master.stop();
  } finally {
    await servers.stop();
  }
}

const asked = process.argv.slice(2);
const isAll = asked.length === 0;
const chosen = isAll ? Object.keys(measurements) : asked.filter((name) => Object.hasOwn(measurements, name));
// It needs no servers, and prints a table of its own.
if (isAll || asked.includes('fold')) await import('./fold.bench.ts');
if (chosen.length > 0) await main(chosen);
process.exit(0);
