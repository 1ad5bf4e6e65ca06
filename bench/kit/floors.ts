/** What the parts can do alone: appends of the node, requests over NATS, writes of a KV bucket. */
import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { connect } from 'nats';
import type { BenchServers } from './bench-cluster.ts';
import { quantile } from './statistics.ts';

export type Floors = {
  appendMs: number;
  appendsPerSecond: number;
  requestMs: number;
  requestsPerSecond: number;
  kvCreateMs: number;
};

const inFlight = 64;

export async function measureFloors(servers: BenchServers): Promise<Floors> {
  const append = await measureAppends(servers.connectionString);
  const request = await measureRequests(servers.natsUrl);
  return { ...append, ...request };
}

async function measureAppends(connectionString: string) {
  const client = EventStoreDBClient.connectionString(connectionString);
  const one = async (): Promise<void> => {
    const event = jsonEvent({
      type: 'Floor',
      data: { detail: 'x'.repeat(200) },
      metadata: { detail: 'x'.repeat(120) },
    });
    await client.appendToStream(`floor-${randomUUID()}`, event, { expectedRevision: NO_STREAM });
  };
  const figures = await measure(one);
  await client.dispose();
  return { appendMs: figures.aloneMs, appendsPerSecond: figures.perSecond };
}

async function measureRequests(url: string) {
  const server = await connect({ servers: url });
  const client = await connect({ servers: url });
  server.subscribe('floor.ask', { callback: (_, message) => message.respond(message.data) });
  await server.flush();
  const figures = await measure(async () => {
    await client.request('floor.ask', 'x'.repeat(200), { timeout: 5_000 });
  });
  const bucket = await client.jetstream().views.kv('floor');
  const kv = await measure(async () => {
    await bucket.create(randomUUID(), 'x'.repeat(120));
  }, 300);
  await client.close();
  await server.close();
  return { requestMs: figures.aloneMs, requestsPerSecond: figures.perSecond, kvCreateMs: kv.aloneMs };
}

/** Milliseconds of one call alone (median), and calls a second with many in flight. */
async function measure(call: () => Promise<void>, count = 1_000): Promise<{ aloneMs: number; perSecond: number }> {
  for (let index = 0; index < 200; index += 1) await call();
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  const startedAt = performance.now();
  const each = Math.ceil((count * 4) / inFlight);
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let index = 0; index < each; index += 1) await call();
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  return { aloneMs: quantile(times, 0.5), perSecond: (each * inFlight) / seconds };
}
