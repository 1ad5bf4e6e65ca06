/**
 * The shape of every journaled actor: commands are decided into events, events are folded into snapshots, and folding
 * says which effects the outside owes. Nothing here touches the world.
 */
import type { ErrorCode } from '../../schemas/errors.ts';

/** A command that the state does not allow. It changes nothing. */
export type Rejection = { code: ErrorCode; message: string };

export type Decision<Event> = { kind: 'events'; events: Event[] } | { kind: 'rejected'; rejection: Rejection };

type Folded<Snapshot, Effect> = { snapshot: Snapshot; effects: Effect[] };

export type JournaledActor<Snapshot, Event, Command, Effect> = {
  initial(): Snapshot;
  /** What the command means in this state. Never throws. */
  decide(snapshot: Snapshot, command: Command): Decision<Event>;
  /** @throws BrokenJournal when the machine does not take the event in this state. */
  fold(snapshot: Snapshot, event: Event): Folded<Snapshot, Effect>;
  /** All that is owed in this state: what a new owner runs after a takeover. */
  pendingEffects(snapshot: Snapshot): Effect[];
  isFinished(snapshot: Snapshot): boolean;
};

/** An event stands in a stream where its machine cannot take it. The actor stops; a person must look. */
export class BrokenJournal extends Error {
  readonly eventType: string;
  readonly state: string;

  constructor(eventType: string, state: string) {
    super(`the event ${eventType} cannot be taken in the state ${state}`);
    this.name = 'BrokenJournal';
    this.eventType = eventType;
    this.state = state;
  }
}

export const rejected = (code: ErrorCode, message: string): { kind: 'rejected'; rejection: Rejection } => ({
  kind: 'rejected',
  rejection: { code, message },
});
