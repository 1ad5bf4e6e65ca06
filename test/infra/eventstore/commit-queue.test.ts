/** What happens to queued writes when the file cannot be written. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { AppendOutcome } from '../../../infra/eventstore/append-outcome.ts';
import { CommitQueue } from '../../../infra/eventstore/commit-queue.ts';
import { countFrames } from '../../../infra/eventstore/event-frame.ts';
import type { EventStorage } from '../../../infra/eventstore/event-storage.ts';
import { EventWriter } from '../../../infra/eventstore/event-writer.ts';
import { openSqliteStorage } from '../../../infra/eventstore/sqlite-storage.ts';
import { StreamStates } from '../../../infra/eventstore/stream-states.ts';
import { NodeFixture } from './node-fixture.ts';

const fixture = new NodeFixture();
const storages: EventStorage[] = [];
afterAll(async () => {
  for (const storage of storages) storage.close();
  await fixture.stopAll();
});

type Settled = AppendOutcome | { readonly kind: 'failed' };

/** A queue over a real file whose commits fail while `isBroken`. */
const brokenStore = () => {
  const storage = openSqliteStorage(fixture.folder());
  storages.push(storage);
  const disk = { isBroken: false };
  const faults: unknown[] = [];
  const commit = (work: () => void): void =>
    storage.commit(() => {
      work();
      if (disk.isBroken) throw new Error('disk I/O error');
    });
  const breakable: EventStorage = Object.assign(Object.create(storage) as EventStorage, { commit });
  const queue = new CommitQueue({
    storage: breakable,
    writer: new EventWriter(storage, new StreamStates(storage)),
    onCommitted: () => {},
    onFault: (error) => faults.push(error),
  });
  const append = (streamName: string, expected: number | 'no_stream'): Promise<Settled> =>
    new Promise((resolve) => {
      const event = {
        id: randomUUID(),
        type: Buffer.from('Happened'),
        contentType: Buffer.from('application/json'),
        customMetadata: Buffer.alloc(0),
        data: Buffer.from('{}'),
      };
      queue.push({
        sizeBytes: 2,
        execute: (writer) => writer.append({ streamName, expected, deadlineAtMs: undefined }, [event]),
        settle: resolve,
        fail: () => resolve({ kind: 'failed' }),
      });
    });
  return { storage, disk, faults, queue, append };
};

describe('a commit that fails', () => {
  it('fails all its writes, leaves nothing behind, and the next one starts from what is stored', async () => {
    const { storage, disk, faults, append } = brokenStore();
    expect(await append('kept', 'no_stream')).toMatchObject({ kind: 'written', lastRevision: 0 });
    const before = storage.lastPosition();
    disk.isBroken = true;
    const failed = await Promise.all([append('kept', 0), append('new', 'no_stream')]);
    expect(failed).toEqual([{ kind: 'failed' }, { kind: 'failed' }]);
    expect(faults).toHaveLength(1);
    expect(storage.lastPosition()).toBe(before);
    expect(storage.streamHead('new')).toBeUndefined();
    disk.isBroken = false;
    const repeated = await Promise.all([append('kept', 0), append('new', 'no_stream'), append('kept', 1)]);
    expect(repeated.map((outcome) => outcome.kind === 'written' && outcome.lastRevision)).toEqual([1, 0, 2]);
    const rows = storage.readAll({ direction: 'forwards', from: 0, limit: 100 });
    expect(rows.reduce((count, row) => count + countFrames(row.frames), 0)).toBe(4);
  });

  it('takes nothing more once closed, after settling what was queued', async () => {
    const { queue, append } = brokenStore();
    const queued = append('stream', 'no_stream');
    queue.close();
    expect(await queued).toMatchObject({ kind: 'written' });
    expect(await append('stream', 0)).toEqual({ kind: 'failed' });
  });
});
