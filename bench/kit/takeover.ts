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
  const floorMs = await measureFloor(servers, runCount / 2);
  const seen = await killAndWatch(servers, master);
  await worker.stop();
  await second.stop();
  const owned = `${round(quantile(seen.ownedMs, 0.5), 0)} ms p50, ${round(quantile(seen.ownedMs, 0.99), 0)} ms p99`;
  const told = `${round(quantile(seen.toldMs, 0.5), 0)} ms p50, ${round(quantile(seen.toldMs, 0.99), 0)} ms p99`;
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
  ];
}

/** Kills the first master and notes when each of its runs is owned by another and when its worker hears of it. */
async function killAndWatch(servers: BenchServers, master: BenchProcess) {
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
  killedAt = performance.now();
  master.kill();
  const isOver = () => ownedMs.length > 0 && toldMs.length >= ownedMs.length && performance.now() - lastAt > 2_000;
  while (!isOver() && performance.now() - killedAt < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, 100));
  await connection.close();
  return { ownedMs, toldMs };
}

async function measureFloor(servers: BenchServers, count: number): Promise<number> {
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
  await inParallel(count, async () => {
    const { stream, key, revision } = claims.pop() as (typeof claims)[number];
    await bucket.update(key, detail, revision);
    let last = -1n;
    for await (const { event } of client.readStream(stream)) last = event?.revision ?? last;
    await client.appendToStream(stream, jsonEvent({ type: 'Owned', data: { detail } }), { expectedRevision: last });
  });
  const elapsedMs = performance.now() - startedAt;
  await connection.close();
  await client.dispose();
  return elapsedMs;
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
