/**
 * The one way in which an owned actor changes, whatever its kind: messages are decided, appended, folded for good, and only
 * then their effects run.
 *
 * L1 Messages are handled one batch at a time: decide all, append once, then fold for good, then run effects (I7).
 * L2 The state that others see is the durable one; what was decided is provisional until its append is acknowledged.
 * L3 An append that finds the stream elsewhere ends this ownership: the actor is dropped, nothing more is done for it (I1).
 * L4 Everyone who waits for a message is answered, whatever happens.
 */
import type { JournaledActor, Rejection } from '../../actors/kit/decider.ts';
import { settle } from '../../actors/kit/settle.ts';
import type { NewEvent } from '../journal/journal.port.ts';
import type { ActorEvent } from './actor-kind.ts';

export type MessageOutcome =
  /** What the message led to is in the journal; `eventCount` is 0 when it had been done before, or came too late. */
  | { kind: 'durable'; revision: number; eventCount: number }
  | { kind: 'rejected'; rejection: Rejection }
  /** This process no longer owns the actor, or is about to stop: nothing is known of the message's fate. */
  | { kind: 'dropped' };

export type ActorMessage<Command> = {
  command: Command;
  /** What made the owner decide. */
  causationId: string;
  /** Asked when the message is decided. False when what the command was made from is gone: it is left undone. */
  isTimely?: () => boolean;
  onOutcome?: (outcome: MessageOutcome) => void;
};

/** What waits to be decided. */
export type Mailbox<Command> = {
  readonly length: number;
  /** The next batch. */
  take(): readonly ActorMessage<Command>[];
  /** All of it, when nothing is decided any more. */
  empty(): readonly ActorMessage<Command>[];
};

export type LoopSurroundings<Snapshot, Event, Command, Effect> = {
  /** Resolves when durable; false when the stream is not where it was expected. Waits while the store is away. */
  append(expected: number, events: NewEvent[]): Promise<boolean>;
  /** Makes events of decisions: gives them ids and metadata. */
  author(event: Event, causationId: string, epoch: number): NewEvent;
  /** The decision that an effect asks for, or undefined: then it is run after the append. */
  answer(effect: Effect, snapshot: Snapshot): Command | undefined;
  /** An answer came too late. */
  refused?(command: Command): void;
  runEffect(effect: Effect): void;
  onDurable?: (events: readonly NewEvent[], firstRevision: number) => void;
  /** Default: an actor has no end. */
  isFinished?: (snapshot: Snapshot) => boolean;
  onDropped(why: 'lostOwnership' | 'finished' | 'broken', fault?: unknown): void;
};

export class DecisionLoop<Snapshot extends { context: { epoch: number } }, Event extends ActorEvent, Command, Effect> {
  readonly #actor: JournaledActor<Snapshot, Event, Command, Effect>;
  readonly #mailbox: Mailbox<Command>;
  readonly #surroundings: LoopSurroundings<Snapshot, Event, Command, Effect>;
  #snapshot: Snapshot;
  #decided: Snapshot;
  #revision: number;
  #isDraining = false;
  #isDropped = false;
  /** The batch under way. */
  #batch: Promise<void> = Promise.resolve();

  constructor(
    actor: JournaledActor<Snapshot, Event, Command, Effect>,
    start: { snapshot: Snapshot; revision: number },
    mailbox: Mailbox<Command>,
    surroundings: LoopSurroundings<Snapshot, Event, Command, Effect>,
  ) {
    this.#actor = actor;
    this.#snapshot = start.snapshot;
    this.#decided = start.snapshot;
    this.#revision = start.revision;
    this.#mailbox = mailbox;
    this.#surroundings = surroundings;
  }

  /** The durable state (L2). */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The state with what is decided already: it may be on its way to the journal (L2). */
  get decided(): Snapshot {
    return this.#decided;
  }

  /** Revision of the last durable event; -1 when there is none. */
  get revision(): number {
    return this.#revision;
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  /** Nothing is being decided or appended, and nothing waits for it. */
  get isIdle(): boolean {
    return !this.#isDraining && this.#mailbox.length === 0;
  }

  /** Something is in the mailbox. */
  wake(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    queueMicrotask(() => void this.#drain());
  }

  /** Takes no more messages, and resolves when what is being appended is durable. */
  async retire(): Promise<void> {
    const batch = this.#batch;
    this.drop();
    await batch;
  }

  /** Ends this ownership without a word in the stream. Whoever waits is told (L4). */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    for (const { onOutcome } of this.#mailbox.empty()) onOutcome?.({ kind: 'dropped' });
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#isDropped && this.#mailbox.length > 0) {
        this.#batch = this.#handle(this.#mailbox.take());
        await this.#batch;
      }
    } catch (fault) {
      this.#end('broken', fault);
    } finally {
      this.#isDraining = false;
    }
  }

  /** L1. */
  async #handle(batch: readonly ActorMessage<Command>[]): Promise<void> {
    const { onDurable, isFinished, runEffect } = this.#surroundings;
    const decided = this.#decide(batch);
    const firstRevision = this.#revision + 1;
    if (decided.events.length > 0) {
      const isOurs = await this.#append(decided.events, batch);
      if (!isOurs) return;
      this.#snapshot = decided.snapshot;
      onDurable?.(decided.events, firstRevision);
    }
    for (const tell of decided.outcomes) tell(this.#revision);
    for (const effect of decided.effects) if (!this.#isDropped) runEffect(effect);
    if (isFinished?.(this.#snapshot) === true) this.#end('finished');
  }

  #decide(batch: readonly ActorMessage<Command>[]) {
    const { author, answer } = this.#surroundings;
    const events: NewEvent[] = [];
    const effects: Effect[] = [];
    const outcomes: ((revision: number) => void)[] = [];
    let snapshot = this.#snapshot;
    let { epoch } = snapshot.context;
    for (const { command, causationId, isTimely, onOutcome } of batch) {
      if (isTimely?.() === false) {
        outcomes.push((revision) => onOutcome?.({ kind: 'durable', revision, eventCount: 0 }));
        continue;
      }
      const settled = settle<Snapshot, Event, Command, Effect>(this.#actor, snapshot, command, answer);
      if (settled.kind === 'rejected') {
        const { rejection } = settled;
        outcomes.push(() => onOutcome?.({ kind: 'rejected', rejection }));
        continue;
      }
      snapshot = settled.snapshot;
      this.#decided = snapshot;
      for (const answer of settled.refused) this.#surroundings.refused?.(answer);
      for (const event of settled.events) {
        epoch = epochAfter(event, epoch);
        events.push(author(event, causationId, epoch));
      }
      for (const effect of settled.effects) effects.push(effect);
      const eventCount = settled.events.length;
      outcomes.push((revision) => onOutcome?.({ kind: 'durable', revision, eventCount }));
    }
    return { events, effects, outcomes, snapshot };
  }

  async #append(events: NewEvent[], batch: readonly ActorMessage<Command>[]): Promise<boolean> {
    let isOurs = false;
    try {
      isOurs = await this.#surroundings.append(this.#revision, events);
    } finally {
      if (!isOurs || this.#isDropped) for (const { onOutcome } of batch) onOutcome?.({ kind: 'dropped' });
    }
    if (!isOurs) this.#end('lostOwnership');
    if (this.#isDropped) return false;
    this.#revision += events.length;
    return true;
  }

  #end(why: 'lostOwnership' | 'finished' | 'broken', fault?: unknown): void {
    if (this.#isDropped) return;
    this.drop();
    this.#surroundings.onDropped(why, fault);
  }
}

/** A takeover is written by its own epoch, and so is what follows it in the same batch. */
function epochAfter({ type, data }: ActorEvent, epoch: number): number {
  return type === 'OwnershipTaken' && 'epoch' in data && typeof data.epoch === 'number' ? data.epoch : epoch;
}
