/** What the command line needs of the process around it; `src/main` gives the real things, tests give fakes. */
import type { Config } from '../../schemas/config.schema.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { Environment } from '../config/environment.ts';
import type { TaskPlugins } from '../tasks/plugin/task-plugin.port.ts';
import type { Transport } from '../transport/transport.port.ts';

/** A stream of text, such as `process.stdout`. */
export type Output = {
  write(text: string): unknown;
  on(event: 'error', listener: (fault: Error) => void): unknown;
  /** Width of the terminal, if it is one. */
  columns?: number | undefined;
  /** Height of the terminal, if it is one. */
  rows?: number | undefined;
};

/** A key as a terminal sends it: its name (`up`, `return`, `a`), or for others the character itself. */
export type Key = { name: string; text: string; hasCtrl: boolean };

export type Keyboard = {
  /** Calls back for each key, Ctrl-C included, until the returned function is called. */
  onKey(listener: (key: Key) => void): () => void;
};

export type RoleOptions = {
  /** File, environment and flags in one. */
  config: Config;
  json: boolean;
  debug: boolean;
};

export type DevOptions = RoleOptions & {
  /** End when the example run has ended. */
  once: boolean;
  /** Register and submit the example workflow at the start. */
  withExample: boolean;
  /** Begin with an empty data folder. */
  fresh: boolean;
};

export type StoreOptions = RoleOptions & {
  /** Port of the embedded event store; absent: a free one. */
  port: number | undefined;
};

/** Each runs until it is told to stop and resolves to the exit code. Faults are thrown as AppError. */
export type RunRole = {
  dev(options: DevOptions): Promise<number>;
  master(options: RoleOptions): Promise<number>;
  worker(options: RoleOptions): Promise<number>;
  store(options: StoreOptions): Promise<number>;
};

export type ConnectOptions = { credentialsFile: string | undefined; signal: AbortSignal };

export type CliDeps = {
  /** Rejects with NATS_UNAVAILABLE when no server answers, at the latest when the signal aborts. */
  connect(servers: readonly string[], options: ConnectOptions): Promise<Transport>;
  runRole: RunRole;
  /** Rejects with BAD_CONFIGURATION when a package cannot be loaded from the folder. */
  loadPlugins(packages: readonly string[], folder: string): Promise<TaskPlugins>;
  stdout: Output;
  stderr: Output;
  /** True when stdout is a terminal: colours and live progress. */
  isTty: boolean;
  /** Undefined where the standard input is no terminal. */
  keyboard?: Keyboard | undefined;
  cwd: string;
  env: Environment;
  /** Calls back at each Ctrl-C until the returned function is called. Used by client commands only, never by roles. */
  onInterrupt(listener: () => void): () => void;
  clock: Clock;
  ids: IdSource;
};
