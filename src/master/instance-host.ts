/**
 * All runs that this master owns. It makes new ones, takes over those whose owner is gone, and lets go of those that ended
 * or were lost.
 *
 * H1 A run is in memory here only between its claim and its end; the claim is made before the first append.
 * H2 Taking over is one order: claim by compare-and-set, read and fold the stream, append OwnershipTaken at the expected
 *    revision (the fence), and only then act (I1).
 * H3 Of one run at most one creation and one takeover are under way in this process. They may meet: who comes second finds
 *    the run in memory and leaves it alone.
 * H4 A run that another process has taken over is dropped as soon as the journal tells, whatever its claim says: one that only
 *    waits appends nothing, and so would hold its slots for ever.
 * H5 A run that is being handed over is elsewhere for whoever asks, until the other master has answered. Its claim still names
 *    this process: without this, the next report would bring it back, and the other master would find the claim taken.
 * H6 A run that has ended is opened again by one append: the fence and what the command led to. Of several masters that try, the
 *    claim lets one write, and if the claim is lost, the expected revision does.
 */

import type { Violation } from '../../actors/invariants/history-event.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type { ParentRun, Start } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, InstanceId, MasterId, SubmissionKey } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { MessageOutcome } from '../actor-host/decision-loop.ts';
import type { Claimed } from '../claims/claim-book.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { DefinitionStore, RunnableDefinition } from '../definitions/definition-store.ts';
import { AppError } from '../errors/app-error.ts';
import { instanceStream, newEvent } from '../journal/codec.ts';
import type { Journal, NewEvent } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import { type FoldedRun, foldAndCheckRun, foldRun, type LostAttempt } from './fold-run.ts';
import {
  type InstanceMessage,
  type InstanceSurroundings,
  LiveInstance,
  type LiveInstanceStart,
  type RunOrigin,
} from './live-instance.ts';
import { appendPatiently } from './patient-append.ts';
import { RunClaims, type RunClaimsOptions, type TakeoverWhy } from './run-claims.ts';

export type InstanceHostOptions = RunClaimsOptions & {
  journal: Journal;
  definitions: DefinitionStore;
  clock: Clock;
  ids: IdSource;
  log: Log;
  lazyAppendDelayMs: number;
  effects: Pick<InstanceSurroundings, 'answer' | 'refused' | 'runEffect' | 'onDurable'>;
  /** A run that was taken over is folded and fenced: its workers are to be told, also of what it has lost. */
  onTakenOver: (instance: LiveInstance, lost: readonly LostAttempt[]) => void;
  /** The run is no longer this master's. An ended run has left nothing behind; any other may hold slots and queue places. */
  onLetGo: (instance: LiveInstance, isFinished: boolean) => void;
};

export type NewRun = {
  id: InstanceId;
  key: SubmissionKey;
  definition: RunnableDefinition;
  params: JsonRecord;
  /** Parameters that the submission gave itself. */
  given: string[];
  /** Absent: the time of submission. */
  logicalAt?: number;
  /** The task of another run that starts this one. */
  parent?: ParentRun;
  priority?: Priority;
  /** Absent: everything runs. */
  start?: Start;
  dryRun?: boolean;
  origin: RunOrigin;
};

/** Where a run stands, from this master's point of view. */
export type Whereabouts =
  | { kind: 'live'; instance: LiveInstance }
  /** It has ended in the epoch; it may have been opened again since. */
  | { kind: 'finished'; epoch: number }
  | { kind: 'elsewhere'; owner: MasterId | undefined }
  | { kind: 'missing' };

type Fencing = { id: InstanceId; claimRevision: number; why: TakeoverWhy; message?: InstanceMessage | undefined };

const creationWaitMs = 100;
const creationTriesMax = 30;

export class InstanceHost {
  readonly #options: InstanceHostOptions;
  readonly #claims: RunClaims;
  readonly #live = new Map<InstanceId, LiveInstance>();
  readonly #creating = new Map<InstanceId, Promise<unknown>>();
  readonly #underWay = new Map<InstanceId, Promise<Whereabouts>>();
  /** H5. */
  readonly #leaving = new Set<InstanceId>();

  #incidentCount = 0;

  constructor(options: InstanceHostOptions) {
    this.#options = options;
    this.#claims = new RunClaims(options);
  }

  /** Breaches of invariants that were found in runs taken over. */
  get incidentCount(): number {
    return this.#incidentCount;
  }

  get count(): number {
    return this.#live.size;
  }

  /** Messages that runs have not decided yet. */
  get waitingCount(): number {
    let total = 0;
    for (const instance of this.#live.values()) total += instance.waitingCount;
    return total;
  }

  instances(): IterableIterator<LiveInstance> {
    return this.#live.values();
  }

  find(id: InstanceId): LiveInstance | undefined {
    return this.#live.get(id);
  }

  /** Makes the run exist, unless it does. Resolves after the append. */
  async create(run: NewRun): Promise<{ isNew: boolean }> {
    // H3: who comes second finds what the first one made.
    for (let first = this.#creating.get(run.id); first !== undefined; first = this.#creating.get(run.id)) {
      await first.catch(() => {});
    }
    if (this.#live.has(run.id)) return { isNew: false };
    const creation = this.#create(run).finally(() => this.#creating.delete(run.id));
    this.#creating.set(run.id, creation);
    return creation;
  }

  async #create(run: NewRun): Promise<{ isNew: boolean }> {
    for (let tries = 0; tries < creationTriesMax; tries += 1) {
      const claimed = await this.#options.claims.create(run.id, this.#claims.claim(1));
      if (this.#live.has(run.id)) return { isNew: false };
      if (claimed.kind === 'claimed') return { isNew: await this.#begin(run, claimed.revision) };
      if (await this.exists(run.id)) return { isNew: false };
      // Claimed, but nothing is written: its claimer is at it, or is gone, or was this process and gave up (H3).
      const holder = await this.#options.claims.read(run.id);
      if (holder !== undefined && (this.#claims.isOurs(holder) || (await this.#claims.isGone(holder)))) {
        const taken = await this.#options.claims.takeOver(run.id, this.#claims.claim(1), holder.revision);
        if (this.#live.has(run.id)) return { isNew: false };
        if (taken.kind === 'claimed') return { isNew: await this.#begin(run, taken.revision) };
      }
      await this.#sleep(creationWaitMs);
    }
    throw new AppError('OVERLOADED', `the run ${run.id} is claimed but was not written yet; send the same key again`);
  }

  /** Takes a run that its living owner hands over: the claim must still be as the owner left it. */
  async adopt(id: InstanceId, from: MasterId, claimRevision: number): Promise<boolean> {
    // What an earlier search finds may be how things were before.
    for (let search = this.#underWay.get(id); search !== undefined; search = this.#underWay.get(id)) {
      await search.catch(() => {});
    }
    return (await this.#once(id, () => this.#adopt(id, from, claimRevision))).kind === 'live';
  }

  async exists(id: InstanceId): Promise<boolean> {
    for await (const _ of this.#options.journal.read(instanceStream(id), { limit: 1 })) return true;
    return false;
  }

  /** The run in memory here, taking it over when its owner is gone. */
  locate(id: InstanceId): Promise<Whereabouts> {
    return this.#once(id, async () => this.#takeOver(id, await this.#options.claims.read(id)));
  }

  /** Like `locate`, for a run whose claim was just read. */
  takeOver(id: InstanceId, held: Claimed | undefined): Promise<Whereabouts> {
    return this.#once(id, () => this.#takeOver(id, held));
  }

  /**
   * An ended run goes on with this message, if nobody else has it and the message changes it (H6). The message has an outcome
   * only where the answer is `live` and no other search was under way.
   */
  async reopen(id: InstanceId, message: InstanceMessage): Promise<Whereabouts> {
    return this.#once(id, async () => this.#takeOver(id, await this.#options.claims.read(id), message));
  }

  /** The run as its stream tells it. @throws AppError JOURNAL_INCONSISTENT, BrokenJournal */
  fold(id: InstanceId): Promise<FoldedRun | undefined> {
    return foldRun(this.#options, id);
  }

  /** Drops everything from memory; claims stay, so that the next owner sees whose they were. */
  stop(): void {
    for (const instance of [...this.#live.values()]) {
      instance.drop();
      this.#options.onLetGo(instance, false);
    }
    this.#live.clear();
  }

  /** Lets go of a run when its last append is durable, to give it to another master. H5 until `left` or `takeBack`. */
  async retire(instance: LiveInstance): Promise<void> {
    this.#leaving.add(instance.id);
    await instance.retire();
    this.#letGo(instance, false);
  }

  /** Another master has it. */
  left(id: InstanceId): void {
    this.#leaving.delete(id);
  }

  /** The other master did not take it. */
  takeBack(id: InstanceId): Promise<Whereabouts> {
    this.#leaving.delete(id);
    return this.locate(id);
  }

  drop(instance: LiveInstance): void {
    instance.drop();
    this.#letGo(instance, false);
  }

  /** H4. */
  ownershipTaken(id: InstanceId, by: { incarnation: Incarnation; epoch: number }): void {
    const instance = this.#live.get(id);
    if (instance === undefined || by.incarnation === this.#options.incarnation) return;
    if (instance.snapshot.context.epoch >= by.epoch) return;
    this.#options.log.warn({ instanceId: id, epoch: by.epoch }, 'run dropped: another master has taken it over');
    this.drop(instance);
  }

  async #begin(run: NewRun, claimRevision: number): Promise<boolean> {
    const { actor, reference } = run.definition;
    const instance = this.#admit(run.id, {
      workflow: reference.name,
      actor,
      snapshot: actor.initial(),
      revision: -1,
      origin: run.origin,
      claimRevision,
    });
    const { id: _id, definition: _definition, origin, ...about } = run;
    const owner = this.#claims.owner(claimRevision);
    const now = this.#options.clock.now();
    const submit = { type: 'SubmitWorkflow', now, ...about, definition: reference, owner } as const;
    const outcome = await this.#send(instance, submit, origin.correlationId);
    if (outcome.kind === 'durable') return true;
    this.drop(instance);
    if (await this.exists(run.id)) {
      await this.#options.claims.release(run.id, claimRevision);
      return false;
    }
    throw new AppError('SHUTTING_DOWN', 'the master stopped before the run was written; send the same key again');
  }

  /** H3. */
  async #once(id: InstanceId, search: () => Promise<Whereabouts>): Promise<Whereabouts> {
    const live = this.#live.get(id);
    if (live !== undefined) return { kind: 'live', instance: live };
    if (this.#leaving.has(id)) return { kind: 'elsewhere', owner: undefined };
    const underWay = this.#underWay.get(id) ?? search().finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, underWay);
    return underWay;
  }

  /** @param message opens the run again, should it have ended */
  async #takeOver(id: InstanceId, held: Claimed | undefined, message?: InstanceMessage): Promise<Whereabouts> {
    const taken = await this.#claims.take(id, held);
    if (taken.kind === 'elsewhere') return taken;
    return this.#fence({ id, claimRevision: taken.revision, why: this.#claims.whyOf(held), message });
  }

  async #adopt(id: InstanceId, from: MasterId, claimRevision: number): Promise<Whereabouts> {
    const held = await this.#options.claims.read(id);
    const epoch = (held?.claim.epoch ?? 0) + 1;
    const claimed = await this.#options.claims.takeOver(id, this.#claims.claim(epoch), claimRevision);
    if (claimed.kind === 'taken') return { kind: 'elsewhere', owner: held?.claim.master };
    const why = { reason: 'handedOver', evidence: `handed over by ${from}` } as const;
    return this.#fence({ id, claimRevision: claimed.revision, why });
  }

  /** H2, from a claim that is ours: fold, fence, act. */
  async #fence({ id, claimRevision, why, message }: Fencing): Promise<Whereabouts> {
    const { folded, breaches, lost } = await foldAndCheckRun(this.#options, id);
    this.#noteBreaches(id, breaches);
    const isEnded = folded?.actor.isFinished(folded.snapshot);
    if (folded === undefined || (isEnded && !isEffective(folded, message))) {
      await this.#options.claims.release(id, claimRevision);
      return folded === undefined ? { kind: 'missing' } : { kind: 'finished', epoch: folded.snapshot.context.epoch };
    }
    const met = this.#live.get(id);
    if (met !== undefined) return { kind: 'live', instance: met }; // H3.
    const instance = this.#admit(id, { ...folded, claimRevision });
    const reason = isEnded ? reopening(message) : why;
    const command = { type: 'TakeOwnership', now: this.#options.clock.now(), ...reason } as const;
    const fence = { ...command, ...this.#claims.owner(claimRevision) };
    const fenced = this.#send(instance, fence, `takeover.${claimRevision}`);
    if (isEnded && message !== undefined) instance.send(message); // H6: before the batch of the fence is taken.
    if ((await fenced).kind !== 'durable') {
      this.drop(instance);
      return { kind: 'elsewhere', owner: undefined };
    }
    this.#options.log.info({ instanceId: id, epoch: instance.snapshot.context.epoch, ...reason }, 'run taken over');
    if (!isEnded) this.#options.onTakenOver(instance, lost);
    return { kind: 'live', instance };
  }

  /** A person must look; the run goes on, since its stream could be folded. */
  #noteBreaches(id: InstanceId, breaches: readonly Violation[]): void {
    this.#incidentCount += breaches.length;
    for (const breach of breaches) this.#options.log.error({ instanceId: id, ...breach }, 'invariant broken');
  }

  #admit(id: InstanceId, start: Omit<LiveInstanceStart, 'id'>): LiveInstance {
    const { clock, lazyAppendDelayMs, effects } = this.#options;
    const instance = new LiveInstance(
      { id, ...start },
      {
        clock,
        lazyAppendDelayMs,
        ...effects,
        append: (live, expected, events) => appendPatiently(this.#options, live, expected, events),
        author: (live, event, causationId, epoch) => this.#author(live, event, causationId, epoch),
        onDropped: (live, why, fault) => this.#onDropped(live, why, fault),
      },
    );
    this.#live.set(id, instance);
    return instance;
  }

  #author(live: LiveInstance, event: { type: string; data: object }, causationId: string, epoch: number): NewEvent {
    const { master, incarnation, ids, clock } = this.#options;
    const authorship = { epoch, master, incarnation, ...live.origin, causationId, decidedAt: clock.now() };
    return newEvent(ids.uuid(), event, authorship);
  }

  #onDropped(live: LiveInstance, why: 'lostOwnership' | 'finished' | 'broken', fault: unknown): void {
    const { log, claims } = this.#options;
    const { id, claimRevision } = live;
    this.#letGo(live, why === 'finished');
    if (why === 'finished') void claims.release(id, claimRevision).catch(() => {});
    if (why === 'lostOwnership') log.warn({ instanceId: id }, 'run dropped: another master owns it');
    if (why === 'broken') log.error({ instanceId: id, fault }, 'run stopped: it cannot be decided any further');
  }

  #letGo(live: LiveInstance, isFinished: boolean): void {
    if (this.#live.get(live.id) !== live) return;
    this.#live.delete(live.id);
    this.#options.onLetGo(live, isFinished);
  }

  #send(instance: LiveInstance, command: WorkflowInstanceCommand, causationId: string): Promise<MessageOutcome> {
    return new Promise((resolve) => {
      instance.send({ command, causationId, onOutcome: resolve });
    });
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(delayMs, resolve);
    });
  }
}

function isEffective({ actor, snapshot }: FoldedRun, message: InstanceMessage | undefined): boolean {
  const decision = message === undefined ? undefined : actor.decide(snapshot, message.command);
  return decision?.kind === 'events' && decision.events.length > 0;
}

function reopening(message: InstanceMessage | undefined): TakeoverWhy {
  return { reason: 'reopened', evidence: message?.causationId ?? 'a command' };
}
