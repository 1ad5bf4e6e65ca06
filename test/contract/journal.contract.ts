/** What every journal must do. `open` gives one that works; the suite stops it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/app-error.ts';
import type { AllFilter, Journal, RecordedEvent, SubscriptionItem } from '../../src/journal/journal.port.ts';
import { collect, newEvent, newEvents, newStream } from './contract-events.ts';

export type JournalContract = {
  open(): Promise<Journal>;
  /** Bytes of the largest append. */
  appendSizeBytesMax: number;
};

export function journalContract(name: string, contract: JournalContract): void {
  describe(`the journal contract: ${name}`, () => {
    let journal: Journal;
    beforeAll(async () => {
      journal = await contract.open();
    });
    afterAll(() => journal.stop(1_000));

    appends(() => journal);
    conflicts(() => journal);
    repetitions(() => journal);
    refusals(() => journal, contract);
    reads(() => journal);
    subscriptions(() => journal);
    ends(contract);
  });
}

function appends(journal: () => Journal): void {
  it('gives contiguous revisions from 0 and answers with the last one', async () => {
    const stream = newStream();
    expect(await journal().append(stream, 'none', newEvents(3))).toEqual({ kind: 'appended', revision: 2 });
    expect(await journal().append(stream, 2, newEvents(1))).toEqual({ kind: 'appended', revision: 3 });
    expect((await collect(journal().read(stream))).map((event) => event.revision)).toEqual([0, 1, 2, 3]);
  });

  it('gives back what was written, with the time and place of recording', async () => {
    const stream = newStream();
    const event = newEvent({ text: 'Mühlgraben ✓ "\\', number: 1.5, list: [null, true, { deep: {} }] });
    const before = Date.now();
    await journal().append(stream, 'none', [event]);
    const [found] = await collect(journal().read(stream));
    expect(found).toMatchObject({ stream, revision: 0, ...event });
    expect(found?.position).toMatch(/^\d+$/);
    expect(Math.abs((found?.recordedAt ?? 0) - before)).toBeLessThan(60_000);
  });

  it('does not share objects with the writer', async () => {
    const stream = newStream();
    const data = { list: [1] };
    const appended = journal().append(stream, 'none', [newEvent(data)]);
    await appended;
    data.list.push(2);
    const [found] = await collect(journal().read(stream));
    expect(found?.data).toEqual({ list: [1] });
  });

  it('appends to any revision without a check', async () => {
    const stream = newStream();
    expect(await journal().append(stream, 'any', newEvents(1))).toEqual({ kind: 'appended', revision: 0 });
    expect(await journal().append(stream, 'any', newEvents(2))).toEqual({ kind: 'appended', revision: 2 });
  });

  it('takes a thousand appends at once', async () => {
    const stream = newStream();
    const results = await Promise.all(
      Array.from({ length: 1_000 }, () => journal().append(stream, 'any', newEvents(1))),
    );
    const revisions = results.map((result) => (result.kind === 'appended' ? result.revision : -1));
    expect(revisions.sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  });
}

function conflicts(journal: () => Journal): void {
  it('refuses a stream that exists where none was expected, and says where it is', async () => {
    const stream = newStream();
    await journal().append(stream, 'none', newEvents(2));
    expect(await journal().append(stream, 'none', newEvents(1))).toEqual({ kind: 'conflict', actual: 1 });
  });

  it('refuses a revision that is behind', async () => {
    const stream = newStream();
    await journal().append(stream, 'none', newEvents(3));
    expect(await journal().append(stream, 0, newEvents(1))).toEqual({ kind: 'conflict', actual: 2 });
  });

  it('refuses a revision that is ahead', async () => {
    const stream = newStream();
    await journal().append(stream, 'none', newEvents(1));
    expect(await journal().append(stream, 7, newEvents(1))).toEqual({ kind: 'conflict', actual: 0 });
  });

  it('refuses a revision of a stream that does not exist', async () => {
    expect(await journal().append(newStream(), 0, newEvents(1))).toEqual({ kind: 'conflict', actual: undefined });
  });

  it('writes nothing of a refused append', async () => {
    const stream = newStream();
    await journal().append(stream, 'none', newEvents(1));
    await journal().append(stream, 'none', newEvents(5));
    expect(await collect(journal().read(stream))).toHaveLength(1);
  });

  it('lets exactly one of many writers through at one revision', async () => {
    const stream = newStream();
    const results = await Promise.all(Array.from({ length: 20 }, () => journal().append(stream, 'none', newEvents(2))));
    expect(results.filter((result) => result.kind === 'appended')).toHaveLength(1);
    expect(await collect(journal().read(stream))).toHaveLength(2);
  });
}

function repetitions(journal: () => Journal): void {
  it('answers a repeated append as the first time (J3)', async () => {
    const stream = newStream();
    const events = newEvents(2);
    await journal().append(stream, 'none', events);
    expect(await journal().append(stream, 'none', events)).toEqual({ kind: 'appended', revision: 1 });
    expect(await collect(journal().read(stream))).toHaveLength(2);
  });

  it('answers a repeated append as the first time though somebody else has appended since (J3)', async () => {
    const stream = newStream();
    await journal().append(stream, 'none', newEvents(1));
    const events = newEvents(2);
    await journal().append(stream, 0, events);
    await journal().append(stream, 2, newEvents(4));
    expect(await journal().append(stream, 0, events)).toEqual({ kind: 'appended', revision: 2 });
    expect(await collect(journal().read(stream))).toHaveLength(7);
  });

  it('refuses other events at a revision that is taken, though one id is the same', async () => {
    const stream = newStream();
    const [first, second] = newEvents(2);
    await journal().append(stream, 'none', [first!, second!]);
    expect(await journal().append(stream, 'none', [first!, newEvent()])).toEqual({ kind: 'conflict', actual: 1 });
  });
}

function refusals(journal: () => Journal, contract: JournalContract): void {
  it('refuses an append above the largest size, and goes on', async () => {
    const stream = newStream();
    const large = newEvent({ text: 'x'.repeat(contract.appendSizeBytesMax) });
    await expect(journal().append(stream, 'none', [large])).rejects.toMatchObject({ code: 'APPEND_TOO_LARGE' });
    expect(await journal().append(stream, 'none', newEvents(1))).toEqual({ kind: 'appended', revision: 0 });
  });

  it('takes an append just below the largest size', async () => {
    const stream = newStream();
    const large = newEvent({ text: 'x'.repeat(contract.appendSizeBytesMax - 1_000) });
    expect(await journal().append(stream, 'none', [large])).toEqual({ kind: 'appended', revision: 0 });
    expect(await collect(journal().read(stream))).toMatchObject([{ data: large.data }]);
  });

  it.each([
    ['BigInt', { revision: 1n }],
    ['a circle', circle()],
    ['undefined', undefined as unknown as object],
  ])('refuses data with %s without writing', async (_, data) => {
    const stream = newStream();
    await expect(journal().append(stream, 'none', [newEvent(), { ...newEvent(), data }])).rejects.toBeInstanceOf(
      AppError,
    );
    expect(await collect(journal().read(stream))).toEqual([]);
  });

  it('refuses an event id that is no UUID', async () => {
    const event = { ...newEvent(), id: 'event-1' as never };
    await expect(journal().append(newStream(), 'none', [event])).rejects.toBeInstanceOf(AppError);
  });

  it('refuses an append whose signal is aborted', async () => {
    const append = journal().append(newStream(), 'none', newEvents(1), { signal: AbortSignal.abort() });
    await expect(append).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
  });
}

function circle(): object {
  const itself: Record<string, unknown> = {};
  itself.itself = itself;
  return itself;
}

function reads(journal: () => Journal): void {
  let stream: string;
  const revisions = async (options: Parameters<Journal['read']>[1]): Promise<number[]> =>
    (await collect(journal().read(stream, options))).map((event) => event.revision);
  beforeAll(async () => {
    stream = newStream();
    await journal().append(stream, 'none', newEvents(5));
  });

  it('reads nothing from a stream that does not exist', async () => {
    expect(await collect(journal().read(newStream()))).toEqual([]);
    expect(await collect(journal().read(newStream(), { direction: 'backwards', limit: 1 }))).toEqual([]);
  });

  it('reads from a revision on', async () => {
    expect(await revisions({ from: 3 })).toEqual([3, 4]);
  });

  it('reads nothing after the end', async () => {
    expect(await revisions({ from: 5 })).toEqual([]);
  });

  it('reads at most as many as wanted', async () => {
    expect(await revisions({ from: 1, limit: 2 })).toEqual([1, 2]);
    expect(await revisions({ limit: 0 })).toEqual([]);
  });

  it('reads backwards from the end', async () => {
    expect(await revisions({ direction: 'backwards' })).toEqual([4, 3, 2, 1, 0]);
    expect(await revisions({ direction: 'backwards', limit: 1 })).toEqual([4]);
  });

  it('reads backwards from a revision', async () => {
    expect(await revisions({ direction: 'backwards', from: 2 })).toEqual([2, 1, 0]);
  });

  it('survives three hundred reads that are left early', async () => {
    for (let count = 0; count < 300; count += 1) {
      for await (const event of journal().read(stream)) {
        if (event.revision === 1) break;
      }
    }
    expect(await revisions({})).toHaveLength(5);
  });

  it('serves two hundred reads at once', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => revisions({})));
    expect(all.every((found) => found.length === 5)).toBe(true);
  });

  it('fails a read whose signal is aborted', async () => {
    await expect(revisions({ signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AppError);
  });
}

function subscriptions(journal: () => Journal): void {
  it('tells what existed, then that it caught up, then what is new, in order', async () => {
    const kind = newStream('subscribed').replaceAll('-', '');
    const [one, two] = [newStream(kind), newStream(kind)];
    await journal().append(one, 'none', newEvents(2));
    await journal().append(newStream('other'), 'none', newEvents(1));
    await journal().append(two, 'none', newEvents(1));
    const subscribed = subscribe(journal(), { kind: 'streamPrefix', prefixes: [`${kind}-`] });
    await subscribed.until((items) => items.some((item) => item.kind === 'caughtUp'));
    expect(subscribed.places()).toEqual([`${one} 0`, `${one} 1`, `${two} 0`]);
    await journal().append(newStream('other'), 'none', newEvents(1));
    await journal().append(one, 1, newEvents(1));
    await subscribed.until(() => subscribed.places().length === 4);
    expect(subscribed.places().at(-1)).toBe(`${one} 2`);
    expect(subscribed.items.findIndex((item) => item.kind === 'caughtUp')).toBeLessThan(subscribed.items.length - 1);
    await subscribed.end();
  });

  it('goes on after the position of an event', async () => {
    const kind = newStream('resumed').replaceAll('-', '');
    const stream = newStream(kind);
    const filter: AllFilter = { kind: 'streamPrefix', prefixes: [`${kind}-`] };
    await journal().append(stream, 'none', newEvents(4));
    const events = await collect(journal().read(stream));
    const subscribed = subscribe(journal(), filter, events[1]?.position);
    await subscribed.until((items) => items.some((item) => item.kind === 'caughtUp'));
    expect(subscribed.places()).toEqual([`${stream} 2`, `${stream} 3`]);
    await subscribed.end();
  });

  it('goes on after a checkpoint without missing an event', async () => {
    const kind = newStream('checked').replaceAll('-', '');
    const stream = newStream(kind);
    const filter: AllFilter = { kind: 'streamPrefix', prefixes: [`${kind}-`] };
    await journal().append(stream, 'none', newEvents(1));
    await journal().append(newStream('noise'), 'none', newEvents(200));
    const first = subscribe(journal(), filter);
    await first.until((items) => items.some((item) => item.kind === 'checkpoint') && first.places().length === 1);
    await first.end();
    const checkpoint = first.items.filter((item) => item.kind === 'checkpoint').at(-1);
    await journal().append(stream, 0, newEvents(2));
    const second = subscribe(journal(), filter, checkpoint?.position);
    await second.until(() => second.places().includes(`${stream} 2`));
    expect(second.places()).toEqual(expect.arrayContaining([`${stream} 1`, `${stream} 2`]));
    await second.end();
  });

  it('filters by the type of events', async () => {
    const type = `Typed${newStream('').replaceAll('-', '')}`;
    const stream = newStream();
    await journal().append(stream, 'none', [
      newEvent({}, `${type}One`),
      newEvent({}, 'Other'),
      newEvent({}, `${type}Two`),
    ]);
    const subscribed = subscribe(journal(), { kind: 'eventTypePrefix', prefixes: [`${type}O`, `${type}T`] });
    await subscribed.until(() => subscribed.places().length === 2);
    expect(subscribed.places()).toEqual([`${stream} 0`, `${stream} 2`]);
    await subscribed.end();
  });

  it('keeps a slow reader in order', async () => {
    const kind = newStream('slow').replaceAll('-', '');
    const stream = newStream(kind);
    await journal().append(stream, 'none', newEvents(500));
    const abort = new AbortController();
    const found: number[] = [];
    for await (const item of journal().subscribeAll({ filter: prefix(kind), signal: abort.signal })) {
      if (item.kind === 'event') found.push(item.event.revision);
      if (found.length % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (item.kind === 'caughtUp') abort.abort();
    }
    expect(found).toEqual(Array.from({ length: 500 }, (_, index) => index));
  });

  it('ends when its signal aborts', async () => {
    const subscribed = subscribe(journal(), prefix('nothing'));
    await subscribed.until((items) => items.some((item) => item.kind === 'caughtUp'));
    await subscribed.end();
  });
}

const prefix = (kind: string): AllFilter => ({ kind: 'streamPrefix', prefixes: [`${kind}-`] });

function ends(contract: JournalContract): void {
  it('refuses appends and reads after it was stopped, and stops twice', async () => {
    const journal = await contract.open();
    await journal.append(newStream(), 'none', newEvents(1));
    await journal.stop(1_000);
    await journal.stop(1_000);
    expect(journal.status()).toBe('away');
    await expect(journal.append(newStream(), 'none', newEvents(1))).rejects.toMatchObject({
      code: 'JOURNAL_UNAVAILABLE',
    });
    await expect(collect(journal.read(newStream()))).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
  });

  it('finishes the appends under way when it stops', async () => {
    const journal = await contract.open();
    await journal.append(newStream(), 'none', newEvents(1));
    const appends = Array.from({ length: 20 }, () => journal.append(newStream(), 'none', newEvents(1)));
    await journal.stop(5_000);
    expect(await Promise.all(appends)).toEqual(Array.from({ length: 20 }, () => ({ kind: 'appended', revision: 0 })));
  });

  it('ends its subscriptions when it stops', async () => {
    const journal = await contract.open();
    const subscribed = subscribe(journal, prefix('nothing'));
    await subscribed.until((items) => items.some((item) => item.kind === 'caughtUp'));
    await journal.stop(1_000);
    await subscribed.ended;
  });
}

/** A subscription that is read as fast as it comes. */
export function subscribe(journal: Journal, filter: AllFilter, after?: string) {
  const abort = new AbortController();
  const items: SubscriptionItem[] = [];
  let wake: (() => void) | undefined;
  const ended = (async () => {
    const options = { filter, signal: abort.signal, ...(after === undefined ? {} : { after }) };
    for await (const item of journal.subscribeAll(options)) {
      items.push(item);
      wake?.();
    }
  })();
  const events = (): RecordedEvent[] => items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  return {
    items,
    ended,
    events,
    places: () => events().map((event) => `${event.stream} ${event.revision}`),
    until: async (isReached: (items: SubscriptionItem[]) => boolean): Promise<void> => {
      const endedEarly = ended.then(() => {
        throw new Error('the subscription ended too early');
      });
      while (!isReached(items)) {
        const next = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([next, endedEarly]);
      }
      endedEarly.catch(() => undefined);
    },
    end: async (): Promise<void> => {
      abort.abort();
      await ended;
    },
  };
}
