/**
 * The floor of a step: one append of two events by the real client to the real node, and two one-way messages to another
 * process and back. No machines, no schemas, no claims, no ledger.
 */
import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { connect } from 'nats';
import { type BenchServers, startBenchScript } from './bench-cluster.ts';
import { quantile } from './statistics.ts';

export type BareLoopFigures = { stepMs: number; stepsPerSecond: number; cpuSecondsPer1000: number };

const detail = 'x'.repeat(120);

export async function measureBareLoop(servers: BenchServers): Promise<BareLoopFigures> {
  const worker = await startBenchScript('bare-worker.process.ts', [servers.natsUrl]);
  const client = EventStoreDBClient.connectionString(servers.connectionString);
  const connection = await connect({ servers: servers.natsUrl });
  const waiting = new Map<string, () => void>();
  connection.subscribe('bare.done', {
    callback: (_, message) => {
      const { id } = message.json<{ id: string }>();
      waiting.get(id)?.();
    },
  });
  /** One chain of steps on a stream of its own; answers each step's milliseconds. */
  const chain = async (length: number): Promise<number[]> => {
    const id = randomUUID();
    const times: number[] = [];
    let revision = -1n;
    for (let step = 0; step < length; step += 1) {
      const startedAt = performance.now();
      const events = ['Finished', 'Assigned'].map((type) =>
        jsonEvent({ type, data: { step, detail }, metadata: { detail } }),
      );
      const expectedRevision = revision < 0n ? NO_STREAM : revision;
      await client.appendToStream(`bare-${id}`, events, { expectedRevision });
      revision += 2n;
      await new Promise<void>((resolve) => {
        waiting.set(id, resolve);
        connection.publish('bare.work', JSON.stringify({ id, step, detail }));
      });
      times.push(performance.now() - startedAt);
    }
    waiting.delete(id);
    return times;
  };
  try {
    await chain(300);
    const alone = await chain(800);
    const stepsEach = 60;
    const inFlight = 100;
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: inFlight }, () => chain(stepsEach)));
    const seconds = (performance.now() - startedAt) / 1_000;
    const cpu = process.cpuUsage(cpuBefore);
    const steps = stepsEach * inFlight;
    const cpuSecondsPer1000 = (((cpu.user + cpu.system) / 1e6) * 1_000) / steps;
    return { stepMs: quantile(alone, 0.5), stepsPerSecond: steps / seconds, cpuSecondsPer1000 };
  } finally {
    await connection.close();
    await client.dispose();
    await worker.stop();
  }
}
