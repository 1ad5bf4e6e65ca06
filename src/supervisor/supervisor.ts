/**
 * Runs the commands of one worker's shell attempts, and outlives that worker. It decides nothing: it starts, ends and
 * watches what it is told to, and remembers how each command ended until the worker has that in its ledger.
 *
 * V1 A command's gate opens only when a worker says so, which it does after its commit (S1). Commands at their gate are
 *    given up when no worker comes back.
 * V2 An attempt id is started at most once here; a second order for it changes nothing.
 * V3 One worker at a time: a new connection takes the place of the former.
 * V4 It ends when nothing runs and no worker is there, for a time; also, and with all commands, when its socket is no
 *    longer the one in the folder: then nobody could ever reach it.
 */
import { chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Timer } from '../clock/clock.port.ts';
import type { CommandListener, CommandOrder } from '../tasks/command-host.port.ts';
import type { CommandSurroundings } from '../tasks/command-run.ts';
import type { ProcessIdentity } from '../tasks/process-table.port.ts';
import { createLineChannel, type LineChannel } from './line-channel.ts';
import { createOutputNotices, type OutputNotices } from './output-notices.ts';
import { createRunRecords, type RunRecords } from './run-records.ts';
import { SupervisedRun } from './supervised-run.ts';
import { type FromSupervisor, isToSupervisor, protocolVersion, type ToSupervisor } from './supervisor.messages.ts';
import { fileMode, folderMode, type SupervisorPlace } from './supervisor-place.ts';

const reachabilityIntervalMs = 2_000;

export type SupervisorOptions = CommandSurroundings & {
  place: SupervisorPlace;
  /** This process. */
  process: ProcessIdentity;
  /** How long it stays without anything to do and without a worker. */
  idleMs: number;
  /** It has ended: the process may exit. */
  onEnd: () => void;
};

type Connection = LineChannel<FromSupervisor>;

export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly records: RunRecords;
  private readonly notices: OutputNotices;
  private readonly runs = new Map<string, SupervisedRun>();
  private readonly server: Server;
  private worker: Connection | undefined;
  private socketInode: number | undefined;
  private idle: Timer | undefined;
  private lease: Timer | undefined;
  private reachability: Timer | undefined;
  private endsWhenIdle = false;
  private hasEnded = false;

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.records = createRunRecords(options.place.runs);
    this.notices = createOutputNotices(options.clock, (attemptId, sizeBytes) => this.tellWritten(attemptId, sizeBytes));
    this.server = createServer((socket) => this.takeConnection(socket));
  }

  /** Resolves to false when another supervisor is there already. */
  async listen(): Promise<boolean> {
    const { place, process } = this.options;
    mkdirSync(place.folder, { recursive: true, mode: folderMode });
    chmodSync(place.folder, folderMode);
    if (await isAnswered(place.socket)) return false;
    rmSync(place.socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(place.socket, () => resolve());
    });
    chmodSync(place.socket, fileMode);
    this.socketInode = inodeOf(place.socket);
    writeFileSync(`${place.identity}.draft`, JSON.stringify(process), { mode: fileMode });
    renameSync(`${place.identity}.draft`, place.identity);
    this.watchReachability();
    this.considerEnd();
    return true;
  }

  /** A person or the system wants it to go: not while something runs. */
  endWhenIdle(): void {
    this.endsWhenIdle = true;
    this.considerEnd();
  }

  private takeConnection(socket: Socket): void {
    const connection: Connection = createLineChannel<ToSupervisor, FromSupervisor>({
      socket,
      isMessage: isToSupervisor,
      onMessage: (message) => this.take(message, connection),
      onDrain: () => this.notices.flush(),
      onClose: (fault) => this.lose(connection, fault),
    });
  }

  private take(message: ToSupervisor, connection: Connection): void {
    if (message.kind !== 'hello' && connection !== this.worker) return; // V3.
    switch (message.kind) {
      case 'hello':
        this.welcome(connection);
        break;
      case 'start':
        this.start(message.order);
        break;
      case 'openGate':
        this.runs.get(message.attemptId)?.openGate();
        break;
      case 'cancel':
        this.runs.get(message.attemptId)?.cancel(message.urgency, message.reason);
        break;
      case 'forget':
        this.forget(message.attemptId);
        break;
      case 'lease':
        this.renewLease(message.validForMs);
        break;
      case 'endWhenIdle':
        this.endWhenIdle();
        break;
    }
  }

  /** V3. */
  private welcome(connection: Connection): void {
    const former = this.worker;
    this.worker = connection;
    if (former !== connection) former?.close();
    this.idle?.cancel();
    this.idle = undefined;
    this.endsWhenIdle = false;
    this.lease?.cancel(); // The new one may have other plans.
    const runs = Array.from(this.runs.values(), (run) => run.state());
    connection.send({ kind: 'welcome', version: protocolVersion, process: this.options.process, runs });
  }

  private lose(connection: Connection, fault: Error | undefined): void {
    if (fault !== undefined) this.options.log.warn({ fault }, 'a connection of the supervisor failed');
    if (connection !== this.worker) return;
    this.worker = undefined;
    this.considerEnd();
  }

  /** V2. */
  private start(order: CommandOrder): void {
    if (this.runs.has(order.attemptId)) return;
    const run = new SupervisedRun({
      order,
      surroundings: this.options,
      records: this.records,
      listener: this.listenerOf(order.attemptId),
    });
    this.runs.set(order.attemptId, run);
    run.start();
  }

  private listenerOf(attemptId: string): CommandListener {
    return {
      spawned: (process) => this.worker?.send({ kind: 'spawned', attemptId, process }),
      wrote: (sizeBytes) => this.notices.note(attemptId, sizeBytes),
      found: (application) => this.worker?.send({ kind: 'found', attemptId, application }),
      ended: (end, endedAt) => {
        this.notices.flush();
        this.worker?.send({ kind: 'ended', attemptId, end, endedAt: endedAt ?? this.options.clock.now() });
        this.considerEnd();
      },
    };
  }

  /** False when the worker is behind: it is told later how far the output has come. */
  private tellWritten(attemptId: string, sizeBytes: number): boolean {
    if (this.worker === undefined) return true; // The next one is welcomed with it.
    if (this.worker.waitingSizeBytes() > 0) return false;
    this.worker.send({ kind: 'wrote', attemptId, sizeBytes });
    return true;
  }

  private forget(attemptId: string): void {
    if (this.runs.get(attemptId)?.isLive()) return;
    this.runs.delete(attemptId);
    this.records.remove(attemptId);
  }

  private renewLease(validForMs: number): void {
    this.lease?.cancel();
    this.lease = this.options.clock.after(validForMs, () => {
      for (const run of this.live()) run.cancel('now', 'leaseLost');
    });
  }

  private live(): SupervisedRun[] {
    return [...this.runs.values()].filter((run) => run.isLive());
  }

  /** V1, V4. */
  private considerEnd(): void {
    if (this.endsWhenIdle && this.live().length === 0) this.end();
    if (this.worker !== undefined || this.idle !== undefined || this.hasEnded) return;
    this.idle = this.options.clock.after(this.options.idleMs, () => {
      this.idle = undefined;
      for (const run of this.live()) if (run.isWaitingAtGate()) run.cancel('now', 'drain');
      if (this.live().length === 0) this.end();
      else this.considerEnd();
    });
  }

  /** V4. */
  private watchReachability(): void {
    this.reachability = this.options.clock.after(reachabilityIntervalMs, () => {
      if (this.worker === undefined && !this.isReachable()) this.abandon();
      if (!this.hasEnded) this.watchReachability();
    });
  }

  private isReachable(): boolean {
    return this.socketInode !== undefined && inodeOf(this.options.place.socket) === this.socketInode;
  }

  private abandon(): void {
    for (const run of this.live()) run.cancel('now', 'drain');
    this.endWhenIdle();
  }

  private end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    for (const timer of [this.idle, this.lease, this.reachability]) timer?.cancel();
    const { place, onEnd } = this.options;
    // Not `server.close()`: it would remove the socket of a successor too.
    if (this.isReachable()) for (const path of [place.socket, place.identity]) rmSync(path, { force: true });
    this.worker?.close();
    onEnd();
  }
}

/** A socket whose owner is dead refuses at once. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
