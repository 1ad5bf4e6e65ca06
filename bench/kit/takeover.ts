/**
 * Takeover of many running runs after kill -9 of their master: when each is owned again, and when its worker has been told.
 * The floor is a bare loop in the same run: as many KV updates, stream reads and appends, many at once.
 */
import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { connect } from 'nats';
import type { BenchClient } from './bench-client.ts';
import { type BenchProcess, type BenchServers, startBenchRole } from './bench-cluster.ts';
import { sleeper } from './bench-definitions.ts';
import { cpuSecondsOf } from './process-cpu.ts';
import { type BenchRow, quantile, round } from './statistics.ts';

const runCount = 2_000;
const inFlight = 64;
const settleMs = 5_000;
const deadlineMs = 60_000;

export async function measureTakeover(
  servers: BenchServers,
  client: BenchClient,
  master: BenchProcess,
): Promise<BenchRow[]> {
  const worker = await startBenchRole(servers, 'worker', { id: 'worker-takeover', slots: runCount + 100 });
  const second = await startBenchRole(servers, 'master', { id: 'master-2' });
  await client.register(sleeper());
  await inParallel(runCount, async () => void (await client.submit('sleeper')));
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const floor = await measureFloor(servers, runCount / 2);
  const { floorMs } = floor;
  const pids = [second.pid, servers.store.pid, servers.natsPid];
  const seen = await killAndWatch(servers, master, pids);
  await worker.stop();
  await second.stop();
  const owned = `first ${round(Math.min(...seen.ownedMs), 0)} ms, ${timesOf(seen.ownedMs)}`;
  const told = timesOf(seen.toldMs);
  const ratio = `${round(quantile(seen.toldMs, 0.99) / floorMs)} x`;
  return [
    { what: `takeover of ${seen.ownedMs.length} runs: kill to owned`, value: owned, floor: `${round(floorMs, 0)} ms` },
    {
      what: 'takeover: kill to worker told',
      value: told,
      floor: `${round(floorMs, 0)} ms`,
      ratio,
      goal: '<= 1,500 ms p99',
    },
    { what: 'takeover: CPU seconds per 1,000 runs', value: cpuOf(seen), floor: `${round(floor.cpuSeconds)} (owner)` },
  ];
}

/** Kills the first master and notes when each of its runs is owned by another and when its worker hears of it. */
async function killAndWatch(servers: BenchServers, master: BenchProcess, pids: readonly number[]) {
  const connection = await connect({ servers: servers.natsUrl });
  const ownedMs: number[] = [];
  const toldMs: number[] = [];
  const told = new Set<string>();
  let lastAt = performance.now();
  let killedAt = Number.POSITIVE_INFINITY;
  const since = (): number => {
    lastAt = performance.now();
    return lastAt - killedAt;
  };
  connection.subscribe('millrace.v1.events.*.*.OwnershipTaken', { callback: () => void ownedMs.push(since()) });
  connection.subscribe('millrace.v1.worker.*.takeover', {
    callback: (_, message) => {
      const ms = since();
      for (const { instance } of message.json<{ instances: { instance: string }[] }>().instances) {
        if (told.has(instance)) continue;
        told.add(instance);
        toldMs.push(ms);
      }
    },
  });
  await connection.flush();
  const cpuBefore = pids.map(cpuSecondsOf);
  let cpuSeconds: number[] = [];
  let measuredAt = 0;
  killedAt = performance.now();
  master.kill();
  const isOver = () => ownedMs.length > 0 && toldMs.length >= ownedMs.length && performance.now() - lastAt > 2_000;
  while (!isOver() && performance.now() - killedAt < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (lastAt === measuredAt) continue;
    measuredAt = lastAt;
    cpuSeconds = pids.map((pid, index) => cpuSecondsOf(pid) - (cpuBefore[index] as number));
  }
  await connection.close();
  return { ownedMs, toldMs, cpuSeconds };
}

function timesOf(values: number[]): string {
  return `${round(quantile(values, 0.5), 0)} ms p50, ${round(quantile(values, 0.99), 0)} ms p99`;
}

/** Of the new owner, the store and NATS, from the kill until all are told. */
function cpuOf({ cpuSeconds, ownedMs }: { cpuSeconds: number[]; ownedMs: number[] }): string {
  const [owner = 0, store = 0, nats = 0] = cpuSeconds.map((seconds) => round((seconds * 1_000) / ownedMs.length));
  return `${round(owner + store + nats)} (owner ${owner}, store ${store}, nats ${nats})`;
}

async function measureFloor(servers: BenchServers, count: number) {
  const client = EventStoreDBClient.connectionString(servers.connectionString);
  const connection = await connect({ servers: servers.natsUrl });
  const bucket = await connection.jetstream().views.kv('takeover_floor');
  const detail = 'x'.repeat(200);
  const claims: { stream: string; key: string; revision: number }[] = [];
  await inParallel(count, async () => {
    const stream = `takeover-${randomUUID()}`;
    const events = ['a', 'b', 'c', 'd'].map((type) => jsonEvent({ type, data: { detail }, metadata: { detail } }));
    await client.appendToStream(stream, events);
    claims.push({ stream, key: stream, revision: await bucket.create(stream, detail) });
  });
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await inParallel(count, async () => {
    const { stream, key, revision } = claims.pop() as (typeof claims)[number];
    await bucket.update(key, detail, revision);
    let last = -1n;
    for await (const { event } of client.readStream(stream)) last = event?.revision ?? last;
    await client.appendToStream(stream, jsonEvent({ type: 'Owned', data: { detail } }), { expectedRevision: last });
  });
  const floorMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  await connection.close();
  await client.dispose();
  return { floorMs, cpuSeconds: (user + system) / count / 1_000 };
}

async function inParallel(count: number, call: () => Promise<void>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left > 0) {
        left -= 1;
        await call();
      }
    }),
  );
}
