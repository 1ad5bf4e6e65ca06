/**
 * One command, run by this process with `/bin/sh -c` as a process group of its own.
 *
 * S1 The command runs only when the worker's ledger knows its process. The shell first waits for a line on descriptor 3,
 *    which comes after the commit; when whoever holds the other end dies before, it reads the end of file and leaves
 *    without a trace.
 * S2 A cancelled command ends when its whole group is gone, grandchildren included.
 * S3 After the command's own end its output is read for a short time more: a process in the background that holds
 *    it open does not hold the attempt. Such a process lives on; its output goes nowhere.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { ClientName } from '../../schemas/clusters/application-ids.ts';
import type { Clock } from '../clock/clock.port.ts';
import { type ApplicationFinder, outputFinder } from '../clusters/application-finder.ts';
import { type MaskedStream, SecretMask } from '../secrets/secret-mask.ts';
import type { Log } from '../telemetry/log.ts';
import type { CommandEnd, CommandListener, CommandOrder } from './command-host.port.ts';
import { createGroupEnding, type GroupEnding } from './group-ending.ts';
import { createOutputFile, type OutputFile } from './output-file.ts';
import { createOutputTail } from './output-tail.ts';
import type { ProcessTable } from './process-table.port.ts';
import type { CancelReason, CancelUrgency } from './task-type.port.ts';

/** Time to read what is left in the pipes after the command has ended. */
const closeGraceMs = 250;
const gateScript = 'IFS= read -r MILLRACE_GATE <&3 || exit 125; exec 3<&-; exec /bin/sh -c "$1"';

export type CommandSurroundings = { processes: ProcessTable; clock: Clock; log: Log };

type Exit = { exitCode: number | null; signal: NodeJS.Signals | null };

export class CommandRun {
  private readonly order: CommandOrder;
  private readonly listener: CommandListener;
  private readonly surroundings: CommandSurroundings;
  private readonly output: OutputFile;
  private readonly tail = createOutputTail();
  /** One for each of its outputs: a secret may come in pieces. */
  private readonly masked: MaskedStream[];
  private readonly finders: ApplicationFinder[];
  private child: ChildProcess | undefined;
  private ending: GroupEnding | undefined;
  private reason: CancelReason = 'stop';
  private isClosed = false;
  private hasEnded = false;

  constructor(order: CommandOrder, listener: CommandListener, surroundings: CommandSurroundings) {
    this.order = order;
    this.listener = listener;
    this.surroundings = surroundings;
    this.output = createOutputFile(order.output, surroundings.log);
    const mask = SecretMask.ofTexts(order.masked ?? []);
    this.masked = [mask.stream(), mask.stream()];
    this.finders = order.client === undefined ? [] : this.findersFor(order.client);
  }

  /** Throws when the order itself is impossible. Other faults end the command, also before this returns. */
  start(): void {
    const { command, folder, environment } = this.order;
    const child = spawn('/bin/sh', ['-c', gateScript, 'sh', command], {
      cwd: folder,
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.child = child;
    child.on('error', (fault) => this.end({ kind: 'startFailed', message: `/bin/sh cannot start: ${fault.message}` }));
    if (child.pid === undefined) return; // The error event follows.
    this.follow(child, child.pid);
  }

  /** S1. */
  openGate(): void {
    if (!this.hasEnded) this.gate()?.end('\n');
  }

  cancel(urgency: CancelUrgency, reason: CancelReason): void {
    if (this.hasEnded) return;
    this.reason = reason;
    if (this.ending === undefined) this.end({ kind: 'cancelled', reason });
    else this.ending.begin(urgency === 'now' ? 0 : this.order.graceMs);
  }

  outputSizeBytes(): number {
    return this.output.sizeBytes();
  }

  private follow(child: ChildProcess, pid: number): void {
    const { processes, clock } = this.surroundings;
    this.ending = createGroupEnding({
      processes,
      clock,
      groupId: pid,
      onEnded: (isGone) => this.endCancelled(isGone),
    });
    this.readOutput(child);
    this.gate()?.on('error', () => {}); // The shell was ended before it read.
    child.once('close', () => {
      this.isClosed = true;
    });
    child.once('exit', (exitCode, signal) => this.afterExit({ exitCode, signal }));
    const identity = processes.identify(pid);
    if (identity === undefined) return; // It has ended already; the exit event follows.
    queueMicrotask(() => this.listener.spawned(identity)); // Whoever started it has it in hand by then.
  }

  private gate(): Writable | undefined {
    return this.child?.stdio[3] as Writable | undefined; // Made by `stdio: 'pipe'`.
  }

  private readOutput(child: ChildProcess): void {
    for (const [index, stream] of [child.stdout, child.stderr].entries()) {
      stream?.on('data', (bytes: Buffer) => {
        this.finders[index]?.write(bytes);
        this.write(this.masked[index]?.write(bytes) ?? bytes);
      });
      stream?.on('error', () => {}); // The exit tells what matters.
    }
  }

  /** Whatever the log keeps, what the client says is seen. Each id is told once. */
  private findersFor(client: ClientName): ApplicationFinder[] {
    const told = new Set<string>();
    const tell = (id: string): void => {
      if (told.has(id)) return;
      told.add(id);
      this.listener.found(id);
    };
    return [outputFinder(client, tell), outputFinder(client, tell)];
  }

  private write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.tail.add(bytes);
    this.output.write(bytes);
    this.listener.wrote(this.output.sizeBytes());
  }

  private afterExit(exit: Exit): void {
    // S2: after a cancel it is the end of the group that ends the command.
    this.whenClosed(() => this.ending?.hasBegun() || this.end(this.endOf(exit)));
  }

  private endCancelled(isGone: boolean): void {
    if (!isGone) this.write(Buffer.from('\n[millrace: processes of this attempt could not be killed]\n'));
    this.whenClosed(() => this.end({ kind: 'cancelled', reason: this.reason }));
  }

  /** Calls back when the output is read to its end, or S3. */
  private whenClosed(callback: () => void): void {
    const { child } = this;
    if (this.isClosed || child === undefined) {
      callback();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      child.off('close', finish);
      callback();
    };
    const timer = this.surroundings.clock.after(closeGraceMs, finish);
    child.once('close', finish);
  }

  private flush(): void {
    for (const masked of this.masked) this.write(masked.flush());
  }

  private endOf({ exitCode, signal }: Exit): CommandEnd {
    this.flush();
    const lastLine = this.tail.lastLine();
    if (exitCode === null) return { kind: 'killed', signal: signal ?? 'a signal', lastLine };
    return { kind: 'exited', exitCode, lastLine };
  }

  private end(end: CommandEnd): void {
    if (this.hasEnded) return;
    this.flush();
    for (const finder of this.finders) finder.end();
    this.hasEnded = true;
    for (const stream of this.child?.stdio ?? []) stream?.destroy();
    this.output.close();
    this.listener.ended(end);
  }
}
