/** One connection to NATS with its status. It is made again for ever; whoever made it stops it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, credsAuthenticator, Events, type NatsConnection } from 'nats';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import { NatsRequests } from './nats-requests.ts';

export type NatsLinkOptions = {
  servers: string[];
  /** Shown by the server in its list of connections. */
  name: string;
  /** File with a user's credentials (`.creds`). */
  credentialsFile?: string;
  log: Log;
  /** Ends the wait for the first connection. */
  signal?: AbortSignal;
};

export type NatsStatus = 'connected' | 'away';

const connectTimeoutMs = 5_000;
const retryDelayMinMs = 100;
const retryDelayMaxMs = 5_000;
/** A server that is frozen is noticed after this interval, twice. */
const pingIntervalMs = 5_000;

/** Waits for the first connection for ever, unless the signal aborts. @throws AppError NATS_UNAVAILABLE when aborted. */
export async function openNatsLink(options: NatsLinkOptions): Promise<NatsLink> {
  for (let attempt = 1; ; attempt += 1) {
    if (options.signal?.aborted) throw notReached(options.servers);
    try {
      return new NatsLink(await connect(connectionOptions(options)), options.log);
    } catch (cause) {
      options.log.warn({ servers: options.servers, attempt, cause: String(cause) }, 'NATS cannot be reached yet');
      await waitBefore(attempt, options.signal);
    }
  }
}

export class NatsLink {
  readonly connection: NatsConnection;
  readonly requests: NatsRequests;
  private readonly log: Log;
  private readonly listeners = new Set<(status: NatsStatus) => void>();
  private current: NatsStatus = 'connected';

  constructor(connection: NatsConnection, log: Log) {
    this.connection = connection;
    this.requests = new NatsRequests(connection);
    this.log = log;
    // Both end when the connection is closed and cannot fail.
    void this.followStatus();
    void connection.closed().then(() => this.change('away'));
  }

  status(): NatsStatus {
    return this.current;
  }

  /** Returns how to end it. */
  onStatus(listener: (status: NatsStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async followStatus(): Promise<void> {
    for await (const event of this.connection.status()) {
      if (event.type === Events.Disconnect) this.change('away');
      if (event.type === Events.Reconnect) this.change('connected');
      if (event.type === Events.Error) this.log.warn({ fault: String(event.data) }, 'NATS reports a fault');
    }
  }

  private change(status: NatsStatus): void {
    if (this.current === status) return;
    this.current = status;
    if (status === 'away') this.log.warn({}, 'NATS is away');
    else this.log.info({ server: this.connection.getServer() }, 'NATS is connected');
    for (const listener of this.listeners) listener(status);
  }
}

function connectionOptions(options: NatsLinkOptions): ConnectionOptions {
  const reconnectDelayMs = (): number => retryDelayMinMs + Math.random() * 3 * retryDelayMinMs;
  return {
    servers: options.servers,
    name: options.name,
    timeout: connectTimeoutMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: reconnectDelayMs,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(options.credentialsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(readFileSync(options.credentialsFile)) }),
  };
}

async function waitBefore(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const delayMs = Math.min(retryDelayMaxMs, retryDelayMinMs * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
  // An abort is seen by the caller.
  await sleep(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

function notReached(servers: string[]): AppError {
  return new AppError(
    'NATS_UNAVAILABLE',
    `No NATS server at ${servers.join(', ')} answered before the start was aborted.`,
  );
}
