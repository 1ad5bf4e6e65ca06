/**
 * Reports of workers: each is acked after what it says is in the journal (I2), or was there before. Reports of runs that
 * this master does not own are answered with the owner, as far as it is known.
 *
 * P1 An owner that was overtaken and has not noticed knows nothing of later attempts: to it their reports look old. A
 *    report with a higher epoch than its own tells it; it must not ack such a report. So it is with a run that had ended
 *    when it was looked for, and was opened again meanwhile: the report is repeated, and the run looked for anew.
 * P2 An attempt that has begun although its run has given it away, or has ended, is revoked: its worker did not know.
 */
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type { InstanceId, MasterId, WorkerId } from '../../schemas/ids.ts';
import { type AttemptReport, type ReportAck, reportBatchSchema } from '../../schemas/messages/attempt.messages.ts';
import type { MessageOutcome } from '../actor-host/decision-loop.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { EndOfTurn } from '../clock/end-of-turn.ts';
import type { Log } from '../telemetry/log.ts';
import type { IncomingMessage, Transport } from '../transport/transport.port.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance } from './live-instance.ts';
import type { GivenAway } from './revocations.ts';

export type ReportIntakeOptions = {
  transport: Transport;
  host: InstanceHost;
  revoke: (attempt: GivenAway) => void;
  config: Pick<MasterConfig, 'lossesMax'>;
  clock: Clock;
  ids: IdSource;
  endOfTurn: EndOfTurn;
  log: Log;
};

/** Who reports, and where the ack goes. */
type Sender = { worker: WorkerId; inbox: string | undefined };

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
    const sender = { worker: batch.data.worker, inbox: message.reply };
    for (const report of batch.data.reports) {
      const live = this.#current(report);
      if (live === undefined) void this.#takeUnowned(report, sender);
      else this.#send(live, report, sender);
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

  #send(live: LiveInstance, report: AttemptReport, sender: Sender): void {
    const { clock, ids, config } = this.#options;
    this.#sendApplications(live, report);
    const command = { type: 'RecordReport', now: clock.now(), random: ids.random(), report, ...config } as const;
    live.send({
      command: { ...command, lossesMax: config.lossesMax },
      causationId: `report.${report.attemptId}.${report.sequence}`,
      isLazy: lazyKinds.has(report.kind),
      onOutcome: (outcome) => {
        this.#answer(report, outcome, sender.inbox);
        const isNews = outcome.kind !== 'durable' || outcome.eventCount > 0;
        if (!isNews && !isCurrent(live, report)) this.#stray(report, sender);
      },
    });
  }

  /** They stand before what the report says else: whoever acts on its end knows of them. */
  #sendApplications(live: LiveInstance, { task, attemptId, sequence, applications }: AttemptReport): void {
    if (applications === undefined || applications.length === 0) return;
    const now = this.#options.clock.now();
    live.send({
      command: { type: 'RecordApplications', now, task, attemptId, applications },
      causationId: `report.${attemptId}.${sequence}`,
    });
  }

  /** P2. */
  #stray({ kind, instance, attemptId, epoch }: AttemptReport, { worker }: Sender): void {
    if (lazyKinds.has(kind) && epoch !== undefined) this.#options.revoke({ instance, epoch, attemptId, worker });
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

  async #takeUnowned(report: AttemptReport, sender: Sender): Promise<void> {
    try {
      const found = await this.#options.host.locate(report.instance);
      if (found.kind === 'live') this.#send(found.instance, report, sender);
      else if (found.kind === 'elsewhere') this.#disown(report.instance, found.owner, sender.inbox);
      else if (found.kind === 'missing' || (report.epoch ?? 0) <= found.epoch) {
        // An ended run takes no more results; one that does not exist never will.
        this.#ack(report, sender.inbox);
        if (found.kind === 'finished') this.#stray(report, sender);
      }
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

function isCurrent({ actor, snapshot }: LiveInstance, { task, attemptId }: AttemptReport): boolean {
  return taskStateOf(actor.plan, snapshot.context, task)?.context.current?.attemptId === attemptId;
}
