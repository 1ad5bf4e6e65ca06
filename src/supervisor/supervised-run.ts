/** One command under the supervisor, with what is remembered of it on disk. */
import type { CommandEnd, CommandListener, CommandOrder } from '../tasks/command-host.port.ts';
import { CommandRun, type CommandSurroundings } from '../tasks/command-run.ts';
import type { ProcessIdentity } from '../tasks/process-table.port.ts';
import type { CancelReason, CancelUrgency } from '../tasks/task-type.port.ts';
import type { RunRecords } from './run-records.ts';
import type { RunState } from './supervisor.messages.ts';

export type SupervisedRunOptions = {
  order: CommandOrder;
  surroundings: CommandSurroundings;
  records: RunRecords;
  /** Told after it is on disk. */
  listener: CommandListener;
};

export class SupervisedRun {
  readonly attemptId: string;
  private readonly options: SupervisedRunOptions;
  private readonly run: CommandRun;
  private process: ProcessIdentity | undefined;
  private isGateOpen = false;
  private readonly applications: string[] = [];
  private end: { end: CommandEnd; endedAt: number } | undefined;

  constructor(options: SupervisedRunOptions) {
    this.options = options;
    this.attemptId = options.order.attemptId;
    const { listener } = options;
    this.run = new CommandRun(
      options.order,
      {
        spawned: (process) => this.hasSpawned(process),
        wrote: (sizeBytes) => listener.wrote(sizeBytes),
        found: (application) => this.hasFound(application),
        ended: (end) => this.hasEnded(end),
      },
      options.surroundings,
    );
  }

  start(): void {
    try {
      this.run.start();
    } catch (fault) {
      this.hasEnded({ kind: 'startFailed', message: `the attempt cannot start: ${(fault as Error).message}` });
    }
  }

  openGate(): void {
    this.isGateOpen = true;
    this.run.openGate();
  }

  cancel(urgency: CancelUrgency, reason: CancelReason): void {
    this.run.cancel(urgency, reason);
  }

  isLive(): boolean {
    return this.end === undefined;
  }

  isWaitingAtGate(): boolean {
    return this.isLive() && !this.isGateOpen;
  }

  state(): RunState {
    return {
      attemptId: this.attemptId,
      ...(this.process && { process: this.process }),
      isGateOpen: this.isGateOpen,
      outputSizeBytes: this.run.outputSizeBytes(),
      ...(this.applications.length > 0 && { applications: [...this.applications] }),
      ...this.end,
    };
  }

  /** The gate is opened by a later message: by then the record is written. */
  private hasSpawned(process: ProcessIdentity): void {
    this.process = process;
    this.options.listener.spawned(process);
    this.record();
  }

  /** Noted first: an application lives on when this machine does not. */
  private hasFound(application: string): void {
    this.applications.push(application);
    this.record();
    this.options.listener.found(application);
  }

  private hasEnded(end: CommandEnd): void {
    this.end = { end, endedAt: this.options.surroundings.clock.now() };
    this.record();
    this.options.listener.ended(end, this.end.endedAt);
  }

  /** A disk that is full must not end what runs; the worker's ledger knows the process too. */
  private record(): void {
    try {
      this.options.records.write(this.state());
    } catch (fault) {
      const { log } = this.options.surroundings;
      log.error({ fault, attemptId: this.attemptId }, 'what became of an attempt cannot be noted');
    }
  }
}
