/**
 * One journaled actor (a task group, a queue, the operations) as its owner holds it: a mailbox in the order of arrival, and
 * the loop that decides.
 */
import type { TakeOwnership } from '../../schemas/commands/concurrency.commands.ts';
import type { NewEvent } from '../journal/journal.port.ts';
import type { ActorEvent, HostedKind, HostedSnapshot } from './actor-kind.ts';
import { type ActorMessage, DecisionLoop, type Mailbox, type MessageOutcome } from './decision-loop.ts';

export type ActorSurroundings<Actor, Event, Command, Effect> = {
  /** Resolves when durable; false when the stream is not where it was expected. Waits while the store is away. */
  append(actor: Actor, expected: number, events: NewEvent[]): Promise<boolean>;
  author(actor: Actor, event: Event, causationId: string, epoch: number): NewEvent;
  /** The decision that an effect asks for, or undefined: then it is run after the append. */
  answer(actor: Actor, effect: Effect): Command | undefined;
  runEffect(actor: Actor, effect: Effect): void;
  onDropped(actor: Actor, why: 'lostOwnership' | 'finished' | 'broken', fault?: unknown): void;
};

/** Most messages that are decided into one append. */
const batchLengthMax = 256;

export class HostedActor<Snapshot extends HostedSnapshot, Event extends ActorEvent, Command, Effect> {
  readonly id: string;
  readonly claimRevision: number;
  readonly #waiting: ActorMessage<Command | TakeOwnership>[] = [];
  readonly #loop: DecisionLoop<Snapshot, Event, Command | TakeOwnership, Effect>;

  constructor(
    { actor }: HostedKind<Snapshot, Event, Command, Effect>,
    start: { id: string; snapshot: Snapshot; revision: number; claimRevision: number },
    surroundings: ActorSurroundings<HostedActor<Snapshot, Event, Command, Effect>, Event, Command, Effect>,
  ) {
    this.id = start.id;
    this.claimRevision = start.claimRevision;
    this.#loop = new DecisionLoop(actor, start, this.#mailbox(), {
      append: (expected, events) => surroundings.append(this, expected, events),
      author: (event, causationId, epoch) => surroundings.author(this, event, causationId, epoch),
      answer: (effect) => surroundings.answer(this, effect),
      runEffect: (effect) => surroundings.runEffect(this, effect),
      onDropped: (why, fault) => surroundings.onDropped(this, why, fault),
    });
  }

  /** The durable state. */
  get snapshot(): Snapshot {
    return this.#loop.snapshot;
  }

  get revision(): number {
    return this.#loop.revision;
  }

  get isDropped(): boolean {
    return this.#loop.isDropped;
  }

  send(message: ActorMessage<Command | TakeOwnership>): void {
    if (this.isDropped) {
      message.onOutcome?.({ kind: 'dropped' });
      return;
    }
    this.#waiting.push(message);
    this.#loop.wake();
  }

  /** The same, for those who wait for the outcome. */
  ask(command: Command | TakeOwnership, causationId: string): Promise<MessageOutcome> {
    return new Promise((resolve) => {
      this.send({ command, causationId, onOutcome: resolve });
    });
  }

  /** Takes no more messages, and resolves when what is being appended is durable. */
  retire(): Promise<void> {
    return this.#loop.retire();
  }

  /** Ends this ownership without a word in the stream. Whoever waits is told. */
  drop(): void {
    this.#loop.drop();
  }

  #mailbox(): Mailbox<Command | TakeOwnership> {
    const waiting = this.#waiting;
    return {
      get length() {
        return waiting.length;
      },
      take: () => waiting.splice(0, batchLengthMax),
      empty: () => waiting.splice(0),
    };
  }
}
