import { randomUUID } from 'node:crypto';
import {
  ANY,
  BACKWARDS,
  END,
  type EventStoreDBClient,
  NO_STREAM,
  START,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, errorOf, event, events, NodeFixture, revisions } from './node-fixture.ts';

const fixture = new NodeFixture();
let client: EventStoreDBClient;
beforeAll(async () => {
  client = fixture.client((await fixture.node()).connectionString);
});
afterAll(() => fixture.stopAll());

const streamOf = async (count: number): Promise<string> => {
  const name = `deletion-${randomUUID()}`;
  if (count > 0) await client.appendToStream(name, events(count));
  return name;
};
const CREDENTIALS = { credentials: { username: 'admin', password: 'changeit' } };

describe('deleteStream', () => {
  it('hides the stream; $all keeps its events', async () => {
    const name = await streamOf(3);
    const result = await client.deleteStream(name, { expectedRevision: 2n });
    expect(result.position?.commit).toBeGreaterThan(0n);
    expect(await errorOf(collect(client.readStream(name)))).toBeInstanceOf(StreamNotFoundError);
    const kept = (await collect(client.readAll())).filter((resolved) => resolved.event?.streamId === name);
    expect(kept).toHaveLength(3);
  });

  it.each([ANY, NO_STREAM, 2n] as const)(
    'lets an append with %s begin anew, with numbering going on',
    async (expected) => {
      const name = await streamOf(3);
      await client.deleteStream(name);
      const batch = events(2);
      const result = await client.appendToStream(name, batch, { expectedRevision: expected });
      expect(result.nextExpectedRevision).toBe(4n);
      expect(await revisions(client.readStream(name))).toEqual([3, 4]);
      expect((await client.getStreamMetadata(name)).metadata).toEqual({ truncateBefore: 3 });
      const repeat = await client.appendToStream(name, batch, { expectedRevision: expected });
      expect(repeat.nextExpectedRevision).toBe(4n);
    },
  );

  it('refuses stream_exists and other revisions afterwards', async () => {
    const name = await streamOf(3);
    await client.deleteStream(name);
    const exists = client.appendToStream(name, event(), { expectedRevision: STREAM_EXISTS });
    expect(await errorOf(exists)).toBeInstanceOf(StreamDeletedError);
    const wrong = client.appendToStream(name, event(), { expectedRevision: 1n });
    expect(await errorOf(wrong)).toBeInstanceOf(WrongExpectedVersionError);
  });

  it('refuses a wrong revision', async () => {
    const name = await streamOf(2);
    const error = await errorOf(client.deleteStream(name, { expectedRevision: 0n }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: name, expectedVersion: 0n, actualVersion: 1n });
  });

  it('refuses a stream that never existed', async () => {
    const error = await errorOf(client.deleteStream(await streamOf(0), { expectedRevision: ANY }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
  });

  it('copes with names outside ASCII in its refusals', async () => {
    const error = await errorOf(client.deleteStream('fehlt-äöü-😀', { expectedRevision: 4n }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
  });
});

describe('tombstoneStream', () => {
  it('ends the stream for good', async () => {
    const name = await streamOf(2);
    await client.tombstoneStream(name, { expectedRevision: STREAM_EXISTS as never }); // The client's type lacks what its code sends.
    const attempts = [
      () => collect(client.readStream(name)),
      () => client.appendToStream(name, event()),
      () => client.appendToStream(name, event(), CREDENTIALS),
      () => client.appendToStream(name, event(), { expectedRevision: NO_STREAM }),
      () => client.deleteStream(name),
      () => client.tombstoneStream(name),
      () => client.setStreamMetadata(name, { maxCount: 1 }),
    ];
    for (const attempt of attempts) {
      const error = await errorOf(attempt());
      expect(error).toBeInstanceOf(StreamDeletedError);
      expect(error).toMatchObject({ streamName: expect.stringContaining(name) });
    }
  });

  it('works on a stream that does not exist and shows in $all', async () => {
    const name = await streamOf(0);
    await client.tombstoneStream(name);
    expect(await errorOf(client.appendToStream(name, event()))).toBeInstanceOf(StreamDeletedError);
    const [last] = await collect(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }));
    expect(last?.event).toMatchObject({ type: '$streamDeleted', streamId: name, revision: 2n ** 63n - 1n });
  });

  it('refuses a wrong revision', async () => {
    const name = await streamOf(2);
    const error = await errorOf(client.tombstoneStream(name, { expectedRevision: 5n }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
  });

  it('ends a running subscription after its last event', async () => {
    const name = await streamOf(1);
    const seen: string[] = [];
    const subscription = client.subscribeToStream(name, { fromRevision: START });
    const failed = new Promise<unknown>((resolve) => subscription.on('error', resolve));
    subscription.on('data', (resolved) => seen.push(resolved.event?.type ?? ''));
    await new Promise<void>((resolve) => subscription.once('caughtUp' as never, () => resolve()));
    await client.tombstoneStream(name);
    expect(await failed).toBeInstanceOf(StreamDeletedError);
    expect(seen).toEqual(['Happened', '$streamDeleted']);
  });
});

describe('stream metadata', () => {
  it('is undefined until set and comes back as set', async () => {
    const name = await streamOf(1);
    expect(await client.getStreamMetadata(name)).toEqual({ streamName: name });
    await client.setStreamMetadata(name, { maxCount: 4, maxAge: 60, truncateBefore: 0, custom: 'x' } as never);
    const { metadata } = await client.getStreamMetadata(name);
    expect(metadata).toMatchObject({ maxCount: 4, maxAge: 60, truncateBefore: 0, custom: 'x' });
  });

  it('with maxCount shows the last events only', async () => {
    const name = await streamOf(5);
    await client.setStreamMetadata(name, { maxCount: 2 });
    expect(await revisions(client.readStream(name))).toEqual([3, 4]);
    await client.appendToStream(name, event(), { expectedRevision: 4n });
    expect(await revisions(client.readStream(name))).toEqual([4, 5]);
    expect(await revisions(client.readStream(name, { direction: BACKWARDS, fromRevision: END }))).toEqual([5, 4]);
  });

  it('with truncateBefore hides the beginning, down to an empty stream that is still there', async () => {
    const name = await streamOf(5);
    await client.setStreamMetadata(name, { truncateBefore: 3 });
    expect(await revisions(client.readStream(name, { fromRevision: 1n }))).toEqual([3, 4]);
    await client.setStreamMetadata(name, { truncateBefore: 5 });
    expect(await revisions(client.readStream(name))).toEqual([]);
  });

  it('with maxAge hides what is older', async () => {
    const name = await streamOf(2);
    await client.setStreamMetadata(name, { maxAge: 1 });
    expect(await revisions(client.readStream(name))).toEqual([0, 1]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await client.appendToStream(name, event());
    expect(await revisions(client.readStream(name))).toEqual([2]);
  });

  it('counts as existence for stream_exists', async () => {
    const name = await streamOf(0);
    await client.setStreamMetadata(name, { maxCount: 9 });
    const result = await client.appendToStream(name, event(), { expectedRevision: STREAM_EXISTS });
    expect(result.nextExpectedRevision).toBe(0n);
  });

  it('keeps one visible event in the metadata stream', async () => {
    const name = await streamOf(1);
    for (const maxCount of [1, 2, 3]) await client.setStreamMetadata(name, { maxCount });
    expect(await revisions(client.readStream(`$$${name}`))).toEqual([2]);
  });

  it('cannot itself be deleted', async () => {
    expect(await errorOf(client.deleteStream('$$any'))).toBeInstanceOf(UnknownError);
  });
});
