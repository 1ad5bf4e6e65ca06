/**
 * The attempts of this worker: takes them, starts them, ends them.
 *
 * A1 An attempt id is started at most once: it is looked up in memory and in the ledger before it is taken.
 * A2 An attempt with effects outside of this process starts only after the commit that notes it. Others start at once, so
 *    that taking, starting and ending can be one commit and one report.
 * A3 An attempt holds a slot from its taking to its end, also while it is being cancelled, and when it was adopted.
 * A4 An attempt of an earlier life is adopted as its task type says, or buried; it never starts again.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import type { TaskType as TaskTypeName } from '../../schemas/definition/task-settings.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, MasterId, WorkerId } from '../../schemas/ids.ts';
import { applicationsMax, type Offer } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { attemptSecretsOf } from '../secrets/attempt-secrets.ts';
import type { SecretMask } from '../secrets/secret-mask.ts';
import type { SecretSource } from '../secrets/secret-source.port.ts';
import type {
  AttemptContext,
  AttemptFolder,
  AttemptResult,
  CancelReason,
  EndNote,
  OutputPlace,
  TaskType,
} from '../tasks/task-type.port.ts';
import type { Log } from '../telemetry/log.ts';
import { type AttemptLog, createAttemptLog } from './attempt-log.ts';
import type { AttemptPaths } from './attempt-paths.ts';
import type { AttemptRecord, InstanceRecord } from './attempt-record.ts';
import { lastReport, lostReport, startedReport } from './attempt-reports.ts';
import type { Outbox } from './outbox.ts';
import { createStartedLine, type StartedLine } from './started-line.ts';
import type { Turn } from './turn.ts';

export type AttemptTableOptions = {
  worker: WorkerId;
  taskTypes: readonly TaskType[];
  logSizeBytesMax: number;
  outputSizeBytesMax: number;
  secrets: SecretSource;
  paths: AttemptPaths;
  turn: Turn;
  clock: Clock;
  log: Log;
  /** Late, since the outbox looks up attempts here. */
  outbox: () => Outbox;
  /** Called when the number of attempts that hold a slot has become zero. */
  onIdle: () => void;
};

export class AttemptTable {
  private readonly options: AttemptTableOptions;
  private readonly records = new Map<AttemptId, AttemptRecord>();
  private readonly taskTypes: ReadonlyMap<TaskTypeName, TaskType>;
  private readonly startedLine: StartedLine;
  private slotCount = 0;

  constructor(options: AttemptTableOptions) {
    this.options = options;
    this.taskTypes = new Map(options.taskTypes.map((taskType) => [taskType.type, taskType]));
    this.startedLine = createStartedLine({ clock: options.clock, onDue: (record) => this.reportStarted(record) });
  }

  find(attemptId: AttemptId): AttemptRecord | undefined {
    return this.records.get(attemptId);
  }

  knowsType(type: TaskTypeName): boolean {
    return this.taskTypes.has(type);
  }

  /** Attempts that hold a slot (A3). */
  runningCount(): number {
    return this.slotCount;
  }

  runningByMaster(): Record<MasterId, number> {
    const counts: Record<MasterId, number> = {};
    for (const { instance } of this.running()) {
      if (instance.owner !== undefined) counts[instance.owner] = (counts[instance.owner] ?? 0) + 1;
    }
    return counts;
  }

  running(): AttemptRecord[] {
    return [...this.records.values()].filter((record) => record.state !== 'ended');
  }

  /** The caller has checked that the attempt is new (A1). */
  take(offer: Offer, instance: InstanceRecord): void {
    const record = newRecord(offer, instance);
    this.add(record);
    this.slotCount += 1;
    this.options.turn.attemptChanged(record);
    const taskType = this.taskTypes.get(offer.settings.type);
    if (taskType === undefined) throw new AppError('TASK_TYPE_UNKNOWN', `no task type ${offer.settings.type}`);
    if (taskType.hasOutsideEffects(offer)) this.options.turn.afterCommit(() => this.start(record, offer, taskType));
    else this.start(record, offer, taskType);
  }

  /** Takes an attempt of an earlier life back into memory. */
  add(record: AttemptRecord): void {
    this.records.set(record.attemptId, record);
    record.instance.attempts.add(record);
  }

  /** A4. False when the attempt is lost. Its result, if it has one, follows like any other. */
  async adopt(record: AttemptRecord): Promise<boolean> {
    const { offer, startedAt, process } = record;
    const taskType = offer === undefined ? undefined : this.taskTypes.get(offer.settings.type);
    if (offer === undefined || taskType?.adopt === undefined) return false;
    this.slotCount += 1;
    const running = await this.tryToAdopt(() =>
      taskType.adopt?.(this.contextOf(record, offer), { startedAt, process }),
    );
    if (record.state === 'ended') return true; // While it was being adopted.
    if (running === undefined) {
      this.slotCount -= 1;
      return false;
    }
    record.running = running;
    record.state = 'running';
    record.startedAt ??= this.options.clock.now();
    this.options.turn.attemptChanged(record);
    if (record.sequence === 0) this.startedLine.add(record);
    return true;
  }

  cancel(record: AttemptRecord, reason: CancelReason, urgency: 'graceful' | 'now' = 'graceful'): void {
    if (record.state === 'ended') return;
    record.ending = isOwn(reason) ? (record.ending ?? reason) : reason;
    if (record.state === 'queued') this.end(record, { kind: 'cancelled' });
    else record.running?.cancel(urgency, record.ending);
  }

  /** Ends an attempt of an earlier life that left no result. */
  bury(record: AttemptRecord, fault: Fault): void {
    const endedAt = this.options.clock.now();
    record.state = 'ended';
    record.endedAt = endedAt;
    record.log?.end();
    this.options.outbox().put(record, lostReport(record, endedAt, fault));
  }

  /** The last report was acked: only the ledger remembers the attempt. */
  settled(record: AttemptRecord): void {
    this.records.delete(record.attemptId);
    record.instance.attempts.delete(record);
    this.options.turn.attemptSettled(record);
  }

  logOf(record: AttemptRecord): AttemptLog {
    record.log ??= createAttemptLog({ ...this.outputPlaceOf(record), log: this.options.log });
    return record.log;
  }

  stop(): void {
    this.startedLine.stop();
    for (const record of this.records.values()) record.log?.end();
  }

  private start(record: AttemptRecord, offer: Offer, taskType: TaskType): void {
    if (record.state !== 'queued') return; // Cancelled meanwhile.
    record.state = 'running';
    record.startedAt = this.options.clock.now();
    this.options.turn.attemptChanged(record);
    try {
      record.running = taskType.start(this.contextOf(record, offer));
    } catch (fault) {
      this.end(record, { kind: 'failed', fault: startFault(fault) });
    }
    if (this.isStillRunning(record)) this.startedLine.add(record);
  }

  /** `start` may have changed the state, which the compiler does not see. */
  private isStillRunning(record: AttemptRecord): boolean {
    return record.state === 'running';
  }

  private contextOf(record: AttemptRecord, offer: Offer): AttemptContext {
    const { worker, clock, outputSizeBytesMax } = this.options;
    const secrets = attemptSecretsOf(offer.inputs, this.options.secrets);
    const masked = secrets.mask.stream();
    return {
      offer,
      worker,
      clock,
      outputSizeBytesMax,
      secrets,
      folder: () => this.makeFolder(record),
      writeLog: (bytes) => this.writeLog(record, masked.write(bytes)),
      outputPlace: () => this.outputPlaceOf(record),
      noteOutput: (sizeBytes) => this.logOf(record).noted(sizeBytes),
      noteProcess: (process, onDurable) => {
        record.process = process;
        this.options.turn.attemptChanged(record);
        this.options.turn.afterCommit(onDurable);
      },
      foundApplication: (application) => this.noteApplication(record, application),
      ended: (result, note) => {
        const rest = masked.flush();
        if (rest.length > 0) this.writeLog(record, rest);
        this.end(record, maskedResult(result, secrets.mask), note);
      },
    };
  }

  /** A fault of one attempt must not keep the others from being adopted. */
  private async tryToAdopt<T>(adopt: () => Promise<T> | undefined): Promise<T | undefined> {
    try {
      return await adopt();
    } catch (fault) {
      this.options.log.error({ fault }, 'an attempt cannot be adopted; it counts as lost');
      return undefined;
    }
  }

  private outputPlaceOf(record: AttemptRecord): OutputPlace {
    return { path: this.options.paths.logOf(placeOf(record)), sizeBytesMax: this.options.logSizeBytesMax };
  }

  private makeFolder(record: AttemptRecord): AttemptFolder {
    const root = this.options.paths.folderOf(placeOf(record));
    const work = join(root, 'work');
    mkdirSync(work, { recursive: true });
    this.noteFolder(record);
    return { root, work };
  }

  private writeLog(record: AttemptRecord, bytes: Uint8Array): void {
    if (record.state === 'ended') return;
    this.noteFolder(record);
    this.logOf(record).write(bytes);
  }

  private noteFolder(record: AttemptRecord): void {
    if (record.hasFolder) return;
    record.hasFolder = true;
    this.options.turn.attemptChanged(record);
  }

  private noteApplication(record: AttemptRecord, application: FoundApplication): void {
    const { applications } = record;
    if (record.state === 'ended' || applications.some(({ id }) => id === application.id)) return;
    if (applications.length >= applicationsMax) return;
    applications.push(application);
    this.options.outbox().put(record, startedReport(record, record.startedAt ?? this.options.clock.now()));
  }

  /** What was found meanwhile has told of the start too. */
  private reportStarted(record: AttemptRecord): void {
    if (record.sequence > 0) return;
    if (record.startedAt !== undefined) this.options.outbox().put(record, startedReport(record, record.startedAt));
  }

  private end(record: AttemptRecord, result: AttemptResult, note: EndNote = {}): void {
    if (note.onDurable !== undefined) this.options.turn.afterCommit(note.onDurable);
    if (record.state === 'ended') return;
    const endedAt = note.endedAt ?? this.options.clock.now();
    record.state = 'ended';
    record.endedAt = endedAt;
    record.running = undefined;
    record.offer = undefined;
    record.log?.end();
    this.slotCount -= 1;
    this.options.outbox().put(record, lastReport(record, endedAt, bounded(result, this.options.outputSizeBytesMax)));
    if (this.slotCount === 0) this.options.onIdle();
  }
}

/** What a master wants of an attempt goes before what the worker wants. */
function isOwn(reason: CancelReason): boolean {
  return reason === 'drain' || reason === 'leaseLost';
}

function newRecord(offer: Offer, instance: InstanceRecord): AttemptRecord {
  return {
    attemptId: offer.attemptId,
    instance,
    task: offer.task,
    state: 'queued',
    offer,
    running: undefined,
    process: undefined,
    startedAt: undefined,
    endedAt: undefined,
    ending: undefined,
    sequence: 0,
    report: undefined,
    hasFolder: false,
    applications: [],
    ackedApplicationCount: 0,
    log: undefined,
  };
}

function placeOf(record: AttemptRecord) {
  return { instance: record.instance.id, task: record.task, attemptId: record.attemptId };
}

/** What leaves the worker holds no secret of the attempt. */
function maskedResult(result: AttemptResult, mask: SecretMask): AttemptResult {
  if (mask.isEmpty) return result;
  switch (result.kind) {
    case 'succeeded':
      return { ...result, outputs: mask.json(result.outputs) };
    case 'failed':
    case 'lost':
      return { ...result, fault: { ...result.fault, message: mask.text(result.fault.message) } };
    case 'cancelled':
      return result;
  }
}

function startFault(fault: unknown): Fault {
  if (fault instanceof AppError) return { code: fault.code, message: fault.message };
  const message = fault instanceof Error ? fault.message : String(fault);
  return { code: 'TASK_START_FAILED', message: `the attempt cannot start: ${message}` };
}

function bounded(result: AttemptResult, sizeBytesMax: number): AttemptResult {
  if (result.kind !== 'succeeded') return result;
  const sizeBytes = sizeOf(result.outputs);
  if (sizeBytes <= sizeBytesMax) return result;
  const message = `expected at most ${sizeBytesMax} bytes of outputs, found ${sizeBytes}; write large results elsewhere`;
  return { kind: 'failed', fault: { code: 'OUTPUT_TOO_LARGE', message } };
}

function sizeOf(outputs: Record<string, unknown>): number {
  for (const _ in outputs) return Buffer.byteLength(JSON.stringify(outputs));
  return 0; // The most frequent outputs are none.
}
