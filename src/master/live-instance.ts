/**
 * One run as its owner holds it: a mailbox, timers, and the loop that decides (`src/actor-host/decision-loop.ts`, L1 to L4).
 */
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { type ActorMessage, DecisionLoop, type Mailbox } from '../actor-host/decision-loop.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { NewEvent } from '../journal/journal.port.ts';

export type InstanceMessage = ActorMessage<WorkflowInstanceCommand> & {
  /** Nothing waits for it: it rides along in the next append. */
  isLazy?: boolean;
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
  /** An answer to an effect came too late. */
  refused(command: WorkflowInstanceCommand): void;
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
  readonly origin: RunOrigin;
  claimRevision: number;
  readonly #actor: WorkflowInstanceActor;
  readonly #clock: Clock;
  readonly #lazyAppendDelayMs: number;
  readonly #timers = new Map<string, Timer>();
  readonly #epochBefore: number;
  readonly #loop: DecisionLoop<
    WorkflowInstanceSnapshot,
    WorkflowInstanceEvent,
    WorkflowInstanceCommand,
    WorkflowInstanceEffect
  >;
  #urgent: InstanceMessage[] = [];
  #lazy: InstanceMessage[] = [];
  #lazyTimer: Timer | undefined;

  constructor(start: LiveInstanceStart, surroundings: InstanceSurroundings) {
    this.id = start.id;
    this.workflow = start.workflow;
    this.#actor = start.actor;
    this.origin = start.origin;
    this.claimRevision = start.claimRevision;
    this.#clock = surroundings.clock;
    this.#lazyAppendDelayMs = surroundings.lazyAppendDelayMs;
    this.#epochBefore = start.snapshot.context.epoch;
    this.#loop = new DecisionLoop(start.actor, start, this.#mailbox(), {
      append: (expected, events) => surroundings.append(this, expected, events),
      author: (event, causationId, epoch) => surroundings.author(this, event, causationId, epoch),
      answer: (effect, snapshot) => surroundings.answer(this, effect, snapshot),
      refused: (command) => surroundings.refused(command),
      runEffect: (effect) => surroundings.runEffect(this, effect),
      onDurable: (events, firstRevision) => surroundings.onDurable(this, events, firstRevision),
      isFinished: (snapshot) => start.actor.isFinished(snapshot),
      onDropped: (why, fault) => surroundings.onDropped(this, why, fault),
    });
  }

  /** With the plan of the version that the run goes by now. */
  get actor(): WorkflowInstanceActor {
    return this.#actor.at(this.snapshot);
  }

  /** The durable state. */
  get snapshot(): WorkflowInstanceSnapshot {
    return this.#loop.snapshot;
  }

  /** The state with what is decided already: it may be on its way to the journal. */
  get decided(): WorkflowInstanceSnapshot {
    return this.#loop.decided;
  }

  get revision(): number {
    return this.#loop.revision;
  }

  /** True from the moment when this master's own fence is durable: until then nothing may be said in the run's name (I1). */
  get isOwned(): boolean {
    return this.snapshot.context.epoch > this.#epochBefore;
  }

  get isDropped(): boolean {
    return this.#loop.isDropped;
  }

  /** Nothing is being decided or appended, and nothing waits for it. */
  get isIdle(): boolean {
    return this.#loop.isIdle;
  }

  get waitingCount(): number {
    return this.#urgent.length + this.#lazy.length;
  }

  send(message: InstanceMessage): void {
    if (this.isDropped) {
      message.onOutcome?.({ kind: 'dropped' });
      return;
    }
    if (message.isLazy === true) this.#sendLazily(message);
    else {
      this.#forgetImplied(message.command);
      this.#urgent.push(message);
      this.#loop.wake();
    }
  }

  armTimer(timerId: string, dueAt: number, fire: () => void): void {
    if (this.isDropped || this.#timers.has(timerId)) return;
    const timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => {
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
  retire(): Promise<void> {
    return this.#loop.retire();
  }

  /** Ends this ownership without a word in the stream. Whoever waits is told. */
  drop(): void {
    this.#loop.drop();
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
    for (const message of implied) message.onOutcome?.({ kind: 'dropped' });
  }

  #sendLazily(message: InstanceMessage): void {
    this.#lazy.push(message);
    this.#lazyTimer ??= this.#clock.after(this.#lazyAppendDelayMs, () => {
      this.#lazyTimer = undefined;
      this.#loop.wake();
    });
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

  #mailbox(): Mailbox<WorkflowInstanceCommand> {
    const waitingCount = () => this.waitingCount;
    return {
      get length() {
        return waitingCount();
      },
      take: () => this.#takeBatch(),
      empty: () => this.#empty(),
    };
  }

  /** The run is dropped: nothing is decided any more, and nothing becomes due. */
  #empty(): InstanceMessage[] {
    this.#lazyTimer?.cancel();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const waiting = [...this.#urgent, ...this.#lazy];
    this.#urgent = [];
    this.#lazy = [];
    return waiting;
  }
}
