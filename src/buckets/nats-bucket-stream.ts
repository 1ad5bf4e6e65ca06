/**
 * The stream behind a KV bucket, through JetStream's own requests. Laid out as the `nats kv` command line expects it.
 *
 * N1 A write whose answer was lost may have happened. Its repetition then conflicts with itself: if the key holds just
 *    what was to be written, the write counts as done. Values of one key by different writers must differ for that.
 * N2 A bucket that somebody deleted is made again, empty.
 * N3 A removal is a `DEL`, not a `PURGE`: with one message kept for each key both leave the mark alone, but
 *    nats-server 2.9 withholds most marks of a burst of purges (they are roll-ups) from consumers that listen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { headers, type MsgHdrs } from 'nats';
import { z } from 'zod';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import type { NatsLink } from '../transport/nats-link.ts';
import type { BucketWriteResult } from './bucket.port.ts';

export type BucketStreamOptions = {
  link: NatsLink;
  name: string;
  ttlMs: number;
  replicas: number;
  /** Longest time of one call, repetitions included. */
  deadlineMs: number;
  log: Log;
};

/** `valueText` is undefined for the mark that a removed key leaves behind. */
export type StoredValue = { revision: number; valueText: string | undefined };

/** What the server said; `fault` when it refused. */
type Answer = { fault: z.infer<typeof faultSchema> | undefined; body: unknown };

const faultSchema = z.object({
  code: z.number(),
  err_code: z.number().optional(),
  description: z.string().default(''),
});
const answerSchema = z.looseObject({ error: faultSchema.optional() });
const ackSchema = z.object({ seq: z.int().min(1) });
const storedSchema = z.object({
  message: z.object({ seq: z.int(), data: z.string().default(''), hdrs: z.string().default('') }),
});
const streamSchema = z.object({ config: z.looseObject({ max_age: z.number(), num_replicas: z.number() }) });
const consumerSchema = z.object({
  name: z.string(),
  num_pending: z.number(),
  delivered: z.object({ consumer_seq: z.number() }),
});

const codes = { wrongLastSequence: [10071, 10164], messageNotFound: 10037, streamNotFound: 10059, deleteFailed: 10057 };
const attemptTimeoutMs = 2_000;
const retryDelayMs = 50;
const nanosecondsPerMs = 1_000_000;
const heartbeatMs = 1_000;
const duplicateWindowMaxMs = 120_000;

export class BucketStream {
  readonly subjectPrefix: string;
  readonly link: NatsLink;
  private readonly stream: string;
  private readonly options: BucketStreamOptions;

  constructor(options: BucketStreamOptions) {
    this.options = options;
    this.link = options.link;
    this.stream = `KV_${options.name}`;
    this.subjectPrefix = `$KV.${options.name}.`;
  }

  /** Makes the stream, or fits its time limit and copies to what is wanted now. */
  ensure(): Promise<void> {
    return this.untilDone(() => this.tryEnsure());
  }

  /** Without a value the key is removed. `expected` is the key's last revision, 0 for none. */
  write(key: string, valueText: string | undefined, expected: number | undefined): Promise<BucketWriteResult> {
    const payload = Buffer.from(valueText ?? '');
    const head = writeHeaders(valueText === undefined, expected);
    let isUnknown = false;
    return this.untilDone(async () => {
      const reply = await this.call(this.subjectPrefix + key, payload, head);
      if (reply === 'timeout') {
        isUnknown = true;
        throw new Unanswered('the write was not answered');
      }
      if (reply === 'noResponders') await this.tryEnsure();
      const { fault, body } = demandAnswer(reply);
      if (fault === undefined) return { kind: 'written', revision: ackSchema.parse(body).seq };
      if (!codes.wrongLastSequence.includes(fault.err_code ?? 0)) throw new Unanswered(fault.description);
      if (!isUnknown) return { kind: 'conflict' };
      const found = await this.tryLast(key);
      const isOurs = found !== undefined && found.valueText === valueText && found.revision > (expected ?? 0);
      return isOurs ? { kind: 'written', revision: found.revision } : { kind: 'conflict' };
    });
  }

  last(key: string): Promise<StoredValue | undefined> {
    return this.untilDone(() => this.tryLast(key));
  }

  /** A consumer that sends the last message of every key that begins so, then all new ones, to the subject. */
  async startConsumer(deliverSubject: string, keyPrefix: string): Promise<{ name: string; pendingCount: number }> {
    const config = {
      deliver_subject: deliverSubject,
      deliver_policy: 'last_per_subject',
      filter_subject: `${this.subjectPrefix}${keyPrefix}>`,
      ack_policy: 'none',
      max_deliver: 1,
      replay_policy: 'instant',
      flow_control: true,
      idle_heartbeat: heartbeatMs * nanosecondsPerMs,
      mem_storage: true,
      num_replicas: 1,
    };
    const body = await this.api(`CONSUMER.CREATE.${this.stream}`, { stream_name: this.stream, config });
    const consumer = consumerSchema.parse(body);
    return { name: consumer.name, pendingCount: consumer.num_pending + consumer.delivered.consumer_seq };
  }

  /** Best effort, tried once. The bytes are not overwritten: that would cost a pass over them. */
  async deleteMessage(revision: number): Promise<void> {
    const expected = [codes.messageNotFound, codes.deleteFailed];
    await this.api(`STREAM.MSG.DELETE.${this.stream}`, { seq: revision, no_erase: true }, expected);
  }

  /** Best effort: the server ends it by itself when nobody listens. */
  endConsumer(name: string): void {
    if (this.link.status() === 'away' || this.link.connection.isClosed()) return;
    this.link.connection.publish(`$JS.API.CONSUMER.DELETE.${this.stream}.${name}`);
  }

  private async tryLast(key: string): Promise<StoredValue | undefined> {
    const body = await this.api(`STREAM.MSG.GET.${this.stream}`, { last_by_subj: this.subjectPrefix + key }, [
      codes.messageNotFound,
    ]);
    if (body === undefined) return undefined;
    const { message } = storedSchema.parse(body);
    const isMark = isRemovalMark(Buffer.from(message.hdrs, 'base64').toString());
    return { revision: message.seq, valueText: isMark ? undefined : Buffer.from(message.data, 'base64').toString() };
  }

  private async tryEnsure(): Promise<void> {
    const found = await this.api(`STREAM.INFO.${this.stream}`, undefined, [codes.streamNotFound]);
    if (found === undefined) {
      await this.api(`STREAM.CREATE.${this.stream}`, this.config());
      this.options.log.info({ bucket: this.options.name }, 'A bucket was made');
      return;
    }
    const { config } = streamSchema.parse(found);
    const wanted = this.config();
    if (config.max_age === wanted.max_age && config.num_replicas === wanted.num_replicas) return;
    const { max_age, duplicate_window, num_replicas } = wanted;
    await this.api(`STREAM.UPDATE.${this.stream}`, { ...config, max_age, duplicate_window, num_replicas });
    this.options.log.info({ bucket: this.options.name, max_age, num_replicas }, 'A bucket was changed');
  }

  private config() {
    const { ttlMs, replicas } = this.options;
    const windowMs = ttlMs === 0 ? duplicateWindowMaxMs : Math.min(ttlMs, duplicateWindowMaxMs);
    return {
      name: this.stream,
      subjects: [`${this.subjectPrefix}>`],
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      max_msgs_per_subject: 1,
      max_msgs: -1,
      max_bytes: -1,
      max_msg_size: -1,
      max_consumers: -1,
      max_age: ttlMs * nanosecondsPerMs,
      duplicate_window: windowMs * nanosecondsPerMs,
      num_replicas: replicas,
      allow_rollup_hdrs: true,
      allow_direct: true,
    };
  }

  /** Returns undefined for one of the expected faults. */
  private async api(name: string, request: object | undefined, expectedFaults: number[] = []): Promise<unknown> {
    const payload = Buffer.from(request === undefined ? '' : JSON.stringify(request));
    const { fault, body } = demandAnswer(await this.call(`$JS.API.${name}`, payload));
    if (fault === undefined) return body;
    if (expectedFaults.includes(fault.err_code ?? 0)) return undefined;
    if (fault.err_code === codes.streamNotFound) await this.tryEnsure();
    throw new Unanswered(fault.description);
  }

  private async call(
    subject: string,
    payload: Uint8Array,
    head?: MsgHdrs,
  ): Promise<Answer | 'timeout' | 'noResponders'> {
    const { link } = this.options;
    if (link.connection.isClosed()) throw new Unanswered('the connection was closed');
    if (link.status() === 'away') throw new Unanswered('NATS is away');
    const reply = await link.requests.request({ timeoutMs: attemptTimeoutMs }, (inbox) =>
      link.connection.publish(
        subject,
        payload,
        head === undefined ? { reply: inbox } : { reply: inbox, headers: head },
      ),
    );
    if (reply.kind !== 'answer') return reply.kind;
    const body: unknown = JSON.parse(Buffer.from(reply.message.data).toString());
    return { fault: answerSchema.parse(body).error, body };
  }

  private async untilDone<T>(act: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + this.options.deadlineMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await act();
      } catch (fault) {
        if (!(fault instanceof Unanswered)) throw fault;
        const delayMs = retryDelayMs * 2 ** Math.min(attempt, 5) * (0.5 + Math.random());
        if (Date.now() + delayMs > deadline) throw this.unavailable(fault);
        await sleep(delayMs);
      }
    }
  }

  private unavailable(cause: Unanswered): AppError {
    const { name, deadlineMs } = this.options;
    const message = `The bucket "${name}" gave no answer within ${deadlineMs} ms: ${cause.message}. Try again later.`;
    return new AppError('NATS_UNAVAILABLE', message, { cause, details: { bucket: name } });
  }
}

/** Removal by us, by the `nats` command line, or by a newer server for an entry that expired. */
export function isRemovalMark(headerText: string): boolean {
  return /^(KV-Operation: *(DEL|PURGE)|Nats-Marker-Reason:)/im.test(headerText);
}

/** No usable answer this time; the call is repeated until its deadline. */
class Unanswered extends Error {}

function demandAnswer(reply: Answer | 'timeout' | 'noResponders'): Answer {
  if (reply === 'timeout') throw new Unanswered('JetStream did not answer');
  if (reply === 'noResponders') throw new Unanswered('JetStream is not there');
  return reply;
}

function writeHeaders(isRemoval: boolean, expected: number | undefined): MsgHdrs {
  const head = headers();
  if (expected !== undefined) head.set('Nats-Expected-Last-Subject-Sequence', String(expected));
  if (isRemoval) head.set('KV-Operation', 'DEL');
  return head;
}
