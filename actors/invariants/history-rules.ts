/**
 * The rules that are stated over the events alone, apart from the machines, taken event by event: I1, I4, I9, I11 and the
 * density of the revisions. A master that folds a stream anyway lets it pass through here.
 */
import { eventMetadataSchema } from '../../schemas/envelope.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { ApplicationRules } from './application-rules.ts';
import { type AttemptRecord, AttemptRules } from './attempt-rules.ts';
import type { HistoryEvent, Invariant, ReadEvent, Violation } from './history-event.ts';
import { type OwnerRecord, OwnershipRules, type StaleWrite } from './ownership-rules.ts';

export const endings: readonly string[] = ['WorkflowSucceeded', 'WorkflowFailed', 'WorkflowStopped'];

export class HistoryRules {
  readonly violations: Violation[] = [];
  readonly #ownership: OwnershipRules;
  readonly #attempts: AttemptRules;
  readonly #applications: ApplicationRules;
  #seenCount = 0;
  #hasGap = false;
  #end: string | undefined;

  constructor() {
    const report = this.report.bind(this);
    this.#ownership = new OwnershipRules(report);
    this.#attempts = new AttemptRules(report);
    this.#applications = new ApplicationRules(report);
  }

  get owners(): OwnerRecord[] {
    return this.#ownership.owners;
  }

  get staleWrites(): StaleWrite[] {
    return this.#ownership.staleWrites;
  }

  get attempts(): AttemptRecord[] {
    return this.#attempts.records;
  }

  /** @param event the event as its schema reads it; undefined where it does not fit one. */
  take({ revision, type, metadata }: HistoryEvent, event: WorkflowInstanceEvent | undefined): ReadEvent | undefined {
    this.#checkRevision(revision);
    const envelope = eventMetadataSchema.safeParse(metadata);
    if (!envelope.success) {
      this.report('I5', revision, `the metadata of ${type} does not fit: ${envelope.error.message}`);
      return undefined;
    }
    if (event === undefined) return undefined;
    const read = { revision, event, metadata: envelope.data };
    this.#ownership.take(read);
    this.#attempts.take(read);
    this.#applications.take(read);
    this.#checkEnd(read);
    return read;
  }

  report(invariant: Invariant, revision: number, message: string): void {
    this.violations.push({ invariant, revision, message });
  }

  /** J4, told once: after the first gap every revision is another one than expected. */
  #checkRevision(revision: number): void {
    const expected = this.#seenCount;
    this.#seenCount += 1;
    if (revision === expected || this.#hasGap) return;
    this.#hasGap = true;
    this.report(
      'J4',
      revision,
      `expected revision ${expected}, found ${revision}: the stream has a gap or is out of order`,
    );
  }

  /** I9: the end is named once, and nothing follows it, unless a new owner opens the run again. */
  #checkEnd({ event, revision }: ReadEvent): void {
    if (this.#end !== undefined && event.type === 'WorkflowReopened') this.#end = undefined;
    else if (this.#end !== undefined && event.type !== 'OwnershipTaken') {
      this.report('I9', revision, `${event.type} stands after the run ended with ${this.#end}`);
    } else if (endings.includes(event.type)) {
      this.#end = event.type;
    }
  }
}
