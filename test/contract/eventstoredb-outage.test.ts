/** What the EventStoreDB adapter does when the store is killed, frozen or unheard. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import type { StoreConnection } from '../../src/journal/eventstoredb-connection.ts';
import { EventStoreDbReader } from '../../src/journal/eventstoredb-reader.ts';
import type { AppendResult, Journal } from '../../src/journal/journal.port.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { startTestEventStore, type TestEventStore } from '../kit/servers.ts';
import { collect, newEvents, newStream } from './contract-events.ts';
import { openTestJournal, startAnswerDroppingProxy } from './eventstoredb.ts';
import { subscribe } from './journal.contract.ts';

describe('the EventStoreDB adapter', () => {
  let server: TestEventStore;
  let journals: Journal[];
  const open = (...args: Parameters<typeof openTestJournal>): Journal => {
    const journal = openTestJournal(...args);
    journals.push(journal);
    return journal;
  };
  beforeEach(async () => {
    journals = [];
    server = await startTestEventStore();
  });
  afterEach(async () => {
    await Promise.all(journals.map((journal) => journal.stop(0)));
    await server.remove();
  });

  it('loses and doubles nothing of a thousand appends over which the store is killed', async () => {
    const journal = open(server.url);
    const shared = newStream();
    const streams: string[] = [];
    const appends: Promise<AppendResult>[] = [];
    let isKilled = false;
    let settledCount = 0;
    /** Each append that settles is followed by another, so that a thousand are under way when the store dies. */
    const appendNext = (killStore: () => void): void => {
      const isShared = appends.length % 2 === 0;
      const stream = isShared ? shared : newStream();
      if (!isShared) streams.push(stream);
      const append = isShared
        ? journal.append(shared, 'any', newEvents(1))
        : journal.append(stream, 'none', newEvents(2));
      appends.push(append);
      void append.then(() => {
        settledCount += 1;
        if (settledCount === 200) killStore();
        if (!isKilled) appendNext(killStore);
      });
    };
    await journal.append(newStream(), 'none', newEvents(1));
    await new Promise<void>((resolve) => {
      for (let index = 0; index < 1_000; index += 1) appendNext(resolve);
    });
    await server.kill();
    isKilled = true;
    expect(appends.length - settledCount).toBeGreaterThan(500);
    await server.start();
    const results = await Promise.all(appends);
    expect(results.filter((result) => result.kind !== 'appended')).toEqual([]);
    const found = await Promise.all(streams.map((stream) => collect(journal.read(stream))));
    expect(found.filter((events) => events.length !== 2)).toEqual([]);
    const sharedEvents = await collect(journal.read(shared));
    expect(sharedEvents).toHaveLength(appends.length - streams.length);
    expect(new Set(sharedEvents.map((event) => event.id)).size).toBe(sharedEvents.length);
  });

  it('follows all streams without a gap over a kill of the store', async () => {
    const journal = open(server.url);
    const kind = newStream('followed').replaceAll('-', '');
    const stream = newStream(kind);
    const subscribed = subscribe(journal, { kind: 'streamPrefix', prefixes: [`${kind}-`] });
    await journal.append(stream, 'none', newEvents(100));
    await subscribed.until(() => subscribed.events().length >= 50);
    await server.kill();
    const append = journal.append(stream, 99, newEvents(100));
    await server.start();
    expect(await append).toEqual({ kind: 'appended', revision: 199 });
    await subscribed.until(() => subscribed.events().at(-1)?.revision === 199);
    const firstSeen = [...new Set(subscribed.events().map((event) => event.revision))];
    expect(firstSeen).toEqual(Array.from({ length: 200 }, (_, index) => index));
    await subscribed.until((items) => items.filter((item) => item.kind === 'caughtUp').length > 1);
    await subscribed.end();
  });

  it('goes on with a read where it was when the store was killed', async () => {
    const journal = open(server.url);
    const stream = newStream();
    for (let batch = 0; batch < 10; batch += 1) {
      await journal.append(stream, batch === 0 ? 'none' : batch * 300 - 1, newEvents(300));
    }
    const revisions: number[] = [];
    for await (const event of journal.read(stream)) {
      revisions.push(event.revision);
      if (revisions.length !== 1_000) continue;
      await server.kill();
      await server.start();
    }
    expect(revisions).toEqual(Array.from({ length: 3_000 }, (_, index) => index));
  });

  it('goes on with a read whose client is replaced under it (R3)', async () => {
    const journal = open(server.url);
    const stream = newStream();
    for (let batch = 0; batch < 10; batch += 1) {
      await journal.append(stream, batch === 0 ? 'none' : batch * 300 - 1, newEvents(300));
    }
    const options = { connectionString: server.url, attemptTimeoutMs: 3_000, deadlineMs: 30_000, clock: systemClock };
    const reader = new EventStoreDbReader({ ...options, log: silentLog });
    // Reason for the cast: it is replaced after faults of other reads, which cannot be timed from outside.
    const { connection } = reader as unknown as { connection: StoreConnection };
    const revisions: number[] = [];
    for await (const event of reader.read(stream, {})) {
      revisions.push(event.revision);
      if (revisions.length === 5) await connection.replaceClient();
    }
    await reader.stop();
    expect(revisions).toEqual(Array.from({ length: 3_000 }, (_, index) => index));
  });

  it('waits for a store that is away, and says so', async () => {
    const journal = open(server.url, { appendDeadlineMs: 1_000, appendQueueLengthMax: 2 });
    await journal.append(newStream(), 'none', newEvents(1));
    expect(journal.status()).toBe('connected');
    await server.kill();
    const [one, two, three] = [0, 1, 2].map(() => journal.append(newStream(), 'none', newEvents(1)));
    await expect(three).rejects.toMatchObject({ code: 'OVERLOADED' });
    await expect(one).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
    await expect(two).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
    expect(journal.status()).toBe('away');
    await expect(collect(journal.read(newStream()))).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
    const early = journal.append(newStream(), 'none', newEvents(1), { deadlineMs: 100 });
    await expect(early).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
    await server.start();
    await expect.poll(() => journal.status()).toBe('connected');
    expect(await journal.append(newStream(), 'none', newEvents(1))).toMatchObject({ kind: 'appended' });
  });

  it('starts before the store does', async () => {
    await server.kill();
    const journal = open(server.url);
    const append = journal.append(newStream(), 'none', newEvents(1));
    await server.start();
    expect(await append).toEqual({ kind: 'appended', revision: 0 });
  });

  it('repeats what a frozen store does not answer, on a new connection, and writes it once', async () => {
    const journal = open(server.url, { appendAttemptTimeoutMs: 300 });
    const stream = newStream();
    await journal.append(stream, 'none', newEvents(1));
    server.freeze();
    const appends = [journal.append(stream, 0, newEvents(2)), journal.append(newStream(), 'none', newEvents(1))];
    await expect.poll(() => journal.status()).toBe('away');
    server.thaw();
    expect(await Promise.all(appends)).toEqual([
      { kind: 'appended', revision: 2 },
      { kind: 'appended', revision: 0 },
    ]);
    expect(await collect(journal.read(stream))).toHaveLength(3);
  });

  describe('when the answer to an append is lost', () => {
    const loseAnswer = async (meanwhile: (stream: string) => Promise<unknown>): Promise<[AppendResult, string[]]> => {
      const proxy = await startAnswerDroppingProxy(server.url);
      const journal = open(proxy.url, { appendAttemptTimeoutMs: 500 });
      const stream = newStream();
      await journal.append(stream, 'none', newEvents(1));
      const direct = open(server.url);
      await collect(direct.read(stream));
      proxy.dropAnswers();
      const events = newEvents(2);
      const append = journal.append(stream, 0, events);
      await expect.poll(() => proxy.droppedBytes(), { interval: 5 }).toBeGreaterThan(0);
      await expect.poll(async () => (await collect(direct.read(stream))).length, { interval: 5 }).toBe(3);
      await meanwhile(stream);
      const result = await append;
      const ids = (await collect(direct.read(stream))).map((event) => event.id);
      expect(ids.slice(1, 3)).toEqual(events.map((event) => event.id));
      await journal.stop(0);
      await proxy.close();
      return [result, ids];
    };

    it('repeats it with the same ids, and it stands there once (J3)', async () => {
      const [result, ids] = await loseAnswer(async () => undefined);
      expect(result).toEqual({ kind: 'appended', revision: 2 });
      expect(ids).toHaveLength(3);
    });

    it('counts it as done though somebody else has appended since (J3)', async () => {
      const [result, ids] = await loseAnswer((stream) => open(server.url).append(stream, 2, newEvents(3)));
      expect(result).toEqual({ kind: 'appended', revision: 2 });
      expect(ids).toHaveLength(6);
    });
  });
});
