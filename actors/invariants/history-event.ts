/** What the rules over a history share: the events that they read and the breaches that they report. */
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';

/** An event as a journal gives it back; `data` and `metadata` are checked here. */
export type HistoryEvent = {
  readonly revision: number;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
};

/** `J4` stands for the journal's rule that revisions have no gaps. */
export type Invariant = 'I1' | 'I4' | 'I5' | 'I6' | 'I9' | 'I11' | 'J4';

export type Violation = { invariant: Invariant; revision: number; message: string };

export type ReadEvent = { revision: number; event: WorkflowInstanceEvent; metadata: EventMetadata };
export type Report = (invariant: Invariant, revision: number, message: string) => void;

/** A write as the records name it; `at` is the clock of its owner, for people. */
export type Moment = { revision: number; type: WorkflowInstanceEvent['type']; at: number };

export const momentOf = ({ revision, event, metadata }: ReadEvent): Moment => ({
  revision,
  type: event.type,
  at: metadata.decidedAt,
});
