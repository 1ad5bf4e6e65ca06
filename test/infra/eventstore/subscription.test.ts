import { randomUUID } from 'node:crypto';
import {
  type AllStreamSubscription,
  END,
  type EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  type Position,
  type ResolvedEvent,
  START,
  type StreamSubscription,
  streamNameFilter,
  UnknownError,
} from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, event, events, NodeFixture } from './node-fixture.ts';

const fixture = new NodeFixture();
let client: EventStoreDBClient;
beforeAll(async () => {
  client = fixture.client((await fixture.node()).connectionString);
});
afterAll(() => fixture.stopAll());

const stream = () => `subscription-${randomUUID()}`;

/** Collects a subscription in the order of its events and signals. */
class Listener {
  readonly log: string[] = [];
  private waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(subscription: StreamSubscription | AllStreamSubscription) {
    subscription.on('error', (error: Error) => this.add(`error ${error.name}`));
    for (const signal of ['confirmation', 'caughtUp'] as const)
      subscription.on(signal as never, () => this.add(signal));
    subscription.on('data', (resolved: ResolvedEvent) =>
      this.add(`${resolved.event?.streamId}:${resolved.event?.revision}`),
    );
  }

  has(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.log.length >= count) resolve();
      else this.waiting = { count, resolve };
    });
  }

  private add(entry: string): void {
    this.log.push(entry);
    if (this.waiting !== undefined && this.log.length >= this.waiting.count) this.waiting.resolve();
  }
}

describe('subscribeToStream', () => {
  it('confirms, delivers what is there, catches up, goes on live', async () => {
    const name = stream();
    await client.appendToStream(name, events(2));
    const subscription = client.subscribeToStream(name, { fromRevision: START });
    const listener = new Listener(subscription);
    await listener.has(4);
    await client.appendToStream(name, events(2));
    await listener.has(6);
    expect(listener.log).toEqual(['confirmation', `${name}:0`, `${name}:1`, 'caughtUp', `${name}:2`, `${name}:3`]);
    await subscription.unsubscribe();
  });

  it('starts behind the given revision', async () => {
    const name = stream();
    await client.appendToStream(name, events(4));
    const subscription = client.subscribeToStream(name, { fromRevision: 1n });
    const listener = new Listener(subscription);
    await listener.has(4);
    expect(listener.log).toEqual(['confirmation', `${name}:2`, `${name}:3`, 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('waits for a stream that does not exist yet, and from the end for new events only', async () => {
    const [missing, old] = [stream(), stream()];
    await client.appendToStream(old, events(3));
    const subscriptions = [client.subscribeToStream(missing), client.subscribeToStream(old, { fromRevision: END })];
    const listeners = subscriptions.map((subscription) => new Listener(subscription));
    await Promise.all(listeners.map((listener) => listener.has(2)));
    await client.appendToStream(missing, event());
    await client.appendToStream(old, event());
    await Promise.all(listeners.map((listener) => listener.has(3)));
    expect(listeners.map((listener) => listener.log[2])).toEqual([`${missing}:0`, `${old}:3`]);
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()));
  });

  it('delivers every event once and in order while writers are at work', async () => {
    const name = stream();
    const writing = (async () => {
      for (let round = 0; round < 150; round++) await client.appendToStream(name, events(3));
    })();
    const seen: number[] = [];
    const subscription = client.subscribeToStream(name);
    for await (const resolved of subscription) {
      seen.push(Number(resolved.event?.revision));
      if (seen.length % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (seen.length === 450) break;
    }
    await writing;
    await subscription.unsubscribe();
    expect(seen).toEqual(Array.from({ length: 450 }, (_, index) => index));
  });

  it('catches up again after a reader fell far behind', async () => {
    const name = stream();
    const data = { filler: 'x'.repeat(20_000) };
    const subscription = client.subscribeToStream(name);
    const iterator = subscription[Symbol.asyncIterator]();
    for (let round = 0; round < 30; round++) {
      await client.appendToStream(
        name,
        Array.from({ length: 20 }, () => event('Large', data)),
      );
    }
    const seen: number[] = [];
    while (seen.length < 600) seen.push(Number((await iterator.next()).value?.event?.revision));
    expect(seen).toEqual(Array.from({ length: 600 }, (_, index) => index));
    await subscription.unsubscribe();
  });
});

describe('subscribeToAll', () => {
  it('delivers everything behind a position, in commit order', async () => {
    const [one, other] = [stream(), stream()];
    const { position } = await client.appendToStream(one, event());
    await client.appendToStream(other, events(2));
    const subscription = client.subscribeToAll({ fromPosition: position as Position });
    const listener = new Listener(subscription);
    await listener.has(4);
    await client.appendToStream(one, event());
    await listener.has(5);
    expect(listener.log).toEqual(['confirmation', `${other}:0`, `${other}:1`, 'caughtUp', `${one}:1`]);
    await subscription.unsubscribe();
  });

  const filters = (prefix: string) =>
    [
      ['stream prefixes', streamNameFilter({ prefixes: [`${prefix}-a`, `${prefix}-c`] }), ['a', 'c']],
      ['a stream expression', streamNameFilter({ regex: `^${prefix}-[bc]` }), ['b', 'c']],
      ['type prefixes', eventTypeFilter({ prefixes: [`${prefix}-type-a`] }), ['a']],
      ['a type expression', eventTypeFilter({ regex: `^${prefix}-type-.$` }), ['a', 'b', 'c']],
    ] as const;

  it.each([0, 1, 2, 3])('filters by names and types, stored and live (case %i)', async (index) => {
    const prefix = randomUUID();
    const [, filter, expected] = filters(prefix)[index] as ReturnType<typeof filters>[number];
    const write = async (): Promise<void> => {
      for (const letter of ['a', 'b', 'c']) {
        await client.appendToStream(`${prefix}-${letter}`, event(`${prefix}-type-${letter}`));
      }
    };
    await write();
    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    const listener = new Listener(subscription);
    await listener.has(2 + expected.length);
    await write();
    await listener.has(2 + 2 * expected.length);
    const entries = [0, 1].map((revision) => expected.map((letter) => `${prefix}-${letter}:${revision}`));
    expect(listener.log).toEqual(['confirmation', ...(entries[0] ?? []), 'caughtUp', ...(entries[1] ?? [])]);
    await subscription.unsubscribe();
  });

  it('leaves out system events', async () => {
    const name = stream();
    const { position } = await client.appendToStream(name, event());
    await client.setStreamMetadata(name, { maxCount: 5 });
    await client.appendToStream(name, event());
    const subscription = client.subscribeToAll({ fromPosition: position as Position, filter: excludeSystemEvents() });
    const listener = new Listener(subscription);
    await listener.has(3);
    expect(listener.log).toEqual(['confirmation', `${name}:1`, 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('reports checkpoints that never go back', async () => {
    const checkpoints: bigint[] = [];
    const name = stream();
    for (let round = 0; round < 10; round++) await client.appendToStream(name, events(10));
    const filter = streamNameFilter({
      prefixes: ['no-such-stream'],
      maxSearchWindow: 10,
      checkpointInterval: 2,
      checkpointReached: (_subscription, position) => void checkpoints.push(position.commit),
    });
    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    const listener = new Listener(subscription);
    await listener.has(2);
    const beforeLive = checkpoints.length;
    await client.appendToStream(name, events(20));
    await expect.poll(() => checkpoints.length).toBeGreaterThan(beforeLive);
    const [last] = (await collect(client.readAll())).slice(-1);
    expect(beforeLive).toBeGreaterThanOrEqual(5);
    expect(checkpoints).toEqual([...checkpoints].sort((left, right) => Number(left - right)));
    expect(checkpoints.at(-1)).toBeLessThanOrEqual(last?.event?.position?.commit ?? 0n);
    await subscription.unsubscribe();
  });

  it('refuses an expression that cannot be compiled', async () => {
    const subscription = client.subscribeToAll({ filter: streamNameFilter({ regex: '([' }) });
    subscription.on('data', () => {});
    const error = await new Promise((resolve) => subscription.on('error', resolve));
    expect(error).toBeInstanceOf(UnknownError);
  });
});
