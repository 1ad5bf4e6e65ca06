/** A real node and a real client for one test file; processes and folders are cleaned up by `stopAll`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventStoreDBClient, jsonEvent, type ResolvedEvent } from '@eventstore/db-client';
import {
  type EventStoreNode,
  type EventStoreNodeOptions,
  startEventStoreNode,
} from '../../../infra/eventstore/event-store-node.ts';

const PROCESS_FILE = new URL('../../../infra/eventstore/event-store.process.ts', import.meta.url).pathname;

export type NodeProcess = { readonly child: ChildProcess; readonly port: number; readonly connectionString: string };

export class NodeFixture {
  private readonly folders: string[] = [];
  private readonly nodes: EventStoreNode[] = [];
  private readonly clients: EventStoreDBClient[] = [];
  private readonly children: ChildProcess[] = [];

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'event-store-test-'));
    this.folders.push(folder);
    return folder;
  }

  async node(options: Partial<EventStoreNodeOptions> = {}): Promise<EventStoreNode> {
    const node = await startEventStoreNode({ dataDir: options.dataDir ?? this.folder(), port: 0, ...options });
    this.nodes.push(node);
    return node;
  }

  client(connectionString: string): EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(connectionString);
    this.clients.push(client);
    return client;
  }

  /** A node as a process of its own, ready to serve. */
  async process(dataDir: string): Promise<NodeProcess> {
    const child = this.spawn(['--data-dir', dataDir, '--port', '0']);
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      return { child, ...(JSON.parse(line) as { port: number; connectionString: string }) };
    }
    throw new Error('the node process ended before it was ready');
  }

  spawn(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, ['--import', 'tsx', PROCESS_FILE, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.children.push(child);
    return child;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.dispose()));
    await Promise.all(this.nodes.map((node) => node.stop(500)));
    for (const child of this.children) child.kill('SIGKILL');
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}

export const exitOf = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once('exit', resolve));

export const event = (type = 'Happened', data: unknown = { value: 1 }) =>
  jsonEvent({ type, data: data as Record<string, string> });

export const events = (count: number) => Array.from({ length: count }, (_, index) => event('Happened', { index }));

export const collect = async (read: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> => {
  const collected: ResolvedEvent[] = [];
  for await (const resolved of read) collected.push(resolved);
  return collected;
};

/** The revisions a read delivers. */
export const revisions = async (read: AsyncIterable<ResolvedEvent>): Promise<number[]> =>
  (await collect(read)).map((resolved) => Number(resolved.event?.revision));

/** The error a promise is rejected with. */
export const errorOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection, found a result');
};
