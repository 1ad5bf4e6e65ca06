/** The EventStoreDB adapter and a breakable way to its server, for tests. */
import { connect, createServer, type Socket } from 'node:net';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import {
  type EventStoreDbJournalOptions,
  openEventStoreDbJournal,
} from '../../src/journal/eventstoredb-journal.adapter.ts';
import type { Journal } from '../../src/journal/journal.port.ts';
import { silentLog } from '../../src/telemetry/log.ts';

export function openTestJournal(connectionString: string, options: Partial<EventStoreDbJournalOptions> = {}): Journal {
  return openEventStoreDbJournal({
    connectionString,
    appendAttemptTimeoutMs: 3_000,
    appendDeadlineMs: 20_000,
    appendQueueLengthMax: 10_000,
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}

export type AnswerDroppingProxy = {
  url: string;
  /** From now on nothing comes back over the connections of now; new ones work. */
  dropAnswers(): void;
  /** How many bytes were dropped. */
  droppedBytes(): number;
  close(): Promise<void>;
};

/** A TCP proxy that can lose the answers of a server while its requests arrive. */
export async function startAnswerDroppingProxy(serverUrl: string): Promise<AnswerDroppingProxy> {
  const target = Number(/:(\d+)\?/.exec(serverUrl)?.[1]);
  const sockets = new Set<Socket>();
  let generation = 0;
  let droppedBytes = 0;
  const server = createServer((client) => {
    const mine = generation;
    const store = connect(target, '127.0.0.1');
    for (const socket of [client, store]) {
      sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => [client, store].map((either) => either.destroy()));
    }
    client.on('data', (bytes) => store.write(bytes));
    store.on('data', (bytes) => {
      if (mine === generation) client.write(bytes);
      else droppedBytes += bytes.length;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    dropAnswers: () => {
      generation += 1;
    },
    droppedBytes: () => droppedBytes,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
