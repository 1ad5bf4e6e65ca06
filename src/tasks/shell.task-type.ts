/**
 * `shell`: runs a command with `/bin/sh -c` as a process group of its own.
 *
 * S1 The command runs only when the worker's ledger knows its process. The shell first waits for a line on descriptor 3,
 *    which comes after the commit; when the worker dies before, it reads the end of file and leaves without a trace.
 * S2 A cancelled attempt ends when its whole group is gone, grandchildren included.
 * S3 After the command's own end its output is read for a short time more: a process in the background that holds
 *    it open does not hold the attempt. Such a process lives on; its output goes nowhere.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { ShellSettings } from '../../schemas/definition/task-settings.ts';
import { createGroupEnding, type GroupEnding } from './group-ending.ts';
import { createOutputTail, type OutputTail } from './output-tail.ts';
import type { ProcessTable } from './process-table.port.ts';
import { settingsOf } from './settings-of.ts';
import { type ShellFiles, shellEnvironment } from './shell-environment.ts';
import { readShellOutputs } from './shell-outputs.ts';
import type { AttemptContext, AttemptResult, RunningAttempt, TaskType } from './task-type.port.ts';

/** Time to read what is left in the pipes after the command has ended. */
const closeGraceMs = 250;
const gateScript = 'IFS= read -r MILLRACE_GATE <&3 || exit 125; exec 3<&-; exec /bin/sh -c "$1"';

export type ShellTaskTypeOptions = {
  processes: ProcessTable;
  /** The worker's environment; only PATH, HOME, LANG, TZ and USER are passed on. */
  baseEnvironment: Readonly<Record<string, string | undefined>>;
};

export function createShellTaskType(options: ShellTaskTypeOptions): TaskType {
  return { type: 'shell', hasOutsideEffects: () => true, start: (context) => start(context, options) };
}

type Run = {
  context: AttemptContext;
  settings: ShellSettings;
  files: ShellFiles;
  child: ChildProcess;
  tail: OutputTail;
  isClosed: boolean;
  hasEnded: boolean;
};

function start(context: AttemptContext, options: ShellTaskTypeOptions): RunningAttempt {
  const settings = settingsOf(context.offer, 'shell');
  const folder = context.folder();
  const files = { inputs: join(folder.root, 'inputs.json'), output: join(folder.root, 'outputs') };
  writeFileSync(files.inputs, JSON.stringify(context.offer.inputs));
  const child = spawn('/bin/sh', ['-c', gateScript, 'sh', settings.command], {
    cwd: folder.work,
    env: shellEnvironment(options.baseEnvironment, context.offer, files),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const run: Run = { context, settings, files, child, tail: createOutputTail(), isClosed: false, hasEnded: false };
  child.on('error', (fault) => end(run, startFailed(fault)));
  if (child.pid === undefined) return { cancel: () => end(run, { kind: 'cancelled' }) }; // The error event follows.
  return follow(run, child.pid, options.processes);
}

function follow(run: Run, pid: number, processes: ProcessTable): RunningAttempt {
  const { child, context } = run;
  const ending = createGroupEnding({
    processes,
    clock: context.clock,
    groupId: pid,
    onEnded: (isGone) => endCancelled(run, isGone),
  });
  readOutput(run);
  child.once('close', () => {
    run.isClosed = true;
  });
  child.once('exit', (exitCode, signal) => afterExit(run, ending, { exitCode, signal }));
  openGateWhenNoted(run, pid, processes);
  return { cancel: (urgency) => run.hasEnded || ending.begin(urgency === 'now' ? 0 : run.settings.graceMs) };
}

function readOutput({ child, context, tail }: Run): void {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      tail.add(bytes);
      context.writeLog(bytes);
    });
    stream?.on('error', () => {}); // The exit tells what matters.
  }
}

/** S1. */
function openGateWhenNoted({ child, context }: Run, pid: number, processes: ProcessTable): void {
  const gate = child.stdio[3] as Writable; // Made by `stdio: 'pipe'` above.
  gate.on('error', () => {}); // The shell was ended before it read.
  const identity = processes.identify(pid);
  if (identity === undefined) return; // Ended already; the exit event follows.
  context.noteProcess(identity, () => gate.end('\n'));
}

type Exit = { exitCode: number | null; signal: NodeJS.Signals | null };

function afterExit(run: Run, ending: GroupEnding, exit: Exit): void {
  // S2: after a cancel it is the end of the group that ends the attempt.
  whenClosed(run, () => ending.hasBegun() || end(run, resultOf(run, exit)));
}

function endCancelled(run: Run, isGone: boolean): void {
  if (!isGone) run.context.writeLog(Buffer.from('\n[millrace: processes of this attempt could not be killed]\n'));
  whenClosed(run, () => end(run, { kind: 'cancelled' }));
}

/** Calls back when the output is read to its end, or S3. */
function whenClosed(run: Run, callback: () => void): void {
  if (run.isClosed) {
    callback();
    return;
  }
  const finish = (): void => {
    timer.cancel();
    run.child.off('close', finish);
    callback();
  };
  const timer = run.context.clock.after(closeGraceMs, finish);
  run.child.once('close', finish);
}

function end(run: Run, result: AttemptResult): void {
  if (run.hasEnded) return;
  run.hasEnded = true;
  for (const stream of run.child.stdio) stream?.destroy();
  run.context.ended(result);
}

function resultOf(run: Run, { exitCode, signal }: Exit): AttemptResult {
  if (exitCode === 0) return readShellOutputs(run.files.output, run.context.outputSizeBytesMax);
  const lastLine = run.tail.lastLine();
  const said = lastLine === '' ? 'It wrote nothing.' : `Its last line: ${lastLine}`;
  if (exitCode === null) {
    return { kind: 'failed', fault: { code: 'TASK_KILLED', message: `the command was ended by ${signal}. ${said}` } };
  }
  const message = `expected exit code 0, found ${exitCode}. ${said}`;
  return { kind: 'failed', fault: { code: 'TASK_EXIT_NONZERO', message }, exitCode };
}

function startFailed(fault: Error): AttemptResult {
  return { kind: 'failed', fault: { code: 'TASK_START_FAILED', message: `/bin/sh cannot start: ${fault.message}` } };
}
