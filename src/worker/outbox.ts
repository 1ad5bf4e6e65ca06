/**
 * The reports that no master has acked. Each attempt has at most one here, its newest: it implies the earlier ones.
 *
 * O1 A report is sent only after the commit that holds it, and is kept until a master acks its sequence or a later one.
 * O2 Reports of one turn for one owner go in one batch.
 * O3 Unacked reports are repeated to the current owner, with a delay that doubles and falls back at each ack.
 * O4 A "not owner" answer is followed at once, but only a few times until an ack: two masters that point at each other
 *    do not make a storm.
 * O5 An owner that stays silent may be gone for good, and the next one need not know of this worker: the attempt has ended
 *    for it. After a few repetitions any master is asked; it acks, or says who owns the run.
 */
import type { AttemptId, Incarnation, MasterId, WorkerId } from '../../schemas/ids.ts';
import type { AttemptReport, ReportAck, ReportBatch } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { AttemptRecord, InstanceRecord } from './attempt-record.ts';
import type { Turn } from './turn.ts';

const batchReportCountMax = 1_000;
/** NATS takes messages of 1 MiB by default; a character may need three bytes. */
const batchLengthMax = 262_144;
/** So many are repeated at one time; the others wait for the next. */
const repeatedCountMax = 2_000;
/** Share of a retry delay that is random. */
const retryJitter = 0.2;
const redirectCountMax = 3;
/** Repetitions without an ack after which any master is asked (O5). */
const silentRoundCountMax = 3;

export type Outbox = {
  /** Replaces what the attempt had to say before. */
  put(record: AttemptRecord, report: AttemptReport): void;
  /** Takes over a report of an earlier life of the worker. */
  restore(record: AttemptRecord): void;
  /** The instance has another owner: its unacked reports go there at once. */
  resend(instance: InstanceRecord): void;
  acked(ack: ReportAck): void;
  /** NATS is back: everything is sent again at once. */
  hurry(): void;
  /** Unacked reports. */
  count(): number;
  stop(): void;
};

export type OutboxOptions = {
  worker: WorkerId;
  incarnation: Incarnation;
  inbox: string;
  retryDelayMs: number;
  retryDelayMaxMs: number;
  transport: Transport;
  turn: Turn;
  clock: Clock;
  ids: IdSource;
  findAttempt: (attemptId: AttemptId) => AttemptRecord | undefined;
  findInstance: (id: InstanceRecord['id']) => InstanceRecord | undefined;
  /** The last report of an ended attempt was acked. */
  onSettled: (record: AttemptRecord) => void;
  /** Nothing is left to be acked. */
  onEmpty: () => void;
};

/** The way to one master. */
type Channel = {
  readonly owner: MasterId;
  readonly unsent: Set<AttemptRecord>;
  readonly unacked: Set<AttemptRecord>;
  round: number;
  retryDelayMs: number;
  /** Repetitions since the last ack. */
  silentRoundCount: number;
  timer: Timer | undefined;
};

export function createOutbox(options: OutboxOptions): Outbox {
  return new ReportOutbox(options);
}

class ReportOutbox implements Outbox {
  private readonly options: OutboxOptions;
  private readonly channels = new Map<MasterId, Channel>();
  /** Which way each unacked report goes. A report without a known owner waits for a takeover. */
  private readonly ways = new Map<AttemptRecord, Channel | undefined>();
  private readonly dirty = new Set<Channel>();
  private isStopped = false;

  constructor(options: OutboxOptions) {
    this.options = options;
    options.turn.onCommitted(() => this.sendUnsent());
  }

  put(record: AttemptRecord, report: AttemptReport): void {
    record.report = { report, text: JSON.stringify(report), sentRound: undefined };
    this.route(record);
    this.options.turn.attemptChanged(record);
  }

  restore(record: AttemptRecord): void {
    this.route(record);
    this.options.turn.request();
  }

  resend(instance: InstanceRecord): void {
    for (const record of instance.attempts) if (record.report !== undefined) this.route(record);
    this.options.turn.request();
  }

  acked(ack: ReportAck): void {
    for (const { attemptId, sequence } of ack.acked) {
      const record = this.options.findAttempt(attemptId);
      if (record?.report !== undefined && sequence >= record.report.report.sequence) this.settle(record);
    }
    for (const { instance, owner, epoch } of ack.notOwner) {
      const record = this.options.findInstance(instance);
      if (record !== undefined && owner !== undefined) this.redirect(record, owner, epoch);
    }
    if (this.ways.size === 0) this.options.onEmpty();
  }

  hurry(): void {
    for (const channel of this.channels.values()) channel.retryDelayMs = this.options.retryDelayMs;
    for (const record of this.ways.keys()) this.route(record);
    this.options.turn.request();
  }

  count(): number {
    return this.ways.size;
  }

  stop(): void {
    this.isStopped = true;
    for (const channel of this.channels.values()) channel.timer?.cancel();
  }

  private settle(record: AttemptRecord): void {
    const channel = this.ways.get(record);
    if (channel !== undefined) {
      channel.unsent.delete(record);
      channel.unacked.delete(record);
      channel.retryDelayMs = this.options.retryDelayMs; // O3.
      channel.silentRoundCount = 0;
    }
    this.ways.delete(record);
    record.report = undefined;
    record.ackedApplicationCount = record.applications.length;
    record.instance.redirectCount = 0;
    if (record.state === 'ended') this.options.onSettled(record);
    else this.options.turn.attemptChanged(record);
  }

  /** N2: the fence stays as it is; what a stale master says is not believed. */
  private redirect(instance: InstanceRecord, owner: MasterId, epoch: number | undefined): void {
    if (owner === instance.owner || (epoch !== undefined && epoch < instance.epoch)) return;
    if (instance.redirectCount >= redirectCountMax) {
      this.moveWithoutHaste(instance, owner);
      return;
    }
    instance.redirectCount += 1;
    instance.owner = owner;
    this.options.turn.instanceChanged(instance);
    this.resend(instance);
  }

  /** O4: the next repetition goes to the new address. */
  private moveWithoutHaste(instance: InstanceRecord, owner: MasterId): void {
    instance.owner = owner;
    this.options.turn.instanceChanged(instance);
    for (const record of instance.attempts) {
      if (record.report === undefined) continue;
      const channel = this.route(record);
      if (channel === undefined) continue;
      channel.unsent.delete(record);
      channel.unacked.add(record);
      record.report.sentRound = channel.round;
      this.armRetry(channel);
    }
  }

  /** Puts the record's report on the way to the owner of its instance. */
  private route(record: AttemptRecord): Channel | undefined {
    const former = this.ways.get(record);
    const { owner } = record.instance;
    const channel = owner === undefined ? undefined : this.channelTo(owner);
    if (former !== undefined && former !== channel) former.unsent.delete(record);
    former?.unacked.delete(record);
    this.ways.set(record, channel);
    if (channel === undefined) return undefined;
    channel.unsent.add(record);
    this.dirty.add(channel);
    return channel;
  }

  private channelTo(owner: MasterId): Channel {
    const known = this.channels.get(owner);
    if (known !== undefined) return known;
    const { retryDelayMs } = this.options;
    const channel = { owner, unsent: new Set<AttemptRecord>(), unacked: new Set<AttemptRecord>(), round: 0 };
    const added: Channel = { ...channel, retryDelayMs, silentRoundCount: 0, timer: undefined };
    this.channels.set(owner, added);
    return added;
  }

  /** O1, O2. */
  private sendUnsent(): void {
    if (this.isStopped) return;
    for (const channel of this.dirty) {
      for (const record of this.send(channel, channel.unsent)) {
        channel.unsent.delete(record);
        channel.unacked.add(record);
      }
      this.armRetry(channel);
      if (channel.unsent.size === 0) this.dirty.delete(channel); // Else the next commit brings the others.
    }
  }

  /** Returns those that were sent: a report that was replaced since the last commit waits for the next one (O1). */
  private send(channel: Channel, records: Iterable<AttemptRecord>): AttemptRecord[] {
    const sent: AttemptRecord[] = [];
    let reports: AttemptReport[] = [];
    let length = 0;
    for (const record of records) {
      const pending = record.report;
      if (pending === undefined || this.options.turn.isUncommitted(record)) continue;
      const isFull = reports.length === batchReportCountMax || length + pending.text.length > batchLengthMax;
      if (isFull && reports.length > 0) {
        this.publish(channel, reports);
        reports = [];
        length = 0;
      }
      pending.sentRound = channel.round;
      reports.push(pending.report);
      sent.push(record);
      length += pending.text.length;
    }
    if (reports.length > 0) this.publish(channel, reports);
    return sent;
  }

  private publish(channel: Channel, reports: AttemptReport[]): void {
    const { worker, incarnation, inbox, transport } = this.options;
    const batch: ReportBatch = { worker, incarnation, reports };
    const isSilent = channel.silentRoundCount > silentRoundCountMax;
    const subject = isSilent ? subjects.masters.report : subjects.master.report(channel.owner);
    transport.publish(subject, batch, { reply: inbox });
  }

  private armRetry(channel: Channel): void {
    if (this.isStopped || channel.timer !== undefined || channel.unacked.size === 0) return;
    const { clock, ids } = this.options;
    const delayMs = channel.retryDelayMs * (1 + retryJitter * ids.random());
    channel.round += 1; // What is sent from now on is not yet due when the timer fires.
    channel.timer = clock.after(Math.round(delayMs), () => this.retry(channel));
  }

  /** O3. */
  private retry(channel: Channel): void {
    channel.timer = undefined;
    if (this.isStopped) return;
    const due: AttemptRecord[] = [];
    for (const record of channel.unacked) {
      if (due.length === repeatedCountMax) break;
      if ((record.report?.sentRound ?? 0) < channel.round) due.push(record);
    }
    if (due.length > 0) {
      channel.retryDelayMs = Math.min(channel.retryDelayMs * 2, this.options.retryDelayMaxMs);
      channel.silentRoundCount += 1;
    }
    for (const record of due) {
      channel.unacked.delete(record); // To the end of the line.
      channel.unacked.add(record);
    }
    this.send(channel, due);
    if (channel.unacked.size === 0 && channel.unsent.size === 0) this.channels.delete(channel.owner);
    else this.armRetry(channel);
  }
}
