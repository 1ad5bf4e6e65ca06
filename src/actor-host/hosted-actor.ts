/**
 * One journaled actor (a task group, a queue, the operations) as its owner holds it: a mailbox, the folded state, and the
 * place in its stream. The rules are those of a run (`src/master/live-instance.ts`, L1 to L4).
 *
 * A1 Messages are handled one batch at a time: decide all, append once, then fold for good, then run effects (I7).
 * A2 An append that finds the stream elsewhere ends this ownership: the actor is dropped (I1).
 * A3 Everyone who waits for a message is answered, whatever happens.
 */
import type { Rejection } from '../../actors/kit/decider.ts';
import { settle } from '../../actors/kit/settle.ts';
import type { TakeOwnership } from '../../schemas/commands/concurrency.commands.ts';
import type { NewEvent } from '../journal/journal.port.ts';
import type { ActorEvent, HostedKind, HostedSnapshot } from './actor-kind.ts';

export type ActorOutcome =
  /** What the message led to is in the journal; `eventCount` is 0 when it had been done before. */
  | { kind: 'durable'; revision: number; eventCount: number }
  | { kind: 'rejected'; rejection: Rejection }
  /** This process no longer owns the actor: nothing is known of the message's fate. */
  | { kind: 'dropped' };

export type ActorMessage<Command> = {
  command: Command;
  /** What made the owner decide. */
  causationId: string;
  onOutcome?: (outcome: ActorOutcome) => void;
};

export type ActorSurroundings<Actor, Command, Effect> = {
  /** Resolves when durable; false when the stream is not where it was expected. Waits while the store is away. */
  append(actor: Actor, expected: number, events: NewEvent[]): Promise<boolean>;
  author(actor: Actor, event: ActorEvent, causationId: string, epoch: number): NewEvent;
  /** The decision that an effect asks for, or undefined: then it is run after the append. */
  answer(actor: Actor, effect: Effect): Command | undefined;
  runEffect(actor: Actor, effect: Effect): void;
  onDropped(actor: Actor, why: 'lostOwnership' | 'broken', fault?: unknown): void;
};

/** Most messages that are decided into one append. */
const batchLengthMax = 256;

export class HostedActor<Snapshot extends HostedSnapshot, Event extends ActorEvent, Command, Effect> {
  readonly id: string;
  readonly claimRevision: number;
  readonly #kind: HostedKind<Snapshot, Event, Command, Effect>;
  readonly #surroundings: ActorSurroundings<this, Command, Effect>;
  #snapshot: Snapshot;
  #revision: number;
  #waiting: ActorMessage<Command | TakeOwnership>[] = [];
  #isDraining = false;
  #isDropped = false;
  #batch: Promise<void> = Promise.resolve();

  constructor(
    kind: HostedKind<Snapshot, Event, Command, Effect>,
    start: { id: string; snapshot: Snapshot; revision: number; claimRevision: number },
    surroundings: ActorSurroundings<HostedActor<Snapshot, Event, Command, Effect>, Command, Effect>,
  ) {
    this.#kind = kind;
    this.id = start.id;
    this.claimRevision = start.claimRevision;
    this.#snapshot = start.snapshot;
    this.#revision = start.revision;
    this.#surroundings = surroundings;
  }

  /** The durable state. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get revision(): number {
    return this.#revision;
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  send(message: ActorMessage<Command | TakeOwnership>): void {
    if (this.#isDropped) {
      message.onOutcome?.({ kind: 'dropped' });
      return;
    }
    this.#waiting.push(message);
    if (this.#isDraining) return;
    this.#isDraining = true;
    queueMicrotask(() => void this.#drain());
  }

  /** The same, for those who wait for the outcome. */
  ask(command: Command | TakeOwnership, causationId: string): Promise<ActorOutcome> {
    return new Promise((resolve) => {
      this.send({ command, causationId, onOutcome: resolve });
    });
  }

  /** Takes no more messages, and resolves when what is being appended is durable. */
  async retire(): Promise<void> {
    const batch = this.#batch;
    this.drop();
    await batch;
  }

  /** Ends this ownership without a word in the stream. Whoever waits is told (A3). */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { onOutcome } of waiting) onOutcome?.({ kind: 'dropped' });
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#isDropped && this.#waiting.length > 0) {
        this.#batch = this.#handleBatch(this.#waiting.splice(0, batchLengthMax));
        await this.#batch;
      }
    } catch (fault) {
      this.#end('broken', fault);
    } finally {
      this.#isDraining = false;
    }
  }

  /** A1. */
  async #handleBatch(batch: readonly ActorMessage<Command | TakeOwnership>[]): Promise<void> {
    const decided = this.#decide(batch);
    if (decided.events.length > 0) {
      if (!(await this.#append(decided.events, batch))) return;
      this.#snapshot = decided.snapshot;
    }
    for (const tell of decided.outcomes) tell(this.#revision);
    for (const effect of decided.effects) if (!this.#isDropped) this.#surroundings.runEffect(this, effect);
  }

  #decide(batch: readonly ActorMessage<Command | TakeOwnership>[]) {
    const events: NewEvent[] = [];
    const effects: Effect[] = [];
    const outcomes: ((revision: number) => void)[] = [];
    let snapshot = this.#snapshot;
    for (const { command, causationId, onOutcome } of batch) {
      const answer = (effect: Effect) => this.#surroundings.answer(this, effect);
      const settled = settle<Snapshot, Event, Command | TakeOwnership, Effect>(
        this.#kind.actor,
        snapshot,
        command,
        answer,
      );
      if (settled.kind === 'rejected') {
        const { rejection } = settled;
        outcomes.push(() => onOutcome?.({ kind: 'rejected', rejection }));
        continue;
      }
      snapshot = settled.snapshot;
      // Nothing but a takeover changes the epoch, and it is always one command: the last state has the epoch of all.
      const { epoch } = snapshot.context;
      for (const event of settled.events) events.push(this.#surroundings.author(this, event, causationId, epoch));
      for (const effect of settled.effects) effects.push(effect);
      const eventCount = settled.events.length;
      outcomes.push((revision) => onOutcome?.({ kind: 'durable', revision, eventCount }));
    }
    return { events, effects, outcomes, snapshot };
  }

  async #append(events: NewEvent[], batch: readonly ActorMessage<Command | TakeOwnership>[]): Promise<boolean> {
    let isOurs = false;
    try {
      isOurs = await this.#surroundings.append(this, this.#revision, events);
    } finally {
      if (!isOurs || this.#isDropped) for (const { onOutcome } of batch) onOutcome?.({ kind: 'dropped' });
    }
    if (!isOurs) this.#end('lostOwnership');
    if (this.#isDropped) return false;
    this.#revision += events.length;
    return true;
  }

  #end(why: 'lostOwnership' | 'broken', fault?: unknown): void {
    if (this.#isDropped) return;
    this.drop();
    this.#surroundings.onDropped(this, why, fault);
  }
}
