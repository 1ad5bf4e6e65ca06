/** Entry to the embedded NATS server: one real nats-server process with JetStream, watched and restarted. */
import { mkdirSync, realpathSync } from 'node:fs';
import { claimDataFolder } from './data-folder-claim.ts';
import { findNatsServer, type NatsServerBinary } from './find-nats-server.ts';
import { pickFreePort } from './free-port.ts';
import { serverNameFor } from './nats-conf.ts';
import type { NatsLogLine } from './nats-log-line.ts';
import { NatsServerError } from './nats-server.error.ts';
import { type NatsServerRestart, NatsServerSupervisor } from './nats-server.supervisor.ts';
import { defaultRestartPolicy, type RestartPolicy } from './restart-policy.ts';
import { endStaleNatsServer } from './stale-nats-server.ts';

export interface StartNatsServerOptions {
  /** Made if missing. Holds the configuration, the JetStream store and two small records of who runs here. */
  dataDir: string;
  /** Default `127.0.0.1`. */
  host?: string;
  /** 0 takes a free port, which is then kept across restarts. */
  port: number;
  /** Path of the program; default: searched for, see `findNatsServer`. */
  binary?: string;
  /** Value of PATH, for the search. */
  searchPath?: string;
  /** How long one start of the server may take, recovery of its store included. Default 60 s. */
  readyTimeoutMs?: number;
  /** Default: ten restarts in a row, 0.1 s to 5 s apart. */
  restartPolicy?: RestartPolicy;
  onLog?: (line: NatsLogLine) => void;
  /** The server died; it is started again after `delayMs`. */
  onRestart?: (restart: NatsServerRestart) => void;
  /** The server died too often in a row and stays down. A person must act. */
  onGaveUp?: (error: NatsServerError) => void;
}

export interface RunningNatsServer {
  /** For example `nats://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  readonly version: string;
  /** SIGTERM, then SIGKILL after the deadline. Idempotent: later calls wait for the first. */
  stop(deadlineMs: number): Promise<void>;
}

const freePortTryCountMax = 5;
const readyTimeoutDefaultMs = 60_000;

/** Resolves once the server accepts connections and JetStream is on. Throws `NatsServerError`. */
export async function startNatsServer(options: StartNatsServerOptions): Promise<RunningNatsServer> {
  const binary = await findNatsServer({ binary: options.binary, searchPath: options.searchPath });
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = realpathSync(options.dataDir);
  const claim = claimDataFolder(dataDir);
  try {
    await endStaleNatsServer(dataDir, options.onLog ?? ignore);
    return await startOnSomePort({ ...options, dataDir }, binary, claim.release);
  } catch (error) {
    claim.release();
    throw error;
  }
}

/** A free port can be lost between being picked and being used; a port that was asked for is tried once. */
async function startOnSomePort(
  options: StartNatsServerOptions,
  binary: NatsServerBinary,
  releaseFolder: () => void,
): Promise<RunningNatsServer> {
  const host = options.host ?? '127.0.0.1';
  for (let tryCount = 1; ; tryCount += 1) {
    const port = options.port === 0 ? await pickFreePort(host) : options.port;
    const supervisor = newSupervisor(options, binary, { host, port });
    try {
      await supervisor.start();
    } catch (error) {
      if (options.port === 0 && tryCount < freePortTryCountMax && isPortTaken(error)) continue;
      throw error;
    }
    return {
      url: `nats://${host.includes(':') ? `[${host}]` : host}:${port}`,
      port,
      version: binary.version,
      stop: (deadlineMs) => supervisor.stop(deadlineMs).finally(releaseFolder),
    };
  }
}

function newSupervisor(
  options: StartNatsServerOptions,
  binary: NatsServerBinary,
  address: { host: string; port: number },
): NatsServerSupervisor {
  return new NatsServerSupervisor({
    binary,
    dataDir: options.dataDir,
    serverName: serverNameFor(options.dataDir),
    ...address,
    readyTimeoutMs: options.readyTimeoutMs ?? readyTimeoutDefaultMs,
    restartPolicy: options.restartPolicy ?? defaultRestartPolicy,
    onLog: options.onLog ?? ignore,
    onRestart: options.onRestart ?? ignore,
    onGaveUp: options.onGaveUp ?? ignore,
  });
}

function isPortTaken(error: unknown): boolean {
  return error instanceof NatsServerError && error.code === 'nats-port-taken';
}

function ignore(): void {}
