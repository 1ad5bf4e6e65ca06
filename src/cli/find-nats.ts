/** Where the cluster is: the configured servers, else the address that a running `millrace dev` has left. */
import { join } from 'node:path';
import type { Config } from '../../schemas/config.schema.ts';
import { maskAddress } from '../config/mask-secrets.ts';
import { AppError } from '../errors/app-error.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { CliDeps } from './cli-deps.ts';
import { devFilePath, readDevFile } from './dev-file.ts';
import { limits } from './limits.ts';

export type NatsAddress = {
  servers: readonly string[];
  /** For sentences: the addresses without credentials, and where they come from. */
  shown: string;
};

/** Throws NATS_UNAVAILABLE with a sentence that says how to start one. */
export function findNats(config: Config, cwd: string): NatsAddress {
  if (config.nats.servers.length > 0) {
    return { servers: config.nats.servers, shown: config.nats.servers.map(maskAddress).join(', ') };
  }
  const file = join(config.dataDir, 'dev.json');
  const dev = readDevFile(devFilePath({ dataDir: config.dataDir, cwd }));
  if (dev !== undefined) {
    return {
      servers: [dev.nats],
      shown: `${maskAddress(dev.nats)} (left in ${file} by "millrace dev", process ${dev.pid})`,
    };
  }
  throw new AppError(
    'NATS_UNAVAILABLE',
    `No cluster to talk to: no NATS server is configured, and no "millrace dev" has left its address in ${file}.\n` +
      'Start one here with "millrace dev", or name a server with "--nats nats://host:4222".',
  );
}

/** Waits for a bounded time, whatever the client of NATS does. Throws NATS_UNAVAILABLE. */
export async function connectToNats(deps: CliDeps, config: Config, address: NatsAddress): Promise<Transport> {
  const deadline = new AbortController();
  const timer = deps.clock.after(limits.connectTimeoutMs, () => deadline.abort());
  const { credentialsFile } = config.nats;
  try {
    return await beforeAbort(
      deps.connect(address.servers, { credentialsFile, signal: deadline.signal }),
      deadline.signal,
    );
  } catch (cause) {
    if (cause instanceof AppError && cause.code !== 'NATS_UNAVAILABLE') throw cause;
    throw new AppError(
      'NATS_UNAVAILABLE',
      `No NATS server answers at ${address.shown}.\nStart one here with "millrace dev", or name another with "--nats".`,
      { cause },
    );
  } finally {
    timer.cancel();
  }
}

/** A connection that comes after all is closed again. */
function beforeAbort(connecting: Promise<Transport>, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      // Nobody waits for the late connection or its fault any more.
      void connecting.then((transport) => transport.stop(limits.disconnectDeadlineMs)).catch(() => undefined);
    };
    signal.addEventListener('abort', abort, { once: true });
    connecting.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
