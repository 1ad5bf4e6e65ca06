/**
 * Reports of workers: each is acked after what it says is in the journal (I2), or was there before. Reports of runs that
 * this master does not own are answered with the owner, as far as it is known.
 *
 * P1 An owner that was overtaken and has not noticed knows nothing of later attempts: to it their reports look old. A
 *    report with a higher epoch than its own tells it; it must not ack such a report.
 */
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type { InstanceId, MasterId } from '../../schemas/ids.ts';
import { type AttemptReport, type ReportAck, reportBatchSchema } from '../../schemas/messages/attempt.messages.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { EndOfTurn } from '../clock/end-of-turn.ts';
import type { Log } from '../telemetry/log.ts';
import type { IncomingMessage, Transport } from '../transport/transport.port.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance, MessageOutcome } from './live-instance.ts';

export type ReportIntakeOptions = {
  transport: Transport;
  host: InstanceHost;
  config: Pick<MasterConfig, 'lossesMax'>;
  clock: Clock;
  ids: IdSource;
  endOfTurn: EndOfTurn;
  log: Log;
};

/** Notices without a result may wait for the next append. */
const lazyKinds: ReadonlySet<AttemptReport['kind']> = new Set(['accepted', 'started']);

export class ReportIntake {
  readonly #options: ReportIntakeOptions;
  /** Acks that are to go out together, by the inbox that waits for them. */
  readonly #acks = new Map<string, ReportAck>();

  constructor(options: ReportIntakeOptions) {
    this.#options = options;
  }

  take(message: IncomingMessage): void {
    const { log } = this.#options;
    const batch = reportBatchSchema.safeParse(message.body);
    if (!batch.success) {
      log.error({ subject: message.subject, problem: batch.error.message }, 'reports cannot be read');
      return;
    }
    for (const report of batch.data.reports) {
      const live = this.#current(report);
      if (live === undefined) void this.#takeUnowned(report, message.reply);
      else this.#send(live, report, message.reply);
    }
  }

  /** P1. */
  #current({ instance, epoch = 0 }: AttemptReport): LiveInstance | undefined {
    const { host } = this.#options;
    const live = host.find(instance);
    if (live === undefined || epoch <= live.snapshot.context.epoch) return live;
    host.drop(live);
    return undefined;
  }

  #send(live: LiveInstance, report: AttemptReport, inbox: string | undefined): void {
    const { clock, ids, config } = this.#options;
    const command = { type: 'RecordReport', now: clock.now(), random: ids.random(), report, ...config } as const;
    live.send({
      command: { ...command, lossesMax: config.lossesMax },
      causationId: `report.${report.attemptId}.${report.sequence}`,
      isLazy: lazyKinds.has(report.kind),
      onOutcome: (outcome) => this.#answer(report, outcome, inbox),
    });
  }

  /** A rejected report names a task that the run does not have: repeating it would change nothing, so it is acked too. */
  #answer(report: AttemptReport, outcome: MessageOutcome, inbox: string | undefined): void {
    if (outcome.kind === 'dropped') {
      // The run ended in this batch, or was lost: the next repetition is answered by whoever knows.
      return;
    }
    if (outcome.kind === 'rejected') {
      this.#options.log.warn({ attemptId: report.attemptId, code: outcome.rejection.code }, 'report rejected');
    }
    this.#ack(report, inbox);
  }

  async #takeUnowned(report: AttemptReport, inbox: string | undefined): Promise<void> {
    try {
      const found = await this.#options.host.locate(report.instance);
      if (found.kind === 'live') this.#send(found.instance, report, inbox);
      // An ended run takes no more results; one that does not exist never will.
      else if (found.kind === 'finished' || found.kind === 'missing') this.#ack(report, inbox);
      else this.#disown(report.instance, found.owner, inbox);
    } catch (fault) {
      this.#options.log.warn({ instanceId: report.instance, fault }, 'report waits: its run cannot be read now');
    }
  }

  #ack({ attemptId, sequence }: AttemptReport, inbox: string | undefined): void {
    this.#gather(inbox, (ack) => ack.acked.push({ attemptId, sequence }));
  }

  #disown(instance: InstanceId, owner: MasterId | undefined, inbox: string | undefined): void {
    this.#gather(inbox, (ack) => ack.notOwner.push(owner === undefined ? { instance } : { instance, owner }));
  }

  #gather(inbox: string | undefined, add: (ack: ReportAck) => void): void {
    if (inbox === undefined) return;
    let ack = this.#acks.get(inbox);
    if (ack === undefined) {
      ack = { acked: [], notOwner: [] };
      this.#acks.set(inbox, ack);
      this.#options.endOfTurn(() => this.#flush(inbox));
    }
    add(ack);
  }

  #flush(inbox: string): void {
    const ack = this.#acks.get(inbox);
    this.#acks.delete(inbox);
    if (ack !== undefined) this.#options.transport.publish(inbox, ack);
  }
}
