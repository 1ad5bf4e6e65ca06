/**
 * One run as its owner holds it: a mailbox, the folded state, and the place in its stream.
 *
 * L1 Messages are handled one batch at a time: decide all, append once, then fold for good, then run effects (I7).
 * L2 The state that others see is the durable one; what was decided is provisional until its append is acknowledged.
 * L3 An append that finds the stream elsewhere ends this ownership: the run is dropped, nothing more is done for it (I1).
 * L4 Everyone who waits for a message is answered, whatever happens.
 */
import { BrokenJournal, type Rejection } from '../../actors/kit/decider.ts';
import { settle } from '../../actors/kit/settle.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { NewEvent } from '../journal/journal.port.ts';

export type MessageOutcome =
  /** What the message led to is in the journal; `eventCount` is 0 when it had been done before. */
  | { kind: 'durable'; revision: number; eventCount: number }
  | { kind: 'rejected'; rejection: Rejection }
  /** This process no longer owns the run, or is about to stop: nothing is known of the message's fate. */
  | { kind: 'dropped' };

export type InstanceMessage = {
  command: WorkflowInstanceCommand;
  /** What made the owner decide. */
  causationId: string;
  /** Nothing waits for it: it rides along in the next append. */
  isLazy?: boolean;
  onOutcome?: (outcome: MessageOutcome) => void;
};

/** What one run needs from the master that owns it. */
export type InstanceSurroundings = {
  clock: Clock;
  lazyAppendDelayMs: number;
  /** Resolves when durable; false when the stream is not where it was expected. Waits while the store is away. */
  append(instance: LiveInstance, expected: number, events: NewEvent[]): Promise<boolean>;
  /** Makes events of decisions: gives them ids and metadata. */
  author(instance: LiveInstance, event: WorkflowInstanceEvent, causationId: string, epoch: number): NewEvent;
  answer(
    instance: LiveInstance,
    effect: WorkflowInstanceEffect,
    snapshot: WorkflowInstanceSnapshot,
  ): WorkflowInstanceCommand | undefined;
  runEffect(instance: LiveInstance, effect: WorkflowInstanceEffect): void;
  onDurable(instance: LiveInstance, events: readonly NewEvent[], firstRevision: number): void;
  /** The run is no longer this process's: lost to another owner, ended, or broken. */
  onDropped(instance: LiveInstance, why: 'lostOwnership' | 'finished' | 'broken', fault?: unknown): void;
};

/** What the caller sent along: every event and attempt of the run carries it. */
export type RunOrigin = { correlationId: string; traceparent?: string };

export type LiveInstanceStart = {
  id: InstanceId;
  workflow: WorkflowName;
  actor: WorkflowInstanceActor;
  snapshot: WorkflowInstanceSnapshot;
  /** Revision of the last event of the stream; -1 when there is none. */
  revision: number;
  origin: RunOrigin;
  claimRevision: number;
};

/** Most messages that are decided into one append. */
const batchLengthMax = 256;

export class LiveInstance {
  readonly id: InstanceId;
  readonly workflow: WorkflowName;
  readonly actor: WorkflowInstanceActor;
  readonly origin: RunOrigin;
  claimRevision: number;
  readonly #surroundings: InstanceSurroundings;
  readonly #timers = new Map<string, Timer>();
  readonly #epochBefore: number;
  #snapshot: WorkflowInstanceSnapshot;
  #revision: number;
  #urgent: InstanceMessage[] = [];
  #lazy: InstanceMessage[] = [];
  #lazyTimer: Timer | undefined;
  #isDraining = false;
  #isDropped = false;
  /** The batch under way. */
  #batch: Promise<void> = Promise.resolve();

  constructor(start: LiveInstanceStart, surroundings: InstanceSurroundings) {
    this.id = start.id;
    this.workflow = start.workflow;
    this.actor = start.actor;
    this.origin = start.origin;
    this.claimRevision = start.claimRevision;
    this.#snapshot = start.snapshot;
    this.#epochBefore = start.snapshot.context.epoch;
    this.#revision = start.revision;
    this.#surroundings = surroundings;
  }

  /** The durable state (L2). */
  get snapshot(): WorkflowInstanceSnapshot {
    return this.#snapshot;
  }

  get revision(): number {
    return this.#revision;
  }

  /** True from the moment when this master's own fence is durable: until then nothing may be said in the run's name (I1). */
  get isOwned(): boolean {
    return this.#snapshot.context.epoch > this.#epochBefore;
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  get waitingCount(): number {
    return this.#urgent.length + this.#lazy.length;
  }

  send(message: InstanceMessage): void {
    if (this.#isDropped) {
      message.onOutcome?.({ kind: 'dropped' });
      return;
    }
    if (message.isLazy === true) this.#sendLazily(message);
    else {
      this.#forgetImplied(message.command);
      this.#urgent.push(message);
      this.#wake();
    }
  }

  armTimer(timerId: string, dueAt: number, fire: () => void): void {
    if (this.#isDropped || this.#timers.has(timerId)) return;
    const { clock } = this.#surroundings;
    const timer = clock.after(Math.max(0, dueAt - clock.now()), () => {
      this.#timers.delete(timerId);
      fire();
    });
    this.#timers.set(timerId, timer);
  }

  disarmTimer(timerId: string): void {
    this.#timers.get(timerId)?.cancel();
    this.#timers.delete(timerId);
  }

  /**
   * Takes no more messages and resolves when what is being appended is durable: the run may then be handed to another
   * master. Those who wait are told that it was dropped, and ask again.
   */
  async retire(): Promise<void> {
    const batch = this.#batch;
    this.drop();
    await batch;
  }

  /** Ends this ownership without a word in the stream. Whoever waits is told (L4). */
  drop(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#lazyTimer?.cancel();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const waiting = [...this.#urgent, ...this.#lazy];
    this.#urgent = [];
    this.#lazy = [];
    for (const message of waiting) message.onOutcome?.({ kind: 'dropped' });
  }

  /** A later report of an attempt says what its earlier ones said; one that comes after it would be taken for news. */
  #forgetImplied(command: WorkflowInstanceCommand): void {
    if (command.type !== 'RecordReport' || this.#lazy.length === 0) return;
    const { attemptId, sequence } = command.report;
    const isImplied = ({ command: earlier }: InstanceMessage): boolean =>
      earlier.type === 'RecordReport' && earlier.report.attemptId === attemptId && earlier.report.sequence < sequence;
    const implied = this.#lazy.filter(isImplied);
    if (implied.length === 0) return;
    this.#lazy = this.#lazy.filter((message) => !isImplied(message));
    for (const message of implied) message.onOutcome?.({ kind: 'dropped' }); // L4.
  }

  #sendLazily(message: InstanceMessage): void {
    this.#lazy.push(message);
    this.#lazyTimer ??= this.#surroundings.clock.after(this.#surroundings.lazyAppendDelayMs, () => {
      this.#lazyTimer = undefined;
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    queueMicrotask(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#isDropped && this.waitingCount > 0) {
        this.#batch = this.#handleBatch(this.#takeBatch());
        await this.#batch;
      }
    } catch (fault) {
      this.#end('broken', fault);
    } finally {
      this.#isDraining = false;
    }
  }

  /** Urgent messages go first, so that a result makes an unsent notice of its start needless. */
  #takeBatch(): InstanceMessage[] {
    const batch = this.#urgent.splice(0, batchLengthMax);
    if (this.#urgent.length > 0) return batch;
    batch.push(...this.#lazy);
    this.#lazy = [];
    this.#lazyTimer?.cancel();
    this.#lazyTimer = undefined;
    return batch;
  }

  async #handleBatch(batch: readonly InstanceMessage[]): Promise<void> {
    const decided = this.#decide(batch);
    const firstRevision = this.#revision + 1;
    if (decided.events.length > 0) {
      const isOurs = await this.#append(decided.events, batch);
      if (!isOurs) return;
      this.#snapshot = decided.snapshot;
      this.#surroundings.onDurable(this, decided.events, firstRevision);
    }
    for (const tell of decided.outcomes) tell(this.#revision);
    for (const effect of decided.effects) if (!this.#isDropped) this.#surroundings.runEffect(this, effect);
    if (this.actor.isFinished(this.#snapshot)) this.#end('finished');
  }

  #decide(batch: readonly InstanceMessage[]) {
    const events: NewEvent[] = [];
    const effects: WorkflowInstanceEffect[] = [];
    const outcomes: ((revision: number) => void)[] = [];
    let snapshot = this.#snapshot;
    let epoch = snapshot.context.epoch;
    for (const { command, causationId, onOutcome } of batch) {
      const settled = settle(this.actor, snapshot, command, (effect, state) =>
        this.#surroundings.answer(this, effect, state),
      );
      if (settled.kind === 'rejected') {
        const { rejection } = settled;
        outcomes.push(() => onOutcome?.({ kind: 'rejected', rejection }));
        continue;
      }
      snapshot = settled.snapshot;
      for (const event of settled.events) {
        if (event.type === 'OwnershipTaken') epoch = event.data.epoch;
        events.push(this.#surroundings.author(this, event, causationId, epoch));
      }
      for (const effect of settled.effects) effects.push(effect);
      const eventCount = settled.events.length;
      outcomes.push((revision) => onOutcome?.({ kind: 'durable', revision, eventCount }));
    }
    return { events, effects, outcomes, snapshot };
  }

  async #append(events: NewEvent[], batch: readonly InstanceMessage[]): Promise<boolean> {
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

  #end(why: 'lostOwnership' | 'finished' | 'broken', fault?: unknown): void {
    if (this.#isDropped) return;
    this.drop();
    this.#surroundings.onDropped(this, fault instanceof BrokenJournal ? 'broken' : why, fault);
  }
}
