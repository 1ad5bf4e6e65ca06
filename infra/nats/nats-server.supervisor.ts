/**
 * Keeps one nats-server running on one data folder and one port.
 *
 * S1. At most one child exists at a time: a new one is started only after the one before has exited.
 * S2. After `stop` was called no child is started any more.
 * S3. Restarts are bounded: the policy limits how many follow each other without a healthy run between them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsServerBinary } from './find-nats-server.ts';
import { renderNatsConf } from './nats-conf.ts';
import type { NatsLogLine } from './nats-log-line.ts';
import { endNatsServer, type NatsServerChild, spawnNatsServer, waitUntilServing } from './nats-server.child.ts';
import { NatsServerError } from './nats-server.error.ts';
import { type RestartPolicy, restartDelayMs } from './restart-policy.ts';
import { forgetNatsServer, recordNatsServer } from './stale-nats-server.ts';

export interface NatsServerRestart {
  /** Restarts in a row without a healthy run between them, this one included. */
  restartCount: number;
  restartCountMax: number;
  delayMs: number;
  /** Why the run before ended, for a log. */
  reason: string;
}

export interface SupervisorOptions {
  binary: NatsServerBinary;
  dataDir: string;
  serverName: string;
  host: string;
  port: number;
  readyTimeoutMs: number;
  restartPolicy: RestartPolicy;
  onLog: (line: NatsLogLine) => void;
  onRestart: (restart: NatsServerRestart) => void;
  onGaveUp: (error: NatsServerError) => void;
}

const failedStartGraceMs = 2_000;

export class NatsServerSupervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  readonly #endChildWithUs = (): void => this.#child?.kill('SIGTERM');
  #child: NatsServerChild | undefined;
  #watching: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #restartCount = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts the first run; throws `NatsServerError` without a second try. */
  async start(): Promise<void> {
    process.once('exit', this.#endChildWithUs);
    try {
      this.#watching = this.#watch(await this.#launch());
    } catch (error) {
      process.off('exit', this.#endChildWithUs);
      throw error;
    }
  }

  stop(deadlineMs: number): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    if (this.#child !== undefined) await endNatsServer(this.#child, deadlineMs);
    await this.#watching;
    process.off('exit', this.#endChildWithUs);
    forgetNatsServer(this.#options.dataDir);
  }

  /** Follows the child, and those that replace it, until `stop` or until it gives up. */
  async #watch(first: NatsServerChild): Promise<void> {
    let child: NatsServerChild | undefined = first;
    while (child !== undefined) {
      const servedSince = performance.now();
      const reason = await child.exited;
      if (performance.now() - servedSince >= this.#options.restartPolicy.healthyAfterMs) this.#restartCount = 0;
      child = await this.#replace(reason);
    }
  }

  /** Undefined: stopped, or given up (S2, S3). */
  async #replace(firstReason: string): Promise<NatsServerChild | undefined> {
    let reason = firstReason;
    while (!this.#stopping.signal.aborted) {
      if (this.#restartCount >= this.#options.restartPolicy.restartCountMax) return this.#giveUp(reason);
      this.#restartCount += 1;
      await this.#pauseBeforeRestart(reason);
      if (this.#stopping.signal.aborted) return undefined;
      try {
        return await this.#launch();
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
    }
    return undefined;
  }

  async #pauseBeforeRestart(reason: string): Promise<void> {
    const { restartPolicy, onRestart } = this.#options;
    const delayMs = restartDelayMs(restartPolicy, this.#restartCount, Math.random());
    onRestart({ restartCount: this.#restartCount, restartCountMax: restartPolicy.restartCountMax, delayMs, reason });
    // Woken early by `stop` only.
    await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #launch(): Promise<NatsServerChild> {
    const { binary, dataDir, host, port, serverName, readyTimeoutMs, onLog } = this.#options;
    const confPath = join(dataDir, 'nats.conf');
    const conf = { host, port, serverName, storeDir: dataDir, serverVersion: binary.version };
    writeFileSync(confPath, renderNatsConf(conf), { mode: 0o600 });
    const child = spawnNatsServer(binary.path, confPath, onLog);
    this.#child = child;
    if (child.pid !== undefined) recordNatsServer(dataDir, child.pid);
    try {
      await waitUntilServing(child, { host, port, serverName, timeoutMs: readyTimeoutMs });
    } catch (error) {
      await endNatsServer(child, failedStartGraceMs); // S1.
      throw error;
    }
    const message = `nats-server ${binary.version} (process ${child.pid}) serves on ${host}:${port}.`;
    onLog({ source: 'launcher', level: 'info', message });
    return child;
  }

  #giveUp(reason: string): undefined {
    const problem = `nats-server did not stay up after ${this.#restartCount} restarts, the last time: ${reason}.`;
    const remedy =
      'It stays down until the next start: look at its log lines, at the free disk space and at the data folder.';
    this.#options.onGaveUp(new NatsServerError('nats-server-gave-up', problem, { remedy }));
    return undefined;
  }
}
