/** The NATS adapters against a real server, and what happens when it is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNatsBucketStore } from '../../src/buckets/nats-bucket.adapter.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { connectNatsTransport, type NatsTransport } from '../../src/transport/nats-transport.adapter.ts';
import { startTestNats, type TestServer } from '../kit/servers.ts';
import { bucketContract, watch } from './bucket.contract.ts';
import { transportContract } from './transport.contract.ts';

let server: TestServer;
const transports: NatsTransport[] = [];
const connect = async (name: string): Promise<NatsTransport> => {
  const transport = await connectNatsTransport({ servers: [server.url], name, log: silentLog });
  transports.push(transport);
  return transport;
};
const openStore = async () => createNatsBucketStore({ link: (await connect('buckets')).link, log: silentLog });

beforeAll(async () => {
  server = await startTestNats();
});
afterAll(async () => {
  await Promise.all(transports.map((transport) => transport.stop(500)));
  await server.remove();
});

transportContract('NATS', { connect });
bucketContract('NATS', { open: openStore, pass: (ms) => sleep(ms) });

describe('the NATS adapters when the server is killed', () => {
  it('drop messages, time requests out, and go on by themselves afterwards', async () => {
    const [one, two] = [await connect('one'), await connect('two')];
    const statuses: string[] = [];
    const received: unknown[] = [];
    const isBack = new Promise<void>((resolve) => {
      one.onStatus((status) => {
        statuses.push(status);
        if (status === 'connected') resolve();
      });
    });
    two.subscribe('outage', (message) => {
      received.push(message.body);
      if (message.reply !== undefined) two.publish(message.reply, 'answer');
    });
    await two.flush();
    await server.kill();
    await expect.poll(() => one.status()).toBe('away');
    one.publish('outage', 'lost');
    expect(await one.request('outage', 'lost', { timeoutMs: 50 })).toEqual({ kind: 'timeout' });
    await expect(one.flush()).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    await server.start();
    await isBack;
    await expect
      .poll(() => one.request('outage', 'found', { timeoutMs: 500 }))
      .toEqual({ kind: 'answer', body: 'answer' });
    expect(received).not.toContain('lost');
    expect(statuses).toEqual(['away', 'connected']);
  });

  it('fail bucket calls in bounded time, keep what was written, and follow the bucket again', async () => {
    const transport = await connect('claims');
    const store = createNatsBucketStore({ link: transport.link, log: silentLog, deadlineMs: 300 });
    const bucket = await store.open('outage', { ttlMs: 0, replicas: 1 });
    const { revision } = (await bucket.create('claim', 'before')) as { revision: number };
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    await server.kill();
    await expect(bucket.put('claim', 'lost')).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
    await server.start();
    const patient = await createNatsBucketStore({ link: transport.link, log: silentLog }).open('outage', {
      ttlMs: 0,
      replicas: 1,
    });
    expect(await patient.update('claim', 'after', revision)).toMatchObject({ kind: 'written' });
    await watched.until((told) => told.includes('claim="after"'));
    expect(watched.told.filter((line) => line === 'current').length).toBeLessThanOrEqual(2);
    watched.end();
  });

  it('make a deleted bucket again, and tell what is gone', async () => {
    const transport = await connect('deleted');
    const store = createNatsBucketStore({ link: transport.link, log: silentLog });
    const bucket = await store.open('deleted', { ttlMs: 0, replicas: 1 });
    await bucket.put('old', 1);
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    await transport.request('$JS.API.STREAM.DELETE.KV_deleted', undefined, { timeoutMs: 1_000 });
    expect(await bucket.create('new', 2)).toMatchObject({ kind: 'written' });
    await watched.until((told) => told.includes('old removed') && told.includes('new=2'));
    watched.end();
  });

  it('open a bucket with another time limit', async () => {
    const store = await openStore();
    await store.open('limited', { ttlMs: 60_000, replicas: 1 });
    const bucket = await store.open('limited', { ttlMs: 500, replicas: 1 });
    await bucket.put('key', 1);
    await expect.poll(() => bucket.get('key')).toBeUndefined();
  });

  it('delete the marks of removed keys after a while', async () => {
    const transport = await connect('marks');
    const store = createNatsBucketStore({ link: transport.link, log: silentLog, markRetentionMs: 100 });
    const bucket = await store.open('marks', { ttlMs: 0, replicas: 1 });
    const watched = watch(bucket);
    await watched.until((told) => told.includes('current'));
    await Promise.all(Array.from({ length: 50 }, (_, index) => bucket.create(`key.${index}`, index)));
    await Promise.all(Array.from({ length: 49 }, (_, index) => bucket.remove(`key.${index}`)));
    const messageCount = async (): Promise<unknown> => {
      const info = await transport.request('$JS.API.STREAM.INFO.KV_marks', undefined, { timeoutMs: 1_000 });
      return info.kind === 'answer' ? (info.body as { state: { messages: number } }).state.messages : info;
    };
    await expect.poll(messageCount).toBe(1);
    await watched.until((told) => told.filter((line) => line.endsWith('removed')).length === 49);
    expect(await bucket.create('key.0', 'again')).toMatchObject({ kind: 'written' });
    expect((await bucket.entries()).map((entry) => entry.key).sort()).toEqual(['key.0', 'key.49']);
    watched.end();
  });

  it('end the wait for a first connection when told', async () => {
    const abort = new AbortController();
    const connecting = connectNatsTransport({
      servers: ['nats://127.0.0.1:1'],
      name: 'early',
      log: silentLog,
      signal: abort.signal,
    });
    abort.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
  });
});
