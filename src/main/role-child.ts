/** A role of this program as a child process: started, watched, started again when it dies, stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors/app-error.ts';

export type RoleChildOptions = {
  /** For people: `worker-2`. */
  name: string;
  /** Arguments of the program: the role and its flags. */
  args: readonly string[];
  logFile: string;
  /** One line on what happened to the process. */
  onNotice: (sentence: string) => void;
};

export type RoleChild = {
  /** Resolves at the first time it is ready; rejects when it ends before that. */
  whenReady: Promise<void>;
  /** Ends it with SIGTERM, after the deadline with SIGKILL. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
};

const restartDelayMinMs = 250;
const restartDelayMaxMs = 10_000;
const healthyAfterMs = 30_000;

export function startRoleChild(options: RoleChildOptions): RoleChild {
  mkdirSync(dirname(options.logFile), { recursive: true });
  return new SupervisedChild(options);
}

class SupervisedChild implements RoleChild {
  readonly whenReady: Promise<void>;
  readonly #options: RoleChildOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restartDelayMs = restartDelayMinMs;
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;
  #hasBeenReady = false;
  #markReady: () => void = () => {};
  #failStart: (fault: Error) => void = () => {};

  constructor(options: RoleChildOptions) {
    this.#options = options;
    this.whenReady = new Promise((resolve, reject) => {
      this.#markReady = resolve;
      this.#failStart = reject;
    });
    this.whenReady.catch(() => {});
    this.#start();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await this.#ended;
    clearTimeout(kill);
  }

  #start(): void {
    const { args, logFile } = this.#options;
    const startedAt = Date.now();
    // A process group of its own: Ctrl-C in the terminal reaches the parent only, which stops its children in order.
    // `--debug`: its log is the place for stack traces.
    const child = spawn(process.execPath, [...programArguments(), ...args, '--debug'], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    const log = createWriteStream(logFile, { flags: 'a' });
    child.stderr?.pipe(log);
    child.on('message', () => {
      this.#hasBeenReady = true;
      this.#markReady();
    });
    this.#ended = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', (code, signal) => {
        resolve();
        this.#onExit(signal ?? `exit code ${code}`, Date.now() - startedAt);
      });
    });
  }

  #onExit(how: string, livedMs: number): void {
    this.#child = undefined;
    if (this.#isStopping) return;
    const { name, logFile, onNotice } = this.#options;
    if (!this.#hasBeenReady) {
      this.#failStart(new AppError('INTERNAL', `${name} could not be started (${how}); its log is ${logFile}`));
      return;
    }
    this.#restartDelayMs =
      livedMs > healthyAfterMs ? restartDelayMinMs : Math.min(this.#restartDelayMs * 2, restartDelayMaxMs);
    onNotice(`${name} ended (${how}) and is started again; its log is ${logFile}`);
    this.#restart = setTimeout(() => this.#start(), this.#restartDelayMs);
  }
}

/** Node's arguments up to the program: from source through tsx, from the build directly. */
function programArguments(): string[] {
  const here = fileURLToPath(import.meta.url);
  const isSource = here.endsWith('.ts');
  const program = join(dirname(here), isSource ? 'millrace.main.ts' : 'millrace.main.js');
  return isSource ? ['--import', import.meta.resolve('tsx'), program] : [program];
}
