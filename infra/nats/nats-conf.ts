/** The configuration file of the embedded nats-server. It holds no secrets: the server listens on loopback only. */
import { createHash } from 'node:crypto';

export interface NatsConfOptions {
  host: string;
  port: number;
  /** JetStream keeps its files in the folder `jetstream` below it. */
  storeDir: string;
  serverName: string;
  /** Version of the server that will read the file, for example `2.9.10`. */
  serverVersion: string;
}

const payloadSizeMaxBytes = 8 * 1024 * 1024;

export function renderNatsConf(options: NatsConfOptions): string {
  // Servers before 2.10 refuse to start on the unknown word.
  const syncInterval = isAtLeast(options.serverVersion, [2, 10]) ? ['  sync_interval: always'] : [];
  return [
    '# Written by Millrace at each start; changes are lost.',
    `server_name: ${quote(options.serverName)}`,
    `host: ${quote(options.host)}`,
    `port: ${options.port}`,
    `max_payload: ${payloadSizeMaxBytes}`,
    'logtime: false',
    // A process that is frozen or cut off gets no requests after some ten seconds; the default is six minutes.
    'ping_interval: "5s"',
    'ping_max: 2',
    'jetstream {',
    `  store_dir: ${quote(options.storeDir)}`,
    ...syncInterval,
    '}',
    '',
  ].join('\n');
}

/** The same name for the same folder, so that a foreign server on our port is not taken for ours. */
export function serverNameFor(dataDir: string): string {
  return `millrace-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
}

/** Compares major and minor only. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [foundMajor = 0, foundMinor = 0] = version.split('.').map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
