/** Real processes of this program for tests: started as production starts them, watched, killed alone or all together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

export type ProcessEnd = { code: number | null; signal: NodeJS.Signals | null };

export type MillraceProcess = {
  readonly pid: number;
  /** Resolves when the role takes messages; rejects with its output when it ends before. Client commands never are. */
  readonly whenReady: Promise<void>;
  /** Resolves when it is gone and its output is read. */
  readonly ended: Promise<ProcessEnd>;
  hasEnded(): boolean;
  readonly stdout: () => string;
  /** Both outputs, in the order of their coming. */
  readonly output: () => string;
  /** Resolves when one of its outputs has the text. */
  says(text: string): Promise<void>;
  /** Resolves when it is gone. */
  end(signal: NodeJS.Signals): Promise<ProcessEnd>;
  /** What it notices when its parent dies: their channel closes. */
  loseParent(): void;
};

export type SpawnOptions = {
  /** Working folder; `killEverythingIn` finds the process by it. */
  cwd: string;
  /** Default: the project that this test belongs to. */
  projectDir?: string;
  /** Command that starts the process, for example in a network of its own. */
  launcher?: readonly string[];
  /** In a process group of its own, as under a terminal. */
  isGroupLeader?: boolean;
};

export const projectDir = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const program = 'src/main/millrace.main.ts';

/** `millrace <args>`. It ends by itself when this test process dies. */
export function spawnMillrace(args: readonly string[], options: SpawnOptions): MillraceProcess {
  const root = options.projectDir ?? projectDir;
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), `${root}/${program}`];
  const [command = '', ...commandArgs] = [...(options.launcher ?? []), ...node, ...args];
  const child = spawn(command, commandArgs, {
    cwd: options.cwd,
    env: plainEnvironment(),
    detached: options.isGroupLeader ?? false,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return follow(child, args);
}

export type CommandResult = { exitCode: number | null; stdout: string; output: string };

/** Runs a client command to its end. */
export async function runMillrace(args: readonly string[], options: SpawnOptions): Promise<CommandResult> {
  const command = spawnMillrace(args, options);
  const { code } = await command.ended;
  return { exitCode: code, stdout: command.stdout(), output: command.output() };
}

/** All processes that work in the folder or below, whoever started them: orphans too. Zombies have no folder. */
export function processesIn(folder: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => isWorkingIn(pid, folder));
}

/** SIGKILL to every process that works in the folder, as when the machine fails. Resolves when all are gone. */
export async function killEverythingIn(folder: string): Promise<void> {
  for (const pid of processesIn(folder)) kill(pid, 'SIGKILL');
  await eventually('all processes are gone', () => {
    const left = processesIn(folder);
    for (const pid of left) kill(pid, 'SIGKILL');
    return left.length === 0 ? true : undefined;
  });
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault;
  }
}

function follow(child: ChildProcess, args: readonly string[]): MillraceProcess {
  const chunks: string[] = [];
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    chunks.push(text);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  const output = () => chunks.join('');
  // Not its `close`, which never comes after `disconnect`.
  const exited = new Promise<ProcessEnd>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const read = [child.stdout, child.stderr].map((stream) => new Promise((resolve) => stream?.once('close', resolve)));
  const ended = Promise.all([exited, ...read]).then(([end]) => end);
  const whenReady = new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    void ended.then(({ code, signal }) =>
      reject(new Error(`millrace ${args.join(' ')} ended (${signal ?? code}) before it was ready:\n${output()}`)),
    );
  });
  whenReady.catch(() => {}); // Whoever waits is told.
  const end = (signal: NodeJS.Signals): Promise<ProcessEnd> => {
    child.kill(signal);
    return ended;
  };
  if (child.pid === undefined) throw new Error(`millrace ${args.join(' ')} could not be started`);
  const says = async (text: string): Promise<void> => {
    await eventually(`${args[0]} says ${text}`, () => (output().includes(text) ? true : undefined));
  };
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const loseParent = () => child.disconnect();
  return { pid: child.pid, whenReady, ended, hasEnded, stdout: () => stdout, output, says, end, loseParent };
}

function isWorkingIn(pid: number, folder: string): boolean {
  try {
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    return cwd === folder || cwd.startsWith(folder + sep);
  } catch {
    return false; // Ended meanwhile, or not ours.
  }
}

/** What a login shell gives, nothing of the test runner. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), NO_COLOR: '1' };
}
