/** I1, event by event: epochs grow by one, and nobody writes with another epoch than the current one. */
import type { WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { ReadEvent, Report } from './history-event.ts';

/** One owner's time. `firstRevision` is its OwnershipTaken, `lastRevision` its last write. */
export type OwnerRecord = {
  epoch: number;
  master: string;
  host: string;
  claimRevision: number;
  firstRevision: number;
  lastRevision: number;
};

export class OwnershipRules {
  readonly owners: OwnerRecord[] = [];
  readonly #report: Report;
  /** Before the first owner the epoch is 0: the submission has it. */
  #epoch = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  take({ event, revision, metadata }: ReadEvent): void {
    if (event.type === 'OwnershipTaken') this.#takeOver(event.data, revision);
    const owner = this.owners.at(-1);
    if (owner === undefined && event.type !== 'WorkflowSubmitted') {
      this.#report('I1', revision, `${event.type} was written before the run had an owner`);
    }
    if (metadata.epoch < this.#epoch) {
      this.#report(
        'I1',
        revision,
        `${event.type} was written in epoch ${metadata.epoch} after epoch ${this.#epoch} began`,
      );
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
    owner.lastRevision = revision;
    if (metadata.master !== owner.master) {
      this.#report('I1', revision, `${event.type} was written by ${metadata.master} in the epoch of ${owner.master}`);
    }
  }

  #takeOver(data: WorkflowInstanceEventOf<'OwnershipTaken'>['data'], revision: number): void {
    const { epoch, master, host, claimRevision } = data;
    if (epoch !== this.#epoch + 1) {
      this.#report('I1', revision, `OwnershipTaken has epoch ${epoch}, expected ${this.#epoch + 1}`);
    }
    this.#epoch = epoch;
    this.owners.push({ epoch, master, host, claimRevision, firstRevision: revision, lastRevision: revision });
  }
}
