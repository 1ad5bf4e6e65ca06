/**
 * Runs commands under the supervisor of this worker, so that they survive the worker's death.
 *
 * H1 The supervisor is started when it is first needed. Orders wait until it is there.
 * H2 Nothing is told of a command after its end was told.
 * H3 When the supervisor is gone, what it noted on disk counts. A command without a noted end is lost: its processes are
 *    ended before that is told.
 * H4 What the supervisor or its files know and no attempt asks for is ended and forgotten (`endUnadopted`).
 */
import type { Clock } from '../clock/clock.port.ts';
import type {
  CommandEnd,
  CommandHost,
  CommandListener,
  CommandOrder,
  EarlierCommand,
  RunningCommand,
} from '../tasks/command-host.port.ts';
import { endLeftoverGroup } from '../tasks/leftover-group.ts';
import type { ProcessIdentity, ProcessTable } from '../tasks/process-table.port.ts';
import type { CancelReason, CancelUrgency } from '../tasks/task-type.port.ts';
import type { Log } from '../telemetry/log.ts';
import { createRunRecords, type RunRecords } from './run-records.ts';
import { adoptedCommand, type SupervisedCommand as Command, orderedCommand } from './supervised-command.ts';
import type { FromSupervisor, RunState, ToSupervisor } from './supervisor.messages.ts';
import { type OpenLink, openExisting, openOrStart, type SupervisorProgram } from './supervisor-link.ts';
import { supervisorPlace } from './supervisor-place.ts';

/** Beyond the grace period and the time that killing may take; then the worker ends the group by itself. */
const cancelSlackMs = 15_000;

export type SupervisedCommandHost = CommandHost & {
  /** To be called when all attempts of earlier lives were adopted or given up (H4). */
  endUnadopted(): Promise<void>;
  /** The worker's membership is renewed. Once this was called, commands end when it is not called again in time. */
  renewLease(validForMs: number): void;
  /** Lets the supervisor end if nothing runs; waits for that. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
};

export type SupervisedCommandHostOptions = {
  /** Of the worker; absolute. */
  dataDir: string;
  program: SupervisorProgram;
  processes: ProcessTable;
  clock: Clock;
  log: Log;
};

export function createSupervisedCommandHost(options: SupervisedCommandHostOptions): SupervisedCommandHost {
  const host = new SupervisedHost(options);
  return {
    start: (order, listener) => host.start(order, listener),
    adopt: (earlier, listener) => host.adopt(earlier, listener),
    endUnadopted: () => host.endUnadopted(),
    renewLease: (validForMs) => host.renewLease(validForMs),
    stop: (deadlineMs) => host.stop(deadlineMs),
  };
}

class SupervisedHost {
  private readonly options: SupervisedCommandHostOptions;
  private readonly records: RunRecords;
  private readonly commands = new Map<string, Command>();
  /** What the supervisor ran when it was found, and nobody has asked for yet. */
  private readonly unclaimed = new Map<string, RunState>();
  private link: OpenLink | undefined;
  private opening: Promise<void> | undefined;
  private leaseEndsAt: number | undefined;
  private hasLooked = false;
  private isSettled = false;
  private isStopped = false;

  constructor(options: SupervisedCommandHostOptions) {
    this.options = options;
    this.records = createRunRecords(supervisorPlace(options.dataDir).runs);
  }

  start(order: CommandOrder, listener: CommandListener): RunningCommand {
    const command = this.add(orderedCommand(order, listener));
    this.sendSoon(command);
    return this.handleOf(command);
  }

  async adopt(earlier: EarlierCommand, listener: CommandListener): Promise<RunningCommand | undefined> {
    const { attemptId } = earlier;
    await this.look();
    const state = this.unclaimed.get(attemptId) ?? (await this.leftBehind(attemptId));
    if (state === undefined) return undefined;
    this.unclaimed.delete(attemptId);
    const command = this.add(adoptedCommand(earlier, listener));
    setImmediate(() => this.resume(command, state)); // The listener must have the command in hand.
    return this.handleOf(command);
  }

  async endUnadopted(): Promise<void> {
    await this.look();
    for (const state of this.unclaimed.values()) this.giveUp(state);
    this.unclaimed.clear();
    this.isSettled = true;
    for (const attemptId of this.records.attemptIds()) {
      if (this.commands.has(attemptId)) continue;
      await this.endLeftover({ attemptId, process: this.records.read(attemptId)?.process });
      this.records.remove(attemptId);
    }
  }

  renewLease(validForMs: number): void {
    this.leaseEndsAt = this.options.clock.now() + validForMs;
    this.send({ kind: 'lease', validForMs });
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.isStopped) return;
    await this.opening;
    this.isStopped = true;
    const { link } = this;
    if (link === undefined) return;
    link.send({ kind: 'endWhenIdle' });
    const { log } = this.options;
    if (!(await link.whenGone(deadlineMs))) log.warn({ pid: link.process.pid }, 'the supervisor still runs attempts');
    link.close();
  }

  private add(command: Command): Command {
    this.commands.set(command.attemptId, command);
    return command;
  }

  private handleOf(command: Command): RunningCommand {
    const { attemptId } = command;
    return {
      openGate: () => this.send({ kind: 'openGate', attemptId }),
      cancel: (urgency, reason) => this.cancel(command, urgency, reason),
      forget: () => this.forget(attemptId),
    };
  }

  private cancel(command: Command, urgency: CancelUrgency, reason: CancelReason): void {
    if (command.state === 'ended') return;
    command.cancelled = reason;
    if (command.state === 'waiting') {
      this.end(command, { kind: 'cancelled', reason });
      return;
    }
    this.send({ kind: 'cancel', attemptId: command.attemptId, urgency, reason });
    command.cancelDeadline ??= this.options.clock.after(command.graceMs + cancelSlackMs, () => {
      this.options.log.error({ attemptId: command.attemptId }, 'the supervisor did not end an attempt; it is killed');
      void this.lose(command);
    });
  }

  private forget(attemptId: string): void {
    this.commands.delete(attemptId);
    if (this.link === undefined) this.records.remove(attemptId);
    else this.link.send({ kind: 'forget', attemptId });
  }

  private send(message: ToSupervisor): void {
    this.link?.send(message);
  }

  /** H1. */
  private sendSoon(command: Command): void {
    if (this.link === undefined) void this.openAndSend();
    else this.sendOrder(command);
  }

  private async openAndSend(): Promise<void> {
    await this.opening; // Perhaps somebody only looks.
    if (this.link === undefined) await this.open('start');
    for (const command of [...this.commands.values()]) this.sendOrder(command);
  }

  private sendOrder(command: Command): void {
    const { order, state } = command;
    if (order === undefined || state !== 'waiting' || this.link === undefined) return;
    command.state = 'sent';
    this.send({ kind: 'start', order });
  }

  /** Looks once for a supervisor of an earlier life. */
  private async look(): Promise<void> {
    if (this.hasLooked) return;
    await this.open('find');
    this.hasLooked = true;
  }

  private open(how: 'find' | 'start'): Promise<void> {
    this.opening ??= this.tryToOpen(how).finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  private async tryToOpen(how: 'find' | 'start'): Promise<void> {
    const { dataDir } = this.options;
    const linkOptions = {
      ...this.options,
      place: supervisorPlace(dataDir),
      onWelcome: (link: OpenLink) => this.welcomed(link),
      onMessage: (message: FromSupervisor) => this.take(message),
      onLost: () => void this.recover(),
    };
    try {
      if (how === 'start') await openOrStart(linkOptions);
      else await openExisting(linkOptions);
    } catch (fault) {
      this.options.log.error({ fault }, 'the supervisor of shell attempts cannot be started');
      this.failWaiting((fault as Error).message);
    }
  }

  private welcomed(link: OpenLink): void {
    this.link = link;
    if (this.leaseEndsAt !== undefined) {
      const validForMs = Math.max(0, this.leaseEndsAt - this.options.clock.now());
      this.send({ kind: 'lease', validForMs });
    }
    for (const state of link.runs) {
      if (this.commands.has(state.attemptId)) continue;
      if (this.isSettled) this.giveUp(state);
      else this.unclaimed.set(state.attemptId, state);
    }
  }

  private failWaiting(message: string): void {
    for (const command of [...this.commands.values()]) {
      if (command.state === 'waiting') this.end(command, { kind: 'startFailed', message });
    }
  }

  private take(message: FromSupervisor): void {
    if (message.kind === 'welcome') return;
    const command = this.commands.get(message.attemptId);
    if (command === undefined) this.noteUnclaimed(message);
    else if (command.state !== 'ended') this.tell(command, message);
  }

  private tell(command: Command, message: News): void {
    switch (message.kind) {
      case 'spawned':
        this.spawned(command, message.process);
        break;
      case 'wrote':
        command.listener.wrote(message.sizeBytes);
        break;
      case 'found':
        command.listener.found(message.application);
        break;
      case 'ended':
        this.end(command, message.end);
        break;
    }
  }

  /** What comes before an attempt asks for its command. */
  private noteUnclaimed(message: News): void {
    const state = this.unclaimed.get(message.attemptId);
    if (state === undefined) return;
    switch (message.kind) {
      case 'spawned':
        state.process = message.process;
        break;
      case 'wrote':
        state.outputSizeBytes = message.sizeBytes;
        break;
      case 'found':
        state.applications = [...(state.applications ?? []), message.application];
        break;
      case 'ended':
        state.end = message.end;
        state.endedAt = message.endedAt;
        break;
    }
  }

  private spawned(command: Command, process: ProcessIdentity): void {
    command.process = process;
    command.order = undefined;
    command.listener.spawned(process);
  }

  private resume(command: Command, state: RunState): void {
    if (command.state === 'ended') return;
    const { attemptId, cancelled } = command;
    command.listener.wrote(state.outputSizeBytes);
    for (const application of state.applications ?? []) command.listener.found(application);
    if (state.end !== undefined) {
      this.end(command, state.end, state.endedAt);
      return;
    }
    command.process = state.process;
    if (cancelled !== undefined) this.send({ kind: 'cancel', attemptId, urgency: 'graceful', reason: cancelled });
    else if (!state.isGateOpen && state.process !== undefined) this.spawned(command, state.process);
  }

  /** H2. */
  private end(command: Command, end: CommandEnd, endedAt?: number): void {
    if (command.state === 'ended') return;
    command.state = 'ended';
    command.order = undefined;
    command.cancelDeadline?.cancel();
    command.listener.ended(end, endedAt);
  }

  /** The connection broke. The supervisor may still be there: then it knows everything. */
  private async recover(): Promise<void> {
    this.link = undefined;
    this.unclaimed.clear(); // Whoever asks now finds what is on disk, or what the next connection tells.
    if (this.isStopped) return;
    const sent = [...this.commands.values()].filter(({ state }) => state === 'sent' || state === 'sentAgain');
    if (sent.length > 0) this.options.log.warn({ attemptCount: sent.length }, 'the supervisor of attempts is gone');
    await this.open('find');
    const known = new Map(this.runsOfLink().map((state) => [state.attemptId, state]));
    for (const command of sent) {
      const state = known.get(command.attemptId);
      if (state === undefined) void this.lose(command);
      else this.resume(command, state);
    }
  }

  private runsOfLink(): readonly RunState[] {
    return this.link?.runs ?? [];
  }

  /** H3. */
  private async lose(command: Command): Promise<void> {
    const { attemptId, cancelled } = command;
    const record = this.records.read(attemptId);
    if (record?.end !== undefined) {
      this.resume(command, record);
      return;
    }
    const process = command.process ?? record?.process;
    if (process === undefined && this.sendAgain(command)) return;
    await this.endLeftover({ attemptId, process });
    for (const application of record?.applications ?? []) command.listener.found(application);
    const message = 'the supervisor of the attempt is gone; its process was ended';
    this.end(command, cancelled === undefined ? { kind: 'lost', message } : { kind: 'cancelled', reason: cancelled });
  }

  /** Its process was never heard of, so its gate was never opened: it did not run. Once, lest it kills every supervisor. */
  private sendAgain(command: Command): boolean {
    if (command.order === undefined || command.state !== 'sent' || command.cancelled !== undefined) return false;
    command.state = 'waiting';
    void this.openAndSend().then(() => {
      if (command.state === 'sent') command.state = 'sentAgain';
    });
    return true;
  }

  /** H3, for an earlier life: undefined when neither its end was noted nor anything that lives on. */
  private async leftBehind(attemptId: string): Promise<RunState | undefined> {
    const record = this.records.read(attemptId);
    if (record === undefined || record.end !== undefined) return record;
    await this.endLeftover({ attemptId, process: record.process });
    this.records.remove(attemptId);
    if (record.applications === undefined) return undefined;
    return { ...record, end: { kind: 'lost', message: 'the machine or the supervisor of the attempt was restarted' } };
  }

  /** H4. */
  private giveUp({ attemptId, end }: RunState): void {
    if (end !== undefined) {
      this.forget(attemptId);
      return;
    }
    this.options.log.warn({ attemptId }, 'a process runs of which the ledger knows nothing; it is ended');
    const command = this.add(
      adoptedCommand(
        { attemptId, graceMs: 0 },
        forgetful(() => this.forget(attemptId)),
      ),
    );
    this.cancel(command, 'now', 'drain');
  }

  private async endLeftover(leftover: { attemptId: string; process: ProcessIdentity | undefined }): Promise<boolean> {
    return endLeftoverGroup(leftover, this.options);
  }
}

/** What is said of one command. */
type News = Exclude<FromSupervisor, { kind: 'welcome' }>;

function forgetful(forget: () => void): CommandListener {
  return { spawned: () => {}, wrote: () => {}, found: () => {}, ended: forget };
}
