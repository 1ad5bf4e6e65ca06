/** A copy of the launch scripts in a folder of its own, with a PATH that holds stub programs only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url));

export interface LaunchResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningScript {
  child: ChildProcess;
  result: Promise<LaunchResult>;
}

export class LaunchSandbox {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-launch-')));
  readonly programs = join(this.root, 'programs');

  constructor() {
    cpSync(join(projectRoot, 'infra', 'launch'), this.path('infra', 'launch'), { recursive: true });
    this.write('package.json', '{ "type": "module" }');
    this.write('package-lock.json', '{ "lockfileVersion": 3 }');
    this.replace('infra/launch/find-program.mjs', /serverFolders = \[[^\]]*\]/, 'serverFolders = []');
    // Non-root runs of the tests take the same way as root.
    this.program('sudo', 'shift; exec "$@"');
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), content);
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  replace(path: string, from: RegExp | string, to: string): void {
    const before = readFileSync(this.path(path), 'utf8');
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${path} does not hold ${from}.`);
    this.write(path, after);
  }

  /** A stub on PATH: a shell script that first notes its call. `$SANDBOX` is the root of the copy. */
  program(name: string, script: string): void {
    mkdirSync(this.programs, { recursive: true });
    const note = `echo "${name} $*" >> '${this.path('calls.log')}'`;
    const head = `export PATH=/usr/bin:/bin SANDBOX='${this.root}'`;
    writeFileSync(join(this.programs, name), `#!/bin/sh\n${head}\n${note}\n${script}\n`);
    chmodSync(join(this.programs, name), 0o755);
  }

  /** The calls of stubs so far, those that only ask for something left out. */
  calls(): string[] {
    if (!this.has('calls.log')) return [];
    const lines = readFileSync(this.path('calls.log'), 'utf8').trim().split('\n');
    return lines.filter((line) => !line.endsWith('--version') && !line.startsWith('sudo '));
  }

  forgetCalls(): void {
    rmSync(this.path('calls.log'), { force: true });
  }

  installNatsServer(version = '2.9.10'): void {
    this.program('nats-server', `echo 'nats-server: v${version}'`);
  }

  /** As after an `npm ci`. */
  installPackages(): void {
    this.write('node_modules/.package-lock.json', '{}');
  }

  /** The real packages of this project. */
  linkPackages(): void {
    symlinkSync(join(projectRoot, 'node_modules'), this.path('node_modules'));
  }

  /** A built program that prints how it was called. */
  installBuild(): void {
    this.write('dist/src/main/millrace.main.js', printCall('build'));
  }

  installSource(): void {
    this.write('src/main/millrace.main.ts', `const kind: string = 'source';\n${printCall('source')}`);
  }

  start(script: string, args: string[] = [], env: Record<string, string> = {}): RunningScript {
    const child = spawn(process.execPath, [this.path('infra', 'launch', script), ...args], {
      cwd: tmpdir(),
      env: { PATH: this.programs, HOME: this.root, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { child, result: collect(child) };
  }

  run(script: string, args: string[] = [], env: Record<string, string> = {}): Promise<LaunchResult> {
    return this.start(script, args, env).result;
  }

  appendToLock(text: string): void {
    appendFileSync(this.path('package-lock.json'), text);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

function printCall(kind: string): string {
  return `console.log(JSON.stringify({ kind: '${kind}', args: process.argv.slice(2), mode: process.env.NODE_ENV }));
process.exitCode = 3;
`;
}

async function collect(child: ChildProcess): Promise<LaunchResult> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk;
  });
  await once(child, 'close');
  return { exitCode: child.exitCode, ...output };
}
