/** The servers that `millrace dev` starts where the configuration names none: NATS, and the event store as a child. */
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { NatsServerError } from '../../infra/nats/nats-server.error.ts';
import { startNatsServer } from '../../infra/nats/start-nats-server.ts';
import type { Config } from '../../schemas/config.schema.ts';
import { processEnvironment } from '../config/environment.ts';
import { AppError } from '../errors/app-error.ts';
import { type RoleChild, startRoleChild } from './role-child.ts';

export type DevServers = {
  natsServers: string[];
  connectionString: string;
  stop(deadlineMs: number): Promise<void>;
};

export type DevServerOptions = {
  config: Config;
  logFile: (name: string) => string;
  onNotice: (sentence: string) => void;
  onFatal: (fault: Error) => void;
};

export async function startDevServers(options: DevServerOptions): Promise<DevServers> {
  const [nats, store] = await Promise.allSettled([startNats(options), startStore(options)]);
  const stop = async (deadlineMs: number): Promise<void> => {
    const started = [store, nats].flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    for (const server of started) await server.stop(deadlineMs);
  };
  if (nats.status === 'rejected' || store.status === 'rejected') {
    await stop(1_000);
    throw nats.status === 'rejected' ? nats.reason : (store as PromiseRejectedResult).reason;
  }
  return { natsServers: nats.value.servers, connectionString: store.value.connectionString, stop };
}

const storeTriesMax = 3;
const nothingToStop = async (): Promise<void> => {};

async function startNats({ config, onNotice, onFatal }: DevServerOptions) {
  if (config.nats.servers.length > 0) return { servers: config.nats.servers, stop: nothingToStop };
  try {
    const server = await startNatsServer({
      dataDir: resolve(config.dataDir, 'nats'),
      port: 0,
      searchPath: processEnvironment().PATH ?? '',
      onRestart: ({ reason }) => onNotice(`nats-server ended (${reason}) and is started again`),
      onGaveUp: onFatal,
    });
    return { servers: [server.url], stop: (deadlineMs: number) => server.stop(deadlineMs) };
  } catch (cause) {
    if (!(cause instanceof NatsServerError)) throw cause;
    throw new AppError('NATS_UNAVAILABLE', cause.message, { cause });
  }
}

async function startStore({ config, logFile, onNotice }: DevServerOptions) {
  const { connectionString } = config.store;
  if (connectionString !== undefined) return { connectionString, stop: nothingToStop };
  for (let triesLeft = storeTriesMax - 1; ; triesLeft -= 1) {
    // Chosen once, so that a restarted store is found where it was. It may be lost between being chosen and being used.
    const port = await freePort();
    const args = ['store', '--port', String(port), '--data-dir', resolve(config.dataDir)];
    const child: RoleChild = startRoleChild({ name: 'store', args, logFile: logFile('store'), onNotice });
    try {
      await child.whenReady;
    } catch (cause) {
      if (triesLeft > 0) continue;
      throw new AppError('JOURNAL_UNAVAILABLE', (cause as Error).message, { cause });
    }
    return {
      connectionString: `esdb://127.0.0.1:${port}?tls=false`,
      stop: (deadlineMs: number) => child.stop(deadlineMs),
    };
  }
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export function devLogFile(config: Config): (name: string) => string {
  return (name) => resolve(join(config.dataDir, 'logs', `${name}.log`));
}
