/**
 * Speed of the embedded event store node as its clients see it: the real client against a process of its own.
 * Prints one line per measurement. Run with `node --import tsx bench/event-store.bench.ts [seconds]`; with
 * `NODE_OPTIONS_STORE="--cpu-prof ..."` the node's process gets those options.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventStoreDBClient, FORWARDS, jsonEvent, START } from '@eventstore/db-client';

const PROCESS_FILE = new URL('../infra/eventstore/event-store.process.ts', import.meta.url).pathname;

type Node = { readonly child: ChildProcess; readonly connectionString: string };

const startNode = async (dataDir: string): Promise<Node> => {
  const options = (process.env.NODE_OPTIONS_STORE ?? '').split(' ').filter((option) => option !== '');
  const child = spawn(process.execPath, [...options, '--import', 'tsx', PROCESS_FILE, '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, connectionString: (JSON.parse(line) as { connectionString: string }).connectionString };
  }
  throw new Error('the node did not start');
};

/** Time on a processor, of all threads; the scheduler counts it in nanoseconds. */
const serverCpuMs = (child: ChildProcess): number => {
  const tasks = `/proc/${child.pid}/task`;
  const totalNs = readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0]))
    .reduce((sum, onCpuNs) => sum + onCpuNs, 0);
  return totalNs / 1e6;
};

const event = (number: number) =>
  jsonEvent({
    type: 'TaskCompleted',
    data: { taskId: `task-${number}`, attempt: 1, output: 'x'.repeat(100), at: 1_700_000_000_000 + number },
    metadata: { correlation: 'a3c1', causation: number },
  });

type Measured = {
  readonly label: string;
  readonly writers: number;
  readonly eventCount: number;
  readonly durationMs: number;
};

const measureAppends = async (client: EventStoreDBClient, node: Node, options: Measured): Promise<void> => {
  const latenciesMs: number[] = [];
  const run = randomUUID();
  const endAt = performance.now() + options.durationMs;
  const clientCpu = process.cpuUsage();
  const serverCpu = serverCpuMs(node.child);
  const startedAt = performance.now();
  const write = async (writer: number): Promise<void> => {
    for (let revision = -1n; performance.now() < endAt; ) {
      const events = Array.from({ length: options.eventCount }, (_, index) => event(index));
      const sentAt = performance.now();
      const expectedRevision = revision < 0n ? 'no_stream' : revision;
      const result = await client.appendToStream(`bench-${run}-${writer}`, events, { expectedRevision });
      latenciesMs.push(performance.now() - sentAt);
      revision = result.nextExpectedRevision;
    }
  };
  await Promise.all(Array.from({ length: options.writers }, (_, writer) => write(writer)));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(clientCpu);
  latenciesMs.sort((left, right) => left - right);
  const at = (share: number): string => (latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0).toFixed(2);
  const count = latenciesMs.length;
  const perSecond = Math.round(count / seconds);
  const clientUs = ((user + system) / count).toFixed(0);
  const serverUs = (((serverCpuMs(node.child) - serverCpu) * 1000) / count).toFixed(0);
  console.log(
    `${options.label.padEnd(24)} ${String(perSecond).padStart(6)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  p99.9 ${at(0.999)} ms  max ${at(0.999999)} ms  cpu/append client ${clientUs} us, server ${serverUs} us`,
  );
};

const measureReads = async (client: EventStoreDBClient, node: Node, eventCount: number): Promise<void> => {
  const stream = `bench-read-${randomUUID()}`;
  for (let written = 0; written < eventCount; written += 100) {
    await client.appendToStream(
      stream,
      Array.from({ length: 100 }, (_, index) => event(index)),
    );
  }
  for (const source of ['stream', '$all'] as const) {
    const serverCpu = serverCpuMs(node.child);
    const startedAt = performance.now();
    let count = 0;
    const options = { direction: FORWARDS, maxCount: eventCount } as const;
    const read =
      source === 'stream' ? client.readStream(stream, options) : client.readAll({ ...options, fromPosition: START });
    for await (const _ of read) count++;
    const perSecond = Math.round((count * 1000) / (performance.now() - startedAt));
    const serverUs = (((serverCpuMs(node.child) - serverCpu) * 1000) / count).toFixed(1);
    console.log(`read ${source.padEnd(19)} ${String(perSecond).padStart(6)} events/s  server ${serverUs} us/event`);
  }
};

const measureSmallReads = async (client: EventStoreDBClient): Promise<void> => {
  const stream = `bench-small-${randomUUID()}`;
  for (let number = 0; number < 30; number++) await client.appendToStream(stream, [event(number)]);
  const latenciesMs: number[] = [];
  for (let round = 0; round < 500; round++) {
    const startedAt = performance.now();
    for await (const _ of client.readStream(stream));
    latenciesMs.push(performance.now() - startedAt);
  }
  latenciesMs.sort((left, right) => left - right);
  console.log(
    `read 30-event stream      p50 ${latenciesMs[250]?.toFixed(2)} ms  p99 ${latenciesMs[495]?.toFixed(2)} ms`,
  );
};

const main = async (): Promise<void> => {
  const durationMs = Number(process.argv[2] ?? 4) * 1000;
  const dataDir = mkdtempSync(join(tmpdir(), 'event-store-bench-'));
  const node = await startNode(dataDir);
  const client = EventStoreDBClient.connectionString(node.connectionString);
  const warmUp = { writers: 16, eventCount: 1, durationMs: durationMs / 2 };
  await measureAppends(client, node, { label: '(warm-up)', ...warmUp });
  await measureAppends(client, node, { label: '1 writer, 1 event', writers: 1, eventCount: 1, durationMs });
  await measureAppends(client, node, { label: '64 writers, 1 event', writers: 64, eventCount: 1, durationMs });
  await measureAppends(client, node, { label: '1 writer, 10 events', writers: 1, eventCount: 10, durationMs });
  await measureAppends(client, node, { label: '64 writers, 10 events', writers: 64, eventCount: 10, durationMs });
  await measureSmallReads(client);
  await measureReads(client, node, 20_000);
  await client.dispose();
  const exited = new Promise((resolve) => node.child.once('exit', resolve));
  node.child.kill('SIGTERM');
  await exited;
  rmSync(dataDir, { recursive: true, force: true });
};

await main();
