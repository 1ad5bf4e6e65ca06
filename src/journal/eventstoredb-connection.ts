/**
 * One store client after the other. Each has a TCP connection of its own: grpc-js shares one between all channels of
 * equal options, and a connection that is dead in silence would be shared by the new client too.
 */
import { EventStoreDBClient } from '@eventstore/db-client';
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { retryDelayMs, wait, within } from './waits.ts';

export type StoreConnectionOptions = {
  connectionString: string;
  /** Longest wait for the store's first answer to a client. */
  attemptTimeoutMs: number;
  clock: Clock;
};

/** Parts of the client that its types protect, and without which it can be neither tried nor closed. */
type ClientInternals = {
  /** Asks the server what it can do, once; the client does so itself before its first append. */
  capabilities: Promise<unknown>;
  getChannel(): Promise<{ close(): void }>;
};

const keepAliveIntervalDefaultMs = 10_000;
const endLimitMs = 1_000;
let clientCount = 0;

export class StoreConnection {
  /** The present one; it may be replaced at any `await`. */
  client: EventStoreDBClient;
  /** Why the last try failed. */
  lastFault: unknown;
  private readonly options: StoreConnectionOptions;
  private isEnded = false;

  /** @throws AppError BAD_CONFIGURATION when the connection string cannot be read. */
  constructor(options: StoreConnectionOptions) {
    this.options = options;
    this.client = newClient(options.connectionString);
  }

  /** Tries the client, and new ones after it, until the store answers; false when it was ended before. */
  async connect(): Promise<boolean> {
    for (let attempt = 1; !this.isEnded; attempt += 1) {
      if (await this.tryClient()) return !this.isEnded;
      // A failed answer is kept by the client for ever.
      await this.replaceClient();
      await wait(this.options.clock, retryDelayMs(attempt));
    }
    return false;
  }

  /** Cancels what the client has under way, and makes a new one. */
  async replaceClient(): Promise<void> {
    const { client } = this;
    if (!this.isEnded) this.client = newClient(this.options.connectionString);
    await this.endClient(client);
  }

  async end(): Promise<void> {
    this.isEnded = true;
    await this.endClient(this.client);
  }

  private async tryClient(): Promise<boolean> {
    const { clock, attemptTimeoutMs } = this.options;
    try {
      const answer = await within(clock, attemptTimeoutMs, internalsOf(this.client).capabilities);
      if (answer === undefined) this.lastFault = new Error(`no answer within ${attemptTimeoutMs} ms`);
      return answer !== undefined;
    } catch (fault) {
      this.lastFault = fault;
      return false;
    }
  }

  /** Its calls are cancelled and its channel closed, whatever the server does. */
  private async endClient(client: EventStoreDBClient): Promise<void> {
    const closed = internalsOf(client)
      .getChannel()
      .then((channel) => channel.close());
    await within(this.options.clock, endLimitMs, Promise.allSettled([client.dispose(), closed]));
  }
}

function newClient(connectionString: string): EventStoreDBClient {
  clientCount = (clientCount + 1) % 1_000;
  try {
    return EventStoreDBClient.connectionString(withOwnConnection(connectionString, clientCount));
  } catch (cause) {
    throw new AppError('BAD_CONFIGURATION', 'The connection string of the event store cannot be read.', { cause });
  }
}

/** A millisecond more between keep-alives makes the options differ and changes nothing else. */
function withOwnConnection(connectionString: string, number: number): string {
  const [address = '', query = ''] = connectionString.trim().split('?', 2);
  const parameters = query.split('&').filter((parameter) => parameter !== '');
  const isOf = (key: string) => (parameter: string) => parameter.toLowerCase().startsWith(`${key.toLowerCase()}=`);
  const wantedMs = Number(parameters.find(isOf('keepAliveInterval'))?.split('=')[1] ?? keepAliveIntervalDefaultMs);
  const others = parameters.filter(
    (parameter) => !isOf('keepAliveInterval')(parameter) && !isOf('throwOnAppendFailure')(parameter),
  );
  const keepAliveMs = wantedMs < 0 ? wantedMs : wantedMs + number;
  return `${address}?${[...others, `keepAliveInterval=${keepAliveMs}`, 'throwOnAppendFailure=true'].join('&')}`;
}

function internalsOf(client: EventStoreDBClient): ClientInternals {
  return client as unknown as ClientInternals;
}
