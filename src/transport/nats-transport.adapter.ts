/**
 * The transport over NATS.
 *
 * N1 Nothing is sent while NATS is away: the client would keep messages until its next try to connect and then drop
 *    them or send them late. What was handed to the socket just before may be lost as well.
 * N2 Messages of one turn of the event loop go out together at its end: a write to the socket costs more than all the rest
 *    of a message. They keep their order.
 * N3 No fault of a handler, of a body or of the connection reaches the client's reading loop, which would end.
 */
import { createInbox, type Msg, type NatsConnection, type Subscription as NatsSubscription } from 'nats';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import { type NatsLink, type NatsLinkOptions, openNatsLink } from './nats-link.ts';
import type { NatsRequests } from './nats-requests.ts';
import type { IncomingMessage, MessageHandler, RequestResult, Subscription, Transport } from './transport.port.ts';

/** A transport whose connection the buckets may share. */
export type NatsTransport = Transport & { readonly link: NatsLink };

/** Waits for the first connection for ever, unless the signal aborts. */
export async function connectNatsTransport(options: NatsLinkOptions): Promise<NatsTransport> {
  return new NatsTransportAdapter(await openNatsLink(options), options.log);
}

const emptyBody = new Uint8Array(0);

class NatsTransportAdapter implements NatsTransport {
  readonly link: NatsLink;
  private readonly connection: NatsConnection;
  private readonly requests: NatsRequests;
  private readonly log: Log;
  private stopped: Promise<void> | undefined;
  private outgoing: { subject: string; bytes: Uint8Array; reply: string | undefined }[] = [];

  constructor(link: NatsLink, log: Log) {
    this.link = link;
    this.connection = link.connection;
    this.requests = link.requests;
    this.log = log;
  }

  publish(subject: string, body: unknown, options?: { reply?: string }): void {
    try {
      this.send(subject, body, options?.reply);
    } catch (fault) {
      if (this.stopped !== undefined) return;
      this.log.error({ subject, fault: String(fault) }, 'A message could not be published');
    }
  }

  newInbox(): string {
    return createInbox();
  }

  subscribe(subject: string, handler: MessageHandler, options?: { queueGroup?: string }): Subscription {
    if (this.stopped !== undefined) return { stop: () => undefined };
    const subscription = this.connection.subscribe(subject, {
      ...(options?.queueGroup === undefined ? {} : { queue: options.queueGroup }),
      callback: (fault, message) => {
        if (fault === null) this.handle(handler, message);
        else this.log.error({ subject, fault: String(fault) }, 'A subscription was refused');
      },
    });
    return { stop: () => endSubscription(subscription) };
  }

  async request(
    subject: string,
    body: unknown,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<RequestResult> {
    if (this.stopped !== undefined) throw stoppedError();
    const reply = await this.requests
      .request(options, (inbox) => this.send(subject, body, inbox))
      .catch((cause: unknown) => {
        throw unsendable(subject, cause);
      });
    if (reply.kind !== 'answer') return reply;
    return { kind: 'answer', body: openMessage(reply.message).body };
  }

  async flush(): Promise<void> {
    this.sendAll();
    try {
      await this.connection.flush();
    } catch (cause) {
      throw new AppError('NATS_UNAVAILABLE', 'NATS went away before all messages had reached it.', { cause });
    }
  }

  status(): 'connected' | 'away' {
    return this.stopped === undefined ? this.link.status() : 'away';
  }

  onStatus(listener: (status: 'connected' | 'away') => void): void {
    this.link.onStatus(listener);
  }

  stop(deadlineMs: number): Promise<void> {
    this.stopped ??= this.drain(deadlineMs);
    return this.stopped;
  }

  private async drain(deadlineMs: number): Promise<void> {
    this.sendAll();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    // A connection that is away or closed cannot be drained; it is closed all the same.
    await Promise.race([this.connection.drain().catch(() => undefined), deadline]);
    clearTimeout(timer);
    this.requests.endAll();
    await this.connection.close();
  }

  /** Throws when the body is not JSON or larger than the server takes. */
  private send(subject: string, body: unknown, reply: string | undefined): void {
    const bytes = body === undefined ? emptyBody : Buffer.from(JSON.stringify(body));
    const sizeBytesMax = this.connection.info?.max_payload ?? bytes.length;
    if (bytes.length > sizeBytesMax) {
      throw new Error(`a body of ${bytes.length} bytes is larger than the ${sizeBytesMax} bytes that the server takes`);
    }
    this.outgoing.push({ subject, bytes, reply });
    if (this.outgoing.length === 1) setImmediate(() => this.sendAll());
  }

  /** N2. Does nothing while NATS is away (N1). */
  private sendAll(): void {
    const messages = this.outgoing;
    this.outgoing = [];
    if (this.connection.isClosed() || this.link.status() === 'away') return;
    try {
      for (const { subject, bytes, reply } of messages) {
        this.connection.publish(subject, bytes, reply === undefined ? undefined : { reply });
      }
    } catch (fault) {
      this.log.error({ fault: String(fault) }, 'Messages could not be sent');
    }
  }

  private handle(handler: MessageHandler, message: Msg): void {
    try {
      handler(openMessage(message));
    } catch (fault) {
      this.log.error({ subject: message.subject, fault }, 'A handler of messages failed');
    }
  }
}

function openMessage(message: Msg): IncomingMessage {
  const incoming: IncomingMessage = {
    subject: message.subject,
    body: undefined,
    reply: message.reply === '' ? undefined : message.reply,
    traceparent: message.headers?.get('traceparent') || undefined,
  };
  const { data } = message;
  if (data.length === 0) return incoming;
  try {
    incoming.body = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString());
  } catch (fault) {
    incoming.badJson = String(fault);
  }
  return incoming;
}

/** Those received already are still handled; the server is told to send no more. */
function endSubscription(subscription: NatsSubscription): void {
  if (subscription.isClosed() || subscription.isDraining()) return;
  // It can only fail by a connection that is closed, and then no message comes either.
  void subscription.drain().catch(() => undefined);
}

function stoppedError(): AppError {
  return new AppError('NATS_UNAVAILABLE', 'The connection to NATS was stopped; no request can be sent on it.');
}

function unsendable(subject: string, cause: unknown): AppError {
  const message = `The request to "${subject}" cannot be sent: its body is not JSON or too large for the server.`;
  return new AppError('BAD_REQUEST', message, { cause });
}
