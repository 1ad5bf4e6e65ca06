import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  BACKWARDS,
  EventStoreDBClient,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
  UnavailableError,
  UnknownError,
  UnsupportedError,
} from '@eventstore/db-client';
import { afterAll, describe, expect, it } from 'vitest';
import { collect, errorOf, event, events, exitOf, NodeFixture } from './node-fixture.ts';

const fixture = new NodeFixture();
afterAll(() => fixture.stopAll());

describe('connections', () => {
  it('serve exactly 100 calls at a time; the next waits for a free place', async () => {
    const { connectionString } = await fixture.node();
    const client = fixture.client(connectionString);
    const other = fixture.client(`${connectionString}&keepAliveInterval=10001`); // Its own connection.
    const streams = Array.from({ length: 100 }, () => `limit-${randomUUID()}`);
    const subscriptions = streams.map((stream) => client.subscribeToStream(stream));
    const confirmed = subscriptions.map(
      (subscription) => new Promise<void>((resolve) => subscription.once('confirmation', resolve)),
    );
    for (const subscription of subscriptions) subscription.on('data', () => {}).on('error', () => {});
    await Promise.all(confirmed);
    let isRead = false;
    const waiting = collect(client.readAll({ maxCount: 1 })).then(() => {
      isRead = true;
    });
    expect(await collect(other.readAll({ maxCount: 1 }))).toEqual([]);
    expect(isRead).toBe(false);
    await other.tombstoneStream(streams[0] as string); // Ends the first subscription.
    await waiting;
    await Promise.all(subscriptions.slice(1).map((subscription) => subscription.unsubscribe()));
  });

  it('do not lose places to reads that are given up', async () => {
    const client = fixture.client((await fixture.node()).connectionString);
    await client.appendToStream('long', events(500));
    for (let round = 0; round < 150; round++) {
      const read = client.readStream('long');
      for await (const _ of read) break;
      await read.cancel();
    }
    expect(await collect(client.readStream('long', { direction: BACKWARDS, maxCount: 1 }))).toHaveLength(1);
  });

  it('are found by gossip', async () => {
    const node = await fixture.node();
    const client = EventStoreDBClient.connectionString(`esdb+discover://127.0.0.1:${node.port}?tls=false`);
    expect(await collect(client.readAll())).toEqual([]);
    await client.dispose();
  });
});

describe('a node', () => {
  it('answers its health over HTTP/1.1 on the same port', async () => {
    const { port } = await fixture.node();
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(204);
    expect((await fetch(`http://127.0.0.1:${port}/subscriptions`)).status).toBe(404);
  });

  it('refuses addresses beyond the loopback unless told otherwise', async () => {
    expect(await errorOf(fixture.node({ host: '0.0.0.0' }))).toMatchObject({ code: 'EVENT_STORE_ADDRESS_REFUSED' });
    const node = await fixture.node({ host: '0.0.0.0', allowRemote: true });
    expect((await fetch(`http://127.0.0.1:${node.port}/health/live`)).status).toBe(204);
  });

  it('refuses a port in use and leaves the folder free', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const dataDir = fixture.folder();
    expect(await errorOf(fixture.node({ dataDir, port }))).toMatchObject({ code: 'EVENT_STORE_PORT_IN_USE' });
    server.close();
    await fixture.node({ dataDir });
  });

  it('refuses a folder that is a file', async () => {
    const path = join(fixture.folder(), 'file');
    writeFileSync(path, '');
    expect(await errorOf(fixture.node({ dataDir: path }))).toMatchObject({ code: 'EVENT_STORE_FOLDER_UNUSABLE' });
  });

  it('refuses what it does not offer in a way the client understands', async () => {
    const client = fixture.client((await fixture.node()).connectionString);
    const settings = persistentSubscriptionToStreamSettingsFromDefaults();
    const refused = [
      () => client.createPersistentSubscriptionToStream('stream', 'group', settings),
      () => client.listAllPersistentSubscriptions(),
      () => client.listPersistentSubscriptionsToStream('stream'),
      () => client.getPersistentSubscriptionToStreamInfo('stream', 'group'),
      () => client.replayParkedMessagesToStream('stream', 'group'),
      () => client.restartPersistentSubscriptionSubsystem(),
      () => client.createProjection('projection', 'fromAll()'),
    ];
    for (const call of refused) {
      const error = await errorOf(call());
      expect(error).toBeInstanceOf(UnknownError);
      expect(error).toMatchObject({ code: 12 });
    }
    expect(await errorOf(client.listPersistentSubscriptionsToAll())).toBeInstanceOf(UnsupportedError);
  });

  it('stops with its calls unavailable, never with a clean end, and twice is once', async () => {
    const node = await fixture.node();
    const client = fixture.client(node.connectionString);
    await client.appendToStream('stopping', event());
    const subscription = client.subscribeToAll({ fromPosition: START });
    subscription.on('data', () => {});
    const ended = new Promise<unknown>((resolve) => subscription.on('error', resolve));
    await new Promise<void>((resolve) => subscription.once('confirmation', resolve));
    await Promise.all([node.stop(1000), node.stop(1000)]);
    expect(await ended).toBeInstanceOf(UnavailableError);
  });

  it('settles every append that is on its way when it stops', async () => {
    const folder = fixture.folder();
    const node = await fixture.process(folder);
    const client = fixture.client(node.connectionString);
    const outcomes = Array.from({ length: 300 }, (_, index) =>
      client.appendToStream(`settled-${index}`, event()).then(
        () => 'written',
        (error: { code?: number }) => (error.code === 14 ? 'unavailable' : `unexpected ${String(error)}`),
      ),
    );
    await outcomes[0];
    node.child.kill('SIGTERM');
    const settled = await Promise.all(outcomes);
    expect(await exitOf(node.child)).toBe(0);
    expect(new Set(settled).has('written')).toBe(true);
    expect(settled.filter((outcome) => outcome.startsWith('unexpected'))).toEqual([]);
  });
});

describe('the process', () => {
  it.each([[[]], [['--data-dir', 'x', '--port', '99999']], [['--unknown']]])(
    'ends with code 78 on %o',
    async (args) => {
      expect(await exitOf(fixture.spawn(args))).toBe(78);
    },
  );
});
