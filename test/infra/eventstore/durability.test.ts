/** Crashes are real here: processes killed with SIGKILL in the middle of their work, files cut and garbled. */
import { randomUUID } from 'node:crypto';
import { closeSync, copyFileSync, openSync, readdirSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { afterAll, describe, expect, it } from 'vitest';
import { EventStoreNodeError } from '../../../infra/eventstore/node-error.ts';
import { collect, errorOf, event, events, exitOf, NodeFixture, revisions } from './node-fixture.ts';

const fixture = new NodeFixture();
afterAll(() => fixture.stopAll());

const WRITERS = 64;

/** What one writer has tried and what it was promised. */
type Ledger = { readonly stream: string; readonly ids: string[]; acknowledgedCount: number };

const appendNext = async (client: EventStoreDBClient, ledger: Ledger): Promise<void> => {
  const number = ledger.acknowledgedCount;
  const id = ledger.ids[number] ?? randomUUID();
  ledger.ids[number] = id;
  const expectedRevision = number === 0 ? NO_STREAM : BigInt(number - 1);
  const result = await client.appendToStream(ledger.stream, jsonEvent({ id, type: 'Counted', data: { number } }), {
    expectedRevision,
  });
  expect(result.nextExpectedRevision).toBe(BigInt(number));
  ledger.acknowledgedCount++;
};

describe('an acknowledged append', () => {
  it('survives SIGKILL under load: nothing lost, nothing doubled, revisions dense', async () => {
    const folder = fixture.folder();
    const ledgers: Ledger[] = Array.from({ length: WRITERS }, () => ({
      stream: `crash-${randomUUID()}`,
      ids: [],
      acknowledgedCount: 0,
    }));
    for (let round = 0; round < 2; round++) {
      const node = await fixture.process(folder);
      const client = fixture.client(node.connectionString);
      const untilKilled = async (ledger: Ledger): Promise<void> => {
        for (;;) await appendNext(client, ledger);
      };
      const writers = ledgers.map((ledger) => untilKilled(ledger).catch(() => {}));
      setTimeout(() => node.child.kill('SIGKILL'), 800);
      await Promise.all(writers);
      await exitOf(node.child);
    }
    const client = fixture.client((await fixture.process(folder)).connectionString);
    for (const ledger of ledgers) {
      await appendNext(client, ledger);
      const stored = await collect(client.readStream(ledger.stream));
      expect(stored.map((resolved) => resolved.event?.id)).toEqual(ledger.ids.slice(0, ledger.acknowledgedCount));
      expect(stored.map((resolved) => Number(resolved.event?.revision))).toEqual([...stored.keys()]);
    }
    expect(ledgers.reduce((sum, ledger) => sum + ledger.acknowledgedCount, 0)).toBeGreaterThan(WRITERS * 4);
  });

  it('is there after a clean stop and start', async () => {
    const dataDir = fixture.folder();
    const first = await fixture.node({ dataDir });
    const client = fixture.client(first.connectionString);
    await client.appendToStream('kept', events(5));
    await client.setStreamMetadata('kept', { truncateBefore: 2 });
    await client.tombstoneStream('gone');
    const written = await collect(client.readAll());
    await first.stop(500);
    const again = fixture.client((await fixture.node({ dataDir })).connectionString);
    expect(await collect(again.readAll())).toEqual(written);
    expect(await revisions(again.readStream('kept'))).toEqual([2, 3, 4]);
    const more = await again.appendToStream('kept', event(), { expectedRevision: 4n });
    expect(more.position?.commit).toBeGreaterThan(written.at(-1)?.event?.position?.commit ?? 0n);
    expect(await errorOf(again.appendToStream('gone', event()))).toMatchObject({ type: 'stream-deleted' });
  });
});

describe('a torn tail', () => {
  const LOG = 'events.sqlite-wal';
  const FRAME_SIZE_BYTES = 24 + 4096;
  const LOG_HEADER_SIZE_BYTES = 32;

  /** Frames of the current generation carry the salt of the header. */
  const frameCount = (log: Buffer): number => {
    const salt = log.subarray(16, 24);
    let count = 0;
    while (
      log
        .subarray(LOG_HEADER_SIZE_BYTES + count * FRAME_SIZE_BYTES + 8)
        .subarray(0, 8)
        .equals(salt)
    )
      count++;
    return count;
  };

  const copyOf = (folder: string): string => {
    const copy = fixture.folder();
    for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
    return copy;
  };

  const garble = (path: string, offset: number): void => {
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, offset);
    closeSync(file);
  };

  it('is cut off at the start, wherever it begins, and leaves a consistent prefix', async () => {
    const folder = fixture.folder();
    const node = await fixture.process(folder);
    const client = fixture.client(node.connectionString);
    for (let round = 0; round < 40; round++) await client.appendToStream(`torn-${round % 3}`, events(3));
    const written = (await collect(client.readAll())).map((resolved) => resolved.event?.id);
    node.child.kill('SIGKILL');
    await exitOf(node.child);
    const log = readFileSync(join(folder, LOG));
    const frames = frameCount(log);
    expect(frames).toBeGreaterThan(60);
    const keptCounts: number[] = [];
    for (const [index, keptFrames] of [frames, frames - 1, frames - 7, Math.floor(frames / 2), 5].entries()) {
      const copy = copyOf(folder);
      const offset = LOG_HEADER_SIZE_BYTES + keptFrames * FRAME_SIZE_BYTES + 1000;
      if (index % 2 === 0) truncateSync(join(copy, LOG), offset);
      else garble(join(copy, LOG), offset);
      const restarted = await fixture.node({ dataDir: copy });
      const reader = fixture.client(restarted.connectionString);
      const kept = (await collect(reader.readAll())).map((resolved) => resolved.event?.id);
      expect(kept).toEqual(written.slice(0, kept.length));
      expect(kept.length % 3).toBe(0);
      for (const stream of ['torn-0', 'torn-1', 'torn-2']) {
        const found = await revisions(reader.readStream(stream)).catch(() => []);
        expect(found).toEqual([...found.keys()]);
      }
      await reader.appendToStream('after', event(), {
        expectedRevision: NO_STREAM,
        credentials: { username: 'a', password: 'b' },
      });
      await restarted.stop(500);
      keptCounts.push(kept.length);
    }
    expect(keptCounts[0]).toBe(written.length);
    expect(keptCounts).toEqual([...keptCounts].sort((left, right) => right - left));
    expect(keptCounts.at(-1)).toBeLessThan(written.length);
  });
});

describe('the data folder', () => {
  it('is refused to a second process, and free once the first is killed', async () => {
    const folder = fixture.folder();
    const first = await fixture.process(folder);
    const second = fixture.spawn(['--data-dir', folder]);
    let stderr = '';
    second.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    expect(await exitOf(second)).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ ready: false, code: 'EVENT_STORE_FOLDER_IN_USE' });
    first.child.kill('SIGKILL');
    await exitOf(first.child);
    const third = await fixture.process(folder);
    third.child.kill('SIGTERM');
    expect(await exitOf(third.child)).toBe(0);
  });

  it('is refused to a second node of the same process', async () => {
    const dataDir = fixture.folder();
    await fixture.node({ dataDir });
    const error = await errorOf(fixture.node({ dataDir }));
    expect(error).toBeInstanceOf(EventStoreNodeError);
    expect(error).toMatchObject({ code: 'EVENT_STORE_FOLDER_IN_USE' });
  });
});
