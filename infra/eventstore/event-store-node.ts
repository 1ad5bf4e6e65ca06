/**
 * The embedded event store node: one process, one data folder, EventStoreDB's gRPC protocol.
 *
 * Invariants:
 * I1. The data folder is locked before a file in it is opened and released after all are closed.
 * I2. A stop settles every queued write before it ends the calls, and never ends a call with OK: a client takes a
 *     clean end for "nothing more to come" and would wait for its pending appends for ever.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { appendHandler, batchAppendHandler, deleteHandler } from './append-service.ts';
import { CommitFeed } from './commit-feed.ts';
import { CommitQueue } from './commit-queue.ts';
import { type DataFolderLock, lockDataFolder } from './data-folder-lock.ts';
import type { EventStorage } from './event-storage.ts';
import { EventWriter } from './event-writer.ts';
import { type GrpcHandler, GrpcServer } from './grpc-server.ts';
import { unavailable } from './grpc-status.ts';
import { EventStoreNodeError } from './node-error.ts';
import { gossipHandler, serverFeaturesHandler } from './node-services.ts';
import { readHandler } from './read-service.ts';
import { openSqliteStorage } from './sqlite-storage.ts';
import { StreamStates } from './stream-states.ts';

export type EventStoreNodeLog = {
  readonly level: 'info' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

export type EventStoreNodeOptions = {
  /** Created if it does not exist; one node at a time. */
  readonly dataDir: string;
  /** Default 127.0.0.1. The node knows no passwords: anything but a loopback address needs `allowRemote`. */
  readonly host?: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly allowRemote?: boolean;
  readonly onLog?: (entry: EventStoreNodeLog) => void;
};

export type EventStoreNode = {
  readonly host: string;
  readonly port: number;
  readonly connectionString: string;
  /** Idempotent. Connections that are still open after the deadline are cut. */
  stop(deadlineMs: number): Promise<void>;
};

const STREAMS_PATH = '/event_store.client.streams.Streams';
const FEATURES_PATH = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods';
const GOSSIP_PATH = '/event_store.client.gossip.Gossip/Read';
const LOOPBACK_PATTERN = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Throws EventStoreNodeError when the folder, the file or the address cannot be used. */
export const startEventStoreNode = async (options: EventStoreNodeOptions): Promise<EventStoreNode> => {
  const host = options.host ?? '127.0.0.1';
  assertAllowed(host, options.allowRemote ?? false);
  const log = options.onLog ?? (() => {});
  const lock = lockDataFolder(options.dataDir);
  const storage = openStorage(lock);
  const { handlers, queue } = services(storage, log, () => port);
  const server = new GrpcServer(handlers);
  let port = options.port;
  try {
    port = await server.listen(host, options.port);
  } catch (error) {
    release(storage, lock);
    throw error;
  }
  log({ level: 'info', message: 'event store node started', fields: { host, port, dataDir: lock.folder } });
  const stop = once(async (deadlineMs: number) => {
    queue.close();
    await nextTurn(); // The answers of the last flush leave in the next tick.
    await server.stop(unavailable('The event store node is stopping.'), deadlineMs);
    release(storage, lock);
    log({ level: 'info', message: 'event store node stopped', fields: { host, port } });
  });
  return { host, port, connectionString: `esdb://${inUrl(host)}:${port}?tls=false`, stop };
};

type Services = { readonly handlers: ReadonlyMap<string, GrpcHandler>; readonly queue: CommitQueue };

const services = (storage: EventStorage, log: (entry: EventStoreNodeLog) => void, port: () => number): Services => {
  const states = new StreamStates(storage);
  const feed = new CommitFeed();
  const writer = new EventWriter(storage, states);
  const queue = new CommitQueue({
    storage,
    writer,
    onCommitted: (appends) => feed.publish(appends),
    onFault: (error) => log({ level: 'error', message: 'event store write failed', fields: { error } }),
  });
  const handlers = new Map<string, GrpcHandler>([
    [`${STREAMS_PATH}/Append`, appendHandler(queue)],
    [`${STREAMS_PATH}/BatchAppend`, batchAppendHandler(queue)],
    [`${STREAMS_PATH}/Read`, readHandler({ storage, states }, feed)],
    [`${STREAMS_PATH}/Delete`, deleteHandler(queue, 'softDelete')],
    [`${STREAMS_PATH}/Tombstone`, deleteHandler(queue, 'tombstone')],
    [FEATURES_PATH, serverFeaturesHandler()],
    [GOSSIP_PATH, gossipHandler(port)],
  ]);
  return { handlers, queue };
};

const assertAllowed = (host: string, allowRemote: boolean): void => {
  if (allowRemote || LOOPBACK_PATTERN.test(host)) return;
  const message = `The event store node has no authentication and therefore listens on loopback addresses only, not on ${host}. Set allowRemote to accept that.`;
  throw new EventStoreNodeError('EVENT_STORE_ADDRESS_REFUSED', message);
};

const openStorage = (lock: DataFolderLock): EventStorage => {
  try {
    return openSqliteStorage(lock.folder);
  } catch (error) {
    lock.release();
    throw error;
  }
};

const release = (storage: EventStorage, lock: DataFolderLock): void => {
  storage.close();
  lock.release();
};

const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const once = (work: (deadlineMs: number) => Promise<void>): ((deadlineMs: number) => Promise<void>) => {
  let running: Promise<void> | undefined;
  return (deadlineMs) => {
    running ??= work(deadlineMs);
    return running;
  };
};
