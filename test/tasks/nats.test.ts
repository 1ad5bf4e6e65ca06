// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
import { connect, headers as createHeaders, type Msg, type NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { natsTaskType } from '../../src/tasks/nats/nats.task-type.ts';
import { startTestNats, type TestServer } from '../kit/servers.ts';
import { type AttemptFixture, closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

let server: TestServer;
let other: NatsConnection;
beforeAll(async () => {
  server = await startTestNats();
  other = await connect({ servers: server.url });
});
afterEach(closeAttempts);
afterAll(async () => {
  await other.close();
  await server.remove();
});

function start(settings: object, options: FixtureOptions = {}) {
  const whole = { type: 'nats', action: 'publish', server: server.url, headers: {}, payload: '', timeoutMs: 5_000 };
  return runAttempt(natsTaskType, { ...whole, ...settings }, options);
}

/** The first message on the subject, while something runs. */
async function heard(subject: string, run: () => Promise<unknown>, answer?: (message: Msg) => void): Promise<Msg> {
  const first = new Promise<Msg>((resolve) => {
    other.subscribe(subject, {
      max: 1,
      callback: (_fault, message) => {
        answer?.(message);
        resolve(message);
      },
    });
  });
  await other.flush();
  await run();
  return await first;
}

describe('a nats task', () => {
  it('publishes its payload with its parameters filled in, and its idempotency key', async () => {
    const settings = {
      subject: 'orders.${region}',
      payload: '{"name":"${name}"}',
      headers: { 'X-Day': '$[yyyyMMdd]' },
    };
    const options = { params: { region: 'eu', name: 'a "b"' } };
    const message = await heard('orders.eu', async () => {
      expect(await start(settings, options).result).toEqual({ kind: 'succeeded', outputs: {} });
    });
    expect(message.json()).toEqual({ name: 'a "b"' });
    expect(message.headers?.get('X-Day')).toBe('20240229');
    expect(message.headers?.get('Nats-Msg-Id')).toBe('run.step.1');
    expect(message.headers?.get('Idempotency-Key')).toBe('run.step.1');
  });

  it('has the answer to its question as output: JSON, or text', async () => {
    const ask = (subject: string) => start({ action: 'request', subject, payload: 'how many' }).result;
    const headers = createHeaders();
    headers.set('Server', 'b');
    await heard(
      'count',
      async () => {
        expect(await ask('count')).toEqual({
          kind: 'succeeded',
          outputs: { answer: { rows: 3 }, headers: { server: 'b' } },
        });
      },
      (message) => message.respond('{"rows":3}', { headers }),
    );
    await heard(
      'say',
      async () => {
        expect(await ask('say')).toEqual({ kind: 'succeeded', outputs: { answer: 'plain', headers: {} } });
      },
      (message) => message.respond('plain'),
    );
  });

  it('fails when nobody listens, when nobody answers, and without a server', async () => {
    const request = { action: 'request', subject: 'nobody' };
    const failure = (found: string) => ({
      fault: { code: 'NATS_TASK_FAILED', message: expect.stringContaining(found) },
    });
    expect(await start(request).result).toMatchObject(failure('nobody listens'));
    await heard('silent', async () => {
      expect(await start({ ...request, subject: 'silent', timeoutMs: 50 }).result).toMatchObject(
        failure('no answer in time'),
      );
    });
    expect(await start({ subject: 'a', server: 'nats://127.0.0.1:1' }).result).toMatchObject(failure('no server'));
  });

  it.each(['a.*', 'a.>', 'a b', '', 'a..b'])('takes no subject like "%s" out of a parameter', async (subject) => {
    const result = await start({ subject: '${subject}' }, { params: { subject } }).result;
    expect(result).toMatchObject({ fault: { code: 'NATS_TASK_FAILED', message: expect.stringContaining('subject') } });
  });

  it('fails on an answer that is too large', async () => {
    await heard(
      'large',
      async () => {
        const fixture = start({ action: 'request', subject: 'large' }, { outputSizeBytesMax: 10 });
        expect(await fixture.result).toMatchObject({ fault: { code: 'OUTPUT_TOO_LARGE' } });
      },
      (message) => message.respond('x'.repeat(11)),
    );
  });

  it('is given up by a cancel', async () => {
    let fixture: AttemptFixture | undefined;
    await heard('slow', async () => {
      fixture = start({ action: 'request', subject: 'slow', timeoutMs: 60_000 });
    });
    fixture?.running.cancel('graceful');
    expect(await fixture?.result).toEqual({ kind: 'cancelled' });
  });
});
