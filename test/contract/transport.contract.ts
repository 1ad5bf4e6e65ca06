/** What every transport must do. `connect` gives connections to one network; the suite stops them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/app-error.ts';
import type { IncomingMessage, Transport } from '../../src/transport/transport.port.ts';

export type TransportContract = { connect(name: string): Promise<Transport> };

export function transportContract(name: string, contract: TransportContract): void {
  describe(`the transport contract: ${name}`, () => {
    let one: Transport;
    let two: Transport;
    beforeAll(async () => {
      [one, two] = [await contract.connect('one'), await contract.connect('two')];
    });
    afterAll(() => Promise.all([one.stop(1_000), two.stop(1_000)]));

    messages(
      () => one,
      () => two,
    );
    requests(
      () => one,
      () => two,
    );
    ends(contract, () => one);
  });
}

let subjectCount = 0;
function newSubject(): string {
  subjectCount += 1;
  return `contract.${process.pid}.s${subjectCount}`;
}

/** Collects what arrives; `until` waits for a number of messages. */
async function inbox(transport: Transport, subject: string, options?: { queueGroup?: string }) {
  const received: IncomingMessage[] = [];
  let wake: () => void = () => undefined;
  const subscription = transport.subscribe(
    subject,
    (message) => {
      received.push(message);
      wake();
    },
    options,
  );
  await transport.flush();
  const until = async (count: number): Promise<void> => {
    while (received.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { received, until, stop: () => subscription.stop() };
}

function messages(one: () => Transport, two: () => Transport): void {
  it('carries JSON bodies of every kind', async () => {
    const subject = newSubject();
    const bodies = [{ text: 'Mühlgraben ✓' }, [1, 2.5, null], 'text', 0, false, null, undefined];
    const box = await inbox(two(), subject);
    for (const body of bodies) one().publish(subject, body);
    await box.until(bodies.length);
    expect(box.received.map((message) => message.body)).toEqual(bodies);
    expect(box.received[0]).toMatchObject({ subject, reply: undefined, traceparent: undefined });
  });

  it('keeps the order of one subject', async () => {
    const subject = newSubject();
    const box = await inbox(two(), subject);
    for (let index = 0; index < 2_000; index += 1) one().publish(subject, index);
    await box.until(2_000);
    expect(box.received.map((message) => message.body)).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
  });

  it('shares no objects between sender and receivers', async () => {
    const subject = newSubject();
    const [first, second] = [await inbox(one(), subject), await inbox(two(), subject)];
    const body = { list: [1] };
    one().publish(subject, body);
    body.list.push(2);
    await Promise.all([first.until(1), second.until(1)]);
    expect(first.received[0]?.body).toEqual({ list: [1] });
    expect(first.received[0]?.body).not.toBe(second.received[0]?.body);
  });

  it('never delivers within the call that publishes', async () => {
    const subject = newSubject();
    const box = await inbox(one(), subject);
    one().publish(subject, 1);
    expect(box.received).toEqual([]);
    await box.until(1);
  });

  it('reaches every subscription, wildcards too', async () => {
    const subject = newSubject();
    const patterns = [`${subject}.a.b`, `${subject}.*.b`, `${subject}.>`, `${subject}.a`, `${subject}.a.b.c`];
    const boxes = await Promise.all(patterns.map((pattern) => inbox(two(), pattern)));
    const last = await inbox(two(), `${subject}.end`);
    one().publish(`${subject}.a.b`, 1);
    one().publish(`${subject}.end`, 'end');
    await last.until(1);
    await two().flush();
    expect(boxes.map((box) => box.received.filter((message) => message.body === 1).length)).toEqual([1, 1, 1, 0, 0]);
  });

  it('gives each message of a queue group to one member', async () => {
    const subject = newSubject();
    const options = { queueGroup: 'workers' };
    const members = [await inbox(one(), subject, options), await inbox(two(), subject, options)];
    const all = await inbox(two(), subject);
    for (let index = 0; index < 100; index += 1) one().publish(subject, index);
    await all.until(100);
    await Promise.all([one().flush(), two().flush()]);
    const counts = members.map((member) => member.received.length);
    expect(counts[0]! + counts[1]!).toBe(100);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it('takes no more after the subscription stopped', async () => {
    const subject = newSubject();
    const [stopped, other] = [await inbox(two(), subject), await inbox(two(), subject)];
    stopped.stop();
    stopped.stop();
    await two().flush();
    one().publish(subject, 1);
    await other.until(1);
    expect(stopped.received).toEqual([]);
  });

  it('goes on after a handler that throws', async () => {
    const subject = newSubject();
    two().subscribe(subject, () => {
      throw new Error('a handler that throws');
    });
    const box = await inbox(two(), subject);
    one().publish(subject, 1);
    await box.until(1);
    one().publish(subject, 2);
    await box.until(2);
  });

  it('carries answers outside of requests through an inbox', async () => {
    const subject = newSubject();
    const reply = one().newInbox();
    expect(one().newInbox()).not.toBe(reply);
    const box = await inbox(one(), reply);
    two().subscribe(subject, (message) => two().publish(message.reply ?? '', { got: message.body }));
    await two().flush();
    one().publish(subject, 7, { reply });
    await box.until(1);
    expect(box.received[0]?.body).toEqual({ got: 7 });
  });
}

function requests(one: () => Transport, two: () => Transport): void {
  it('answers a request', async () => {
    const subject = newSubject();
    two().subscribe(subject, (message) => two().publish(message.reply ?? '', { echo: message.body }));
    await two().flush();
    const answer = await one().request(subject, { number: 1 }, { timeoutMs: 5_000 });
    expect(answer).toEqual({ kind: 'answer', body: { echo: { number: 1 } } });
  });

  it('keeps a thousand requests at once apart', async () => {
    const subject = newSubject();
    two().subscribe(subject, (message) => two().publish(message.reply ?? '', message.body));
    await two().flush();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => one().request(subject, index, { timeoutMs: 10_000 })),
    );
    expect(answers).toEqual(Array.from({ length: 1_000 }, (_, index) => ({ kind: 'answer', body: index })));
  });

  it('says at once that nobody listens', async () => {
    const startedAt = performance.now();
    expect(await one().request(newSubject(), {}, { timeoutMs: 30_000 })).toEqual({ kind: 'noResponders' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('says at once that nobody listens any more', async () => {
    const subject = newSubject();
    const box = await inbox(two(), subject);
    box.stop();
    await two().flush();
    expect(await one().request(subject, {}, { timeoutMs: 30_000 })).toEqual({ kind: 'noResponders' });
  });

  it('says that no answer came in time', async () => {
    const subject = newSubject();
    await inbox(two(), subject);
    expect(await one().request(subject, {}, { timeoutMs: 50 })).toEqual({ kind: 'timeout' });
  });

  it('ends a request whose signal aborts', async () => {
    const subject = newSubject();
    await inbox(two(), subject);
    const abort = new AbortController();
    const answer = one().request(subject, {}, { timeoutMs: 30_000, signal: abort.signal });
    abort.abort();
    expect(await answer).toEqual({ kind: 'timeout' });
  });

  it('takes the first of several answers', async () => {
    const subject = newSubject();
    for (const transport of [one(), two()]) {
      transport.subscribe(subject, (message) => transport.publish(message.reply ?? '', 'answer'));
      await transport.flush();
    }
    expect(await one().request(subject, {}, { timeoutMs: 5_000 })).toEqual({ kind: 'answer', body: 'answer' });
  });
}

function ends(contract: TransportContract, other: () => Transport): void {
  it('handles what it received before it stops, and stops twice', async () => {
    const subject = newSubject();
    const transport = await contract.connect('ending');
    const box = await inbox(transport, subject);
    for (let index = 0; index < 100; index += 1) other().publish(subject, index);
    await other().flush();
    await transport.stop(5_000);
    await transport.stop(5_000);
    expect(box.received).toHaveLength(100);
    expect(transport.status()).toBe('away');
  });

  it('drops messages and refuses requests after it was stopped', async () => {
    const transport = await contract.connect('ended');
    await transport.stop(1_000);
    transport.publish(newSubject(), {});
    transport.subscribe(newSubject(), () => undefined).stop();
    await expect(transport.request(newSubject(), {}, { timeoutMs: 10 })).rejects.toBeInstanceOf(AppError);
  });
}
