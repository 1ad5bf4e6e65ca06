/**
 * The journaled actors of one kind that this master owns, beside the runs. An actor begins when somebody asks for it, and
 * never ends.
 *
 * H1 Taking an actor is one order: claim (by compare-and-set where somebody had it), read and fold the stream, append
 *    OwnershipTaken at the expected revision (the fence), and only then act (I1).
 * H2 Of one actor at most one takeover is under way in this process.
 * H3 An actor that another process has taken over is dropped as soon as the journal tells, also while the answer to its fence is
 *    still on the way.
 */

import type { OwnershipReason } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
import type { ClaimBook, Claimed } from '../claims/claim-book.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { actorStream, newEvent } from '../journal/codec.ts';
import type { Journal, NewEvent } from '../journal/journal.port.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import type { Log } from '../telemetry/log.ts';
import { type ActorEvent, decodeActorEvent, type HostedKind, type HostedSnapshot } from './actor-kind.ts';
import { HostedActor } from './hosted-actor.ts';

export type ActorHostOptions<Snapshot extends HostedSnapshot, Event extends ActorEvent, Command, Effect> = {
  kind: HostedKind<Snapshot, Event, Command, Effect>;
  master: MasterId;
  incarnation: Incarnation;
  host: string;
  journal: Journal;
  claims: ClaimBook<string>;
  members: MemberDirectory;
  clock: Clock;
  ids: IdSource;
  log: Log;
  /** The decision that an effect asks for, or undefined: then it is run after the append. */
  answer: (actor: HostedActor<Snapshot, Event, Command, Effect>, effect: Effect) => Command | undefined;
  runEffect: (actor: HostedActor<Snapshot, Event, Command, Effect>, effect: Effect) => void;
};

/** Where an actor is, from this master's point of view. */
export type ActorPlace<Actor> = { kind: 'live'; actor: Actor } | { kind: 'elsewhere'; owner: MasterId | undefined };

type Takeover = { reason: OwnershipReason; evidence?: string };

const appendRetryDelayMs = 500;

export class ActorHost<Snapshot extends HostedSnapshot, Event extends ActorEvent, Command, Effect> {
  readonly #options: ActorHostOptions<Snapshot, Event, Command, Effect>;
  readonly #live = new Map<string, HostedActor<Snapshot, Event, Command, Effect>>();
  readonly #underWay = new Map<string, Promise<ActorPlace<HostedActor<Snapshot, Event, Command, Effect>>>>();
  /** H3. Those whose fence is being appended. */
  readonly #fencing = new Map<string, HostedActor<Snapshot, Event, Command, Effect>>();
  #isStopped = false;

  constructor(options: ActorHostOptions<Snapshot, Event, Command, Effect>) {
    this.#options = options;
  }

  get kind(): HostedKind<Snapshot, Event, Command, Effect>['kind'] {
    return this.#options.kind.kind;
  }

  find(id: string): HostedActor<Snapshot, Event, Command, Effect> | undefined {
    return this.#live.get(id);
  }

  actors(): IterableIterator<HostedActor<Snapshot, Event, Command, Effect>> {
    return this.#live.values();
  }

  /** The actor in memory here; it is made, or taken over when its owner is gone. */
  async locate(id: string): Promise<ActorPlace<HostedActor<Snapshot, Event, Command, Effect>>> {
    const live = this.#live.get(id);
    if (live !== undefined) return { kind: 'live', actor: live };
    const underWay = this.#underWay.get(id) ?? this.#take(id).finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, underWay);
    return underWay;
  }

  /** The actor as its stream tells it; the first state where there is no stream. */
  async fold(id: string): Promise<{ snapshot: Snapshot; revision: number }> {
    const { kind, journal } = this.#options;
    let snapshot = kind.actor.initial();
    let revision = -1;
    for await (const recorded of journal.read(actorStream(kind.kind, id))) {
      snapshot = kind.actor.fold(snapshot, decodeActorEvent(kind, recorded)).snapshot;
      revision = recorded.revision;
    }
    return { snapshot, revision };
  }

  /** Claims whose master is gone. */
  async ownerless(): Promise<string[]> {
    const claimed = await this.#options.claims.all();
    const gone = [...claimed].filter(([id, held]) => !this.#live.has(id) && !this.#isAlive(held));
    return gone.map(([id]) => id);
  }

  /** H3. */
  ownershipTaken(id: string, by: { incarnation: Incarnation; epoch: number }): void {
    const actor = this.#live.get(id) ?? this.#fencing.get(id);
    if (actor === undefined || by.incarnation === this.#options.incarnation) return;
    if (actor.snapshot.context.epoch >= by.epoch) return;
    this.#options.log.warn({ kind: this.kind, actorId: id, epoch: by.epoch }, 'actor dropped: another master took it');
    actor.drop();
    this.#live.delete(id);
  }

  /** Lets go of everything; claims stay, so that the next owner sees whose they were. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const actors = [...this.#live.values()];
    this.#live.clear();
    await Promise.all(actors.map((actor) => actor.retire()));
  }

  async #take(id: string): Promise<ActorPlace<HostedActor<Snapshot, Event, Command, Effect>>> {
    const { claims } = this.#options;
    if (this.#isStopped) throw new AppError('SHUTTING_DOWN', 'this master is about to stop; try again');
    const held = await claims.read(id);
    if (held !== undefined && this.#isAlive(held)) return { kind: 'elsewhere', owner: held.claim.master };
    const { master, incarnation, host } = this.#options;
    const claim = { master, incarnation, host, epoch: (held?.claim.epoch ?? 0) + 1 };
    const claimed =
      held === undefined ? await claims.create(id, claim) : await claims.takeOver(id, claim, held.revision);
    if (claimed.kind === 'taken') return { kind: 'elsewhere', owner: undefined };
    return this.#fence(id, claimed.revision, held);
  }

  /** H1, from a claim that is ours. */
  async #fence(
    id: string,
    claimRevision: number,
    former: Claimed | undefined,
  ): Promise<ActorPlace<HostedActor<Snapshot, Event, Command, Effect>>> {
    const { kind, master, incarnation, host, clock, log } = this.#options;
    const { snapshot, revision } = await this.fold(id);
    const actor = new HostedActor<Snapshot, Event, Command, Effect>(
      kind,
      { id, snapshot, revision, claimRevision },
      this.#surroundings(),
    );
    const why: Takeover = revision < 0 ? { reason: 'created' } : this.#whyOf(former);
    const owner = { master, incarnation, host, claimRevision };
    const command = { type: 'TakeOwnership', now: clock.now(), ...why, ...owner } as const;
    this.#fencing.set(id, actor);
    const outcome = await actor.ask(command, `takeover.${claimRevision}`);
    this.#fencing.delete(id);
    if (outcome.kind !== 'durable' || this.#isStopped) {
      actor.drop();
      return { kind: 'elsewhere', owner: undefined };
    }
    this.#live.set(id, actor);
    log.info({ kind: this.kind, actorId: id, epoch: actor.snapshot.context.epoch, ...why }, 'actor taken');
    this.#runPending(actor);
    return { kind: 'live', actor };
  }

  #runPending(actor: HostedActor<Snapshot, Event, Command, Effect>): void {
    const { kind, answer, runEffect } = this.#options;
    for (const effect of kind.actor.pendingEffects(actor.snapshot)) {
      const command = answer(actor, effect);
      if (command === undefined) runEffect(actor, effect);
      else actor.send({ command, causationId: `pending.${actor.claimRevision}` });
    }
  }

  #surroundings() {
    const { answer, runEffect, log } = this.#options;
    return {
      answer,
      runEffect,
      append: (actor: HostedActor<Snapshot, Event, Command, Effect>, expected: number, events: NewEvent[]) =>
        this.#append(actor, expected, events),
      author: (
        { id }: HostedActor<Snapshot, Event, Command, Effect>,
        event: ActorEvent,
        causationId: string,
        epoch: number,
      ) => this.#author(id, event, causationId, epoch),
      onDropped: (
        actor: HostedActor<Snapshot, Event, Command, Effect>,
        why: 'lostOwnership' | 'finished' | 'broken',
        fault?: unknown,
      ) => {
        const { id } = actor;
        if (this.#live.get(id) === actor) this.#live.delete(id);
        if (why === 'broken') log.error({ kind: this.kind, actorId: id, fault }, 'actor stopped: it cannot go on');
        else log.warn({ kind: this.kind, actorId: id }, 'actor dropped: another master owns it');
      },
    };
  }

  /** Repeats while the store is away: the same events with the same ids, so that nothing is written twice. */
  async #append(
    actor: HostedActor<Snapshot, Event, Command, Effect>,
    expected: number,
    events: NewEvent[],
  ): Promise<boolean> {
    const { journal, clock, log } = this.#options;
    while (!actor.isDropped) {
      try {
        const stream = actorStream(this.kind, actor.id);
        return (await journal.append(stream, expected < 0 ? 'none' : expected, events)).kind === 'appended';
      } catch (fault) {
        if (!(fault instanceof AppError) || !fault.isRetryable) throw fault;
        log.warn({ kind: this.kind, actorId: actor.id, code: fault.code }, 'append waits for the event store');
        await new Promise<void>((resolve) => {
          clock.after(appendRetryDelayMs, resolve);
        });
      }
    }
    return false;
  }

  #author(id: string, event: ActorEvent, causationId: string, epoch: number): NewEvent {
    const { master, incarnation, ids, clock } = this.#options;
    const correlationId = `${this.kind}.${id}`;
    const authorship = { epoch, master, incarnation, correlationId, causationId, decidedAt: clock.now() };
    return newEvent(ids.uuid(), event, authorship);
  }

  #whyOf(former: Claimed | undefined): Takeover {
    if (former === undefined) return { reason: 'claimLost', evidence: 'nobody claimed the actor' };
    const { master, incarnation, host } = former.claim;
    const absence = this.#options.members.absenceOf(master, incarnation);
    return { reason: 'masterLost', evidence: `${master} on ${host} (incarnation ${incarnation}): ${absence}` };
  }

  /** A claim of this very process whose actor is not in memory was dropped: it is to be taken again. */
  #isAlive({ claim }: Claimed): boolean {
    if (claim.master === this.#options.master) return false;
    return this.#options.members.isMasterAlive(claim.master, claim.incarnation);
  }
}
