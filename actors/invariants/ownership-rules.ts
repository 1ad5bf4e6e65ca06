/** I1, event by event: epochs grow by one, and nobody writes with another epoch than the current one. */
import type { OwnershipReason, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
import { type Moment, momentOf, type ReadEvent, type Report } from './history-event.ts';

/** One owner's time: `first` is its OwnershipTaken, `last` its last write. */
export type OwnerRecord = {
  epoch: number;
  master: MasterId;
  incarnation: Incarnation;
  host: string;
  claimRevision: number;
  reason: OwnershipReason;
  evidence: string | undefined;
  first: Moment;
  last: Moment;
  eventCount: number;
};

/** An event of an owner whose time was over: there must be none. */
export type StaleWrite = Moment & { master: MasterId; epoch: number; currentEpoch: number };

export class OwnershipRules {
  readonly owners: OwnerRecord[] = [];
  readonly staleWrites: StaleWrite[] = [];
  readonly #report: Report;
  /** Before the first owner the epoch is 0: the submission has it. */
  #epoch = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  take(read: ReadEvent): void {
    const { event, revision, metadata } = read;
    if (event.type === 'OwnershipTaken') this.#takeOver(event.data, momentOf(read));
    const owner = this.owners.at(-1);
    if (owner === undefined && event.type !== 'WorkflowSubmitted') {
      this.#report('I1', revision, `${event.type} was written before the run had an owner`);
    }
    if (metadata.epoch < this.#epoch) {
      const { epoch, master } = metadata;
      this.staleWrites.push({ ...momentOf(read), master, epoch, currentEpoch: this.#epoch });
      this.#report('I1', revision, `${event.type} was written in epoch ${epoch} after epoch ${this.#epoch} began`);
      return;
    }
    if (metadata.epoch > this.#epoch) {
      this.#report(
        'I1',
        revision,
        `${event.type} names epoch ${metadata.epoch}, but ${this.#epoch} is the current one`,
      );
      return;
    }
    if (owner === undefined) return;
    owner.last = momentOf(read);
    owner.eventCount += 1;
    if (metadata.master !== owner.master) {
      this.#report('I1', revision, `${event.type} was written by ${metadata.master} in the epoch of ${owner.master}`);
    }
  }

  #takeOver(data: WorkflowInstanceEventOf<'OwnershipTaken'>['data'], first: Moment): void {
    const { epoch, master, incarnation, host, claimRevision, reason, evidence } = data;
    if (epoch !== this.#epoch + 1) {
      this.#report('I1', first.revision, `OwnershipTaken has epoch ${epoch}, expected ${this.#epoch + 1}`);
    }
    this.#epoch = epoch;
    const owner = { epoch, master, incarnation, host, claimRevision, reason, evidence };
    this.owners.push({ ...owner, first, last: first, eventCount: 0 });
  }
}
