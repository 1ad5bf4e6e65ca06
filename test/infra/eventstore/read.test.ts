import { randomUUID } from 'node:crypto';
import {
  BACKWARDS,
  END,
  type EventStoreDBClient,
  FORWARDS,
  jsonEvent,
  START,
  StreamNotFoundError,
} from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, errorOf, event, events, NodeFixture, revisions } from './node-fixture.ts';

const fixture = new NodeFixture();
let client: EventStoreDBClient;
beforeAll(async () => {
  client = fixture.client((await fixture.node()).connectionString);
});
afterAll(() => fixture.stopAll());

const stream = () => `read-${randomUUID()}`;
/** Ten events: appends of 1, 5, 3 and 1. */
const tenEvents = async (): Promise<string> => {
  const name = stream();
  for (const count of [1, 5, 3, 1]) await client.appendToStream(name, events(count));
  return name;
};

describe('readStream', () => {
  it.each([
    [{}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [{ fromRevision: 3n, maxCount: 4 }, [3, 4, 5, 6]],
    [{ fromRevision: 9n }, [9]],
    [{ fromRevision: 10n }, []],
    [{ fromRevision: START, maxCount: 1 }, [0]],
    [{ direction: BACKWARDS, fromRevision: END }, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
    [{ direction: BACKWARDS, fromRevision: END, maxCount: 3 }, [9, 8, 7]],
    [{ direction: BACKWARDS, fromRevision: 4n, maxCount: 3 }, [4, 3, 2]],
    [{ direction: BACKWARDS, fromRevision: 99n, maxCount: 2 }, [9, 8]],
    [{ direction: BACKWARDS, fromRevision: START }, [0]],
  ] as const)('with %o delivers %o', async (options, expected) => {
    expect(await revisions(client.readStream(await tenEvents(), options))).toEqual(expected);
  });

  it('reports a stream that does not exist', async () => {
    const error = await errorOf(collect(client.readStream('missing-stream')));
    expect(error).toBeInstanceOf(StreamNotFoundError);
  });

  it('fills positions as $all shows them', async () => {
    const name = await tenEvents();
    const own = await collect(client.readStream(name));
    const all = (await collect(client.readAll())).filter((resolved) => resolved.event?.streamId === name);
    expect(own.map((resolved) => resolved.event?.position)).toEqual(all.map((resolved) => resolved.event?.position));
    expect(own[0]?.commitPosition).toBe(own[0]?.event?.position?.commit);
  });

  it('reads thousands of events in order, in pages', async () => {
    const name = stream();
    for (let round = 0; round < 30; round++) await client.appendToStream(name, events(100));
    const expected = Array.from({ length: 3000 }, (_, index) => index);
    expect(await revisions(client.readStream(name))).toEqual(expected);
    const backwards = client.readStream(name, { direction: BACKWARDS, fromRevision: END });
    expect(await revisions(backwards)).toEqual(expected.reverse());
  });

  it('waits for a reader that does not keep up', async () => {
    const name = stream();
    const data = { filler: 'x'.repeat(50_000) };
    for (let round = 0; round < 10; round++) {
      await client.appendToStream(
        name,
        Array.from({ length: 20 }, () => event('Large', data)),
      );
    }
    let count = 0;
    for await (const _ of client.readStream(name)) {
      if (count++ % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(count).toBe(200);
  });
});

describe('readAll', () => {
  it('reads forwards from a position inclusive, backwards exclusive, with limits', async () => {
    const node = await fixture.node();
    const own = fixture.client(node.connectionString);
    for (const count of [2, 3]) {
      await own.appendToStream('one', events(count), { credentials: { username: 'a', password: 'b' } });
    }
    const all = await collect(own.readAll());
    const ids = all.map((resolved) => resolved.event?.id);
    const position = all[3]?.event?.position;
    if (position === undefined) throw new Error('the event has no position');
    const idsOf = async (options: object) =>
      (await collect(own.readAll(options))).map((resolved) => resolved.event?.id);
    expect(all).toHaveLength(5);
    expect(await idsOf({ fromPosition: position })).toEqual(ids.slice(3));
    expect(await idsOf({ fromPosition: position, maxCount: 1 })).toEqual([ids[3]]);
    expect(await idsOf({ direction: BACKWARDS, fromPosition: position })).toEqual(ids.slice(0, 3).reverse());
    expect(await idsOf({ direction: BACKWARDS, fromPosition: END, maxCount: 2 })).toEqual([ids[4], ids[3]]);
    expect(await idsOf({ direction: BACKWARDS, fromPosition: START })).toEqual([]);
    expect(await idsOf({ direction: FORWARDS, fromPosition: END })).toEqual([]);
  });

  it('has strictly rising positions with gaps, above zero', async () => {
    await tenEvents();
    const positions = (await collect(client.readAll())).map((resolved) => resolved.event?.position?.commit ?? 0n);
    expect(positions[0]).toBeGreaterThan(1n);
    positions.slice(1).forEach((position, index) => {
      expect(position - (positions[index] as bigint)).toBeGreaterThan(1n);
    });
  });
});

describe('links', () => {
  const linkTo = (revision: number, target: string) =>
    client.appendToStream(`links-of-${target}`, {
      ...jsonEvent({ type: '$>', data: {} }),
      contentType: 'application/octet-stream',
      data: Buffer.from(`${revision}@${target}`),
    } as never);

  it('delivers the target and the link', async () => {
    const target = await tenEvents();
    await linkTo(4, target);
    const [resolved] = await collect(client.readStream(`links-of-${target}`, { resolveLinkTos: true }));
    expect(resolved?.event).toMatchObject({ streamId: target, revision: 4n });
    expect(resolved?.link).toMatchObject({ streamId: `links-of-${target}`, revision: 0n, type: '$>' });
    expect(resolved?.commitPosition).toBe(resolved?.link?.position?.commit);
  });

  it('delivers the link alone when the target is gone or links are not asked for', async () => {
    const target = await tenEvents();
    await linkTo(44, target);
    const [gone] = await collect(client.readStream(`links-of-${target}`, { resolveLinkTos: true }));
    const [plain] = await collect(client.readStream(`links-of-${target}`));
    expect(gone?.event).toBeUndefined();
    expect(gone?.link?.type).toBe('$>');
    expect(plain?.event?.type).toBe('$>');
  });
});
