import { randomUUID } from 'node:crypto';
import {
  ANY,
  BACKWARDS,
  binaryEvent,
  DeadlineExceededError,
  END,
  type EventStoreDBClient,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
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

const stream = () => `append-${randomUUID()}`;
/** Per-call credentials make the client use Append instead of BatchAppend. */
const CALLS = [
  ['BatchAppend', {}],
  ['Append', { credentials: { username: 'admin', password: 'changeit' } }],
] as const;

describe.each(CALLS)('%s', (_name, options) => {
  it('answers with the revision and position of the last event', async () => {
    const name = stream();
    const first = await client.appendToStream(name, events(3), { expectedRevision: NO_STREAM, ...options });
    const second = await client.appendToStream(name, event(), { expectedRevision: 2n, ...options });
    expect(first).toMatchObject({ success: true, nextExpectedRevision: 2n });
    expect(second.nextExpectedRevision).toBe(3n);
    expect(second.position?.commit).toBeGreaterThan(first.position?.commit ?? 0n);
  });

  it('keeps bytes, type, id and metadata as they were', async () => {
    const name = stream();
    const id = randomUUID();
    const data = Buffer.from([0, 255, 1, 254]);
    const json = jsonEvent({ type: 'Größe', data: { text: 'ü€😀' }, metadata: { by: 'me' } });
    await client.appendToStream(name, [binaryEvent({ type: 'raw', data, id }), json], options);
    const [raw, text] = await collect(client.readStream(name));
    expect(raw?.event).toMatchObject({ id, type: 'raw', isJson: false, streamId: name, revision: 0n });
    expect(Buffer.from(raw?.event?.data as Uint8Array)).toEqual(data);
    expect(text?.event).toMatchObject({ type: 'Größe', data: { text: 'ü€😀' }, metadata: { by: 'me' } });
    expect(Math.abs(Date.now() - (raw?.event?.created.getTime() ?? 0))).toBeLessThan(60_000);
  });

  it.each([
    ['no_stream on a stream that exists', NO_STREAM, 1n],
    ['a revision that is too low', 0n, 1n],
    ['a revision that is too high', 7n, 1n],
  ] as const)('refuses %s', async (_case, expectedRevision, actualVersion) => {
    const name = stream();
    await client.appendToStream(name, events(2), options);
    const error = await errorOf(client.appendToStream(name, event(), { expectedRevision, ...options }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ streamName: name, actualVersion, expectedVersion: expectedRevision });
  });

  it.each([STREAM_EXISTS, 0n] as const)('refuses %s on a stream that does not exist', async (expectedRevision) => {
    const error = await errorOf(client.appendToStream(stream(), event(), { expectedRevision, ...options }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
    expect(error).toMatchObject({ actualVersion: 'no_stream', expectedVersion: expectedRevision });
  });

  it.each([NO_STREAM, ANY] as const)('answers the repeat of an append with %s as the first time', async (expected) => {
    const name = stream();
    const batch = events(3);
    const first = await client.appendToStream(name, batch, { expectedRevision: expected, ...options });
    await client.appendToStream(name, event(), { expectedRevision: 2n, ...options });
    const repeat = await client.appendToStream(name, batch, { expectedRevision: expected, ...options });
    expect(repeat).toEqual(first);
    expect(await revisions(client.readStream(name))).toEqual([0, 1, 2, 3]);
  });

  it('answers the repeat of an append at a revision, also of a part of an append', async () => {
    const name = stream();
    const batch = events(4);
    await client.appendToStream(name, batch, { expectedRevision: ANY, ...options });
    const repeat = await client.appendToStream(name, batch.slice(1, 3), { expectedRevision: 0n, ...options });
    const byId = await client.appendToStream(name, batch.slice(2), { expectedRevision: STREAM_EXISTS, ...options });
    expect(repeat.nextExpectedRevision).toBe(2n);
    expect(byId.nextExpectedRevision).toBe(3n);
    expect(await revisions(client.readStream(name))).toEqual([0, 1, 2, 3]);
  });

  it('knows an append at a revision again when it is repeated without one, and one put together from several', async () => {
    const name = stream();
    const [first, second] = [events(3), events(2)];
    await client.appendToStream(name, first, { expectedRevision: NO_STREAM, ...options });
    await client.appendToStream(name, second, { expectedRevision: ANY, ...options });
    const byId = await client.appendToStream(name, first, { expectedRevision: ANY, ...options });
    const joined = await client.appendToStream(name, [...first, ...second], { expectedRevision: ANY, ...options });
    expect(byId.nextExpectedRevision).toBe(2n);
    expect(joined.nextExpectedRevision).toBe(4n);
    expect(await revisions(client.readStream(name))).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses a repeat that goes on with other events', async () => {
    const name = stream();
    const batch = events(2);
    await client.appendToStream(name, batch, { expectedRevision: NO_STREAM, ...options });
    for (const expectedRevision of [NO_STREAM, ANY] as const) {
      const mixed = [...batch.slice(0, 1), event()];
      const error = await errorOf(client.appendToStream(name, mixed, { expectedRevision, ...options }));
      expect(error).toBeInstanceOf(WrongExpectedVersionError);
    }
  });

  it('writes the same event id into different streams', async () => {
    const shared = event();
    const [one, other] = [stream(), stream()];
    await client.appendToStream(one, shared, { expectedRevision: ANY, ...options });
    await client.appendToStream(other, shared, { expectedRevision: ANY, ...options });
    expect(await revisions(client.readStream(other))).toEqual([0]);
  });

  it('accepts an empty append at the right revision only', async () => {
    const name = stream();
    await client.appendToStream(name, event(), options);
    const empty = await client.appendToStream(name, [], { expectedRevision: 0n, ...options });
    expect(empty).toMatchObject({ success: true, nextExpectedRevision: 0n });
    const error = await errorOf(client.appendToStream(name, [], { expectedRevision: NO_STREAM, ...options }));
    expect(error).toBeInstanceOf(WrongExpectedVersionError);
  });

  it('accepts one mebibyte in all and refuses one byte more, and the connection goes on', async () => {
    const name = stream();
    const half = (sizeBytes: number) => binaryEvent({ type: 'ab', data: Buffer.alloc(sizeBytes, 7) });
    const fitting = [half(524_284), half(524_284)];
    await client.appendToStream(name, fitting, { expectedRevision: NO_STREAM, ...options });
    const error = await errorOf(client.appendToStream(stream(), [half(524_284), half(524_285)], options));
    expect(error).toBeInstanceOf(MaxAppendSizeExceededError);
    expect(error).toMatchObject({ maxAppendSize: 1_048_576 });
    await client.appendToStream(name, event(), { expectedRevision: 1n, ...options });
    expect(await revisions(client.readStream(name))).toEqual([0, 1, 2]);
  });

  it('refuses an id that is no UUID', async () => {
    const bad = { ...event(), id: 'no-uuid' };
    expect(await errorOf(client.appendToStream(stream(), bad, options))).toBeInstanceOf(UnknownError);
  });
});

describe('appends', () => {
  it('puts the chunks of a large batch together', async () => {
    const name = stream();
    const result = await client.appendToStream(name, events(200), { batchAppendSize: 1000 });
    expect(result.nextExpectedRevision).toBe(199n);
    expect(await revisions(client.readStream(name))).toHaveLength(200);
  });

  it('refuses an append that is too large by chunks', async () => {
    const large = Array.from({ length: 5 }, () => binaryEvent({ type: 't', data: Buffer.alloc(1_000_000) }));
    const error = await errorOf(client.appendToStream(stream(), large));
    expect(error).toBeInstanceOf(MaxAppendSizeExceededError);
  });

  it('answers an append whose deadline has passed without writing it', async () => {
    const name = stream();
    const error = await errorOf(client.appendToStream(name, event(), { deadline: -1000 }));
    expect(error).toBeInstanceOf(DeadlineExceededError);
    expect((await client.appendToStream(name, event(), { expectedRevision: NO_STREAM })).success).toBe(true);
  });

  it('reports a wrong revision as a value if the client wishes so', async () => {
    const name = stream();
    await client.appendToStream(name, event());
    const lenient = fixture.client(`${(await fixture.node()).connectionString}&throwOnAppendFailure=false`);
    await lenient.appendToStream(name, event(), { credentials: { username: 'a', password: 'b' } });
    const result = await lenient.appendToStream(name, event(), {
      expectedRevision: NO_STREAM,
      credentials: { username: 'a', password: 'b' },
    });
    expect(result).toMatchObject({ success: false, nextExpectedRevision: 0n });
  });

  it('gives racing writers of one stream one winner per revision', async () => {
    const name = stream();
    let conflictCount = 0;
    const write = async (): Promise<void> => {
      for (let written = 0; written < 3; ) {
        const [last] = await collect(
          client.readStream(name, { direction: BACKWARDS, fromRevision: END, maxCount: 1 }),
        ).catch(() => []);
        const expectedRevision = last?.event?.revision ?? NO_STREAM;
        const result = await client.appendToStream(name, event(), { expectedRevision }).catch(() => undefined);
        if (result === undefined) conflictCount++;
        else written++;
      }
    };
    await Promise.all(Array.from({ length: 12 }, write));
    expect(await revisions(client.readStream(name))).toEqual(Array.from({ length: 36 }, (_, index) => index));
    expect(conflictCount).toBeGreaterThan(0);
  });
});
