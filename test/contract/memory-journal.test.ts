import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createMemoryJournal, createMemoryStore } from '../../src/journal/memory-journal.adapter.ts';
import { collect, newEvents, newStream } from './contract-events.ts';
import { journalContract } from './journal.contract.ts';

journalContract('memory', {
  open: async () => createMemoryJournal({ clock: systemClock }),
  appendSizeBytesMax: 1_048_576,
});

describe('the journal in memory', () => {
  it('is shared by all who connect to one store', async () => {
    const store = createMemoryStore({ clock: systemClock });
    const stream = newStream();
    await store.connect().append(stream, 'none', newEvents(2));
    expect(await collect(store.connect().read(stream))).toEqual(store.eventsOf(stream));
  });

  it('repeats an append whose answer was lost, without writing twice', async () => {
    const store = createMemoryStore({ clock: systemClock });
    const stream = newStream();
    store.loseAnswers(3);
    expect(await store.connect().append(stream, 'none', newEvents(2))).toEqual({ kind: 'appended', revision: 1 });
    expect(store.eventsOf(stream)).toHaveLength(2);
  });

  it('waits for a store that is away, and fails at the deadline', async () => {
    const store = createMemoryStore({ clock: systemClock });
    const journal = store.connect({ appendDeadlineMs: 100 });
    store.setAway(true);
    expect(journal.status()).toBe('away');
    await expect(journal.append(newStream(), 'none', newEvents(1))).rejects.toMatchObject({
      code: 'JOURNAL_UNAVAILABLE',
    });
    const append = journal.append(newStream(), 'none', newEvents(1));
    store.setAway(false);
    expect(await append).toEqual({ kind: 'appended', revision: 0 });
  });

  it('refuses more appends than may wait', async () => {
    const journal = createMemoryJournal({ clock: systemClock, appendQueueLengthMax: 2 });
    const appends = [1, 2, 3].map(() => journal.append(newStream(), 'none', newEvents(1)));
    await expect(appends[2]).rejects.toMatchObject({ code: 'OVERLOADED' });
    await Promise.all(appends.slice(0, 2));
  });
});
