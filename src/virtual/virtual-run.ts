/**
 * A run with an owner that is not there: asks are decided and folded, timers fire in virtual time, and what the run owes is
 * handed to an outside that is played. No effect leaves it.
 */
import type { PlannedTask } from '../../actors/graph/plan.ts';
import type { Rejection } from '../../actors/kit/decider.ts';
import { settle } from '../../actors/kit/settle.ts';
import { beginsAtOwner } from '../../actors/workflow-instance/begin.decide.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, InstanceId, TaskName } from '../../schemas/ids.ts';
import { deadApplications } from './dead-applications.ts';
import type { VirtualTime } from './virtual-time.ts';

export type VirtualEvent = {
  readonly atMs: number;
  readonly event: WorkflowInstanceEvent;
  readonly causationId: string;
};

export type CommandOf<T extends WorkflowInstanceCommand['type']> = Extract<WorkflowInstanceCommand, { type: T }>;
export type EffectOf<T extends WorkflowInstanceEffect['type']> = Extract<WorkflowInstanceEffect, { type: T }>;

/** What the run owes to others: the rest is seen to here. */
export type OutsideEffect = EffectOf<
  'offerAttempt' | 'cancelAttempt' | 'revokeAttempt' | 'releaseSlot' | 'attend' | 'leave'
>;

/** Workers, other runs and people, as somebody plays them. They answer with `run.ask`, at their time. */
export type Outside = {
  /** A ready task gets a worker now; undefined: it is asked for later. */
  assign(planned: PlannedTask, snapshot: WorkflowInstanceSnapshot): CommandOf<'AssignTask'> | undefined;
  /** What became of an answer that came too late. */
  refused(command: WorkflowInstanceCommand): void;
  withdraw(task: TaskName): void;
  /** A slot is free as soon as that is decided. */
  released(attemptId: AttemptId): void;
  perform(effect: OutsideEffect): void;
  /** Of a task that its owner begins by itself. */
  begun(planned: PlannedTask): { attemptId: AttemptId; child?: InstanceId };
};

export type VirtualRunOptions = {
  actor: WorkflowInstanceActor;
  snapshot: WorkflowInstanceSnapshot;
  time: VirtualTime;
  outside: Outside;
  /** Losses of one task after which it fails. */
  lossesMax: number;
  /** The chance in the delay of a retry, 0 to 1. */
  random: number;
  /** Called after each decision is durable and before any of its effects is run. False: its owner is dead by now. */
  onDurable?: (events: readonly WorkflowInstanceEvent[]) => boolean;
};

type Asked = { command: WorkflowInstanceCommand; causationId: string };

/** A run that does so much at one moment of virtual time stands in a circle. */
const stepsMax = 1_000_000;

export class VirtualRun {
  readonly events: VirtualEvent[] = [];
  readonly #options: VirtualRunOptions;
  readonly #timers = new Set<string>();
  /** Asked of a run that nobody owned: whoever asks repeats it. */
  readonly #unheard: Asked[] = [];
  #actor: WorkflowInstanceActor;
  #snapshot: WorkflowInstanceSnapshot;
  #isOwned = true;

  constructor(options: VirtualRunOptions) {
    this.#options = options;
    this.#actor = options.actor;
    this.#snapshot = options.snapshot;
  }

  get snapshot(): WorkflowInstanceSnapshot {
    return this.#snapshot;
  }

  /** By whose plan the run goes now. */
  get actor(): WorkflowInstanceActor {
    return this.#actor.at(this.#snapshot);
  }

  get isFinished(): boolean {
    return this.#actor.isFinished(this.#snapshot);
  }

  get isOwned(): boolean {
    return this.#isOwned;
  }

  /** @returns the refusal, if it was refused at once */
  ask(command: WorkflowInstanceCommand, causationId: string): Rejection | undefined {
    if (!this.#isOwned) {
      this.#unheard.push({ command, causationId });
      return undefined;
    }
    const now = { now: this.#options.time.now() };
    const settled = settle(this.#actor, this.#snapshot, { ...command, ...now }, (effect, after) =>
      this.#answer(effect, after),
    );
    if (settled.kind === 'rejected') return settled.rejection;
    for (const late of settled.refused) this.#options.outside.refused(late);
    this.#snapshot = settled.snapshot;
    const atMs = this.#options.time.now();
    for (const event of settled.events) this.events.push({ atMs, event, causationId });
    const lives = settled.events.length === 0 || this.#options.onDurable?.(settled.events) !== false;
    if (lives) for (const effect of settled.effects) this.#perform(effect);
    return undefined;
  }

  /** All that is owed in the state that it begins with, but for what the caller sees to. */
  resume(isSeenTo: (effect: WorkflowInstanceEffect) => boolean): void {
    for (const effect of this.#actor.pendingEffects(this.#snapshot)) if (!isSeenTo(effect)) this.#owe(effect);
  }

  /** The owner dies: nobody hears, no timer fires. */
  loseOwner(): void {
    this.#isOwned = false;
    for (const name of this.#timers) this.#options.time.forget(name);
    this.#timers.clear();
  }

  /** Another one folds the whole stream anew, takes the run and goes on with what is owed; then it hears what was not heard. */
  takeOver(
    { actor, snapshot }: Pick<VirtualRunOptions, 'actor' | 'snapshot'>,
    claim: CommandOf<'TakeOwnership'>,
  ): void {
    this.#actor = actor;
    this.#snapshot = snapshot;
    this.#isOwned = true;
    this.ask(claim, `takeover.${claim.claimRevision}`);
    if (!this.#isOwned) return;
    this.resume(() => false);
    const asked = this.#unheard.splice(0);
    for (const { command, causationId } of asked) this.ask(command, causationId);
  }

  /** Until it has ended, or nothing more happens by itself. */
  goOn(): void {
    const { time } = this.#options;
    for (let step = 0; !this.isFinished; step += 1) {
      if (step > stepsMax) throw new Error(`the run has not ended after ${stepsMax} steps`);
      if (time.isOpen) time.step();
      else if (!this.#isToldMore()) return;
    }
  }

  /** Why tasks wait is told after a while. True when that led to something that is due. */
  #isToldMore(): boolean {
    const { time } = this.#options;
    const count = this.events.length;
    const limitMs = time.now() + lookAroundMs;
    for (let next = time.nextAtMs(); next !== undefined && next <= limitMs; next = time.nextAtMs()) {
      time.step();
      if (time.isOpen || this.events.length > count) return true;
    }
    return false;
  }

  #answer(effect: WorkflowInstanceEffect, snapshot: WorkflowInstanceSnapshot): WorkflowInstanceCommand | undefined {
    const { outside } = this.#options;
    switch (effect.type) {
      case 'concludeWorkflow':
        return { type: 'ConcludeWorkflow', now: this.#options.time.now() };
      case 'concludePause':
        return { type: 'ConcludePause', now: this.#options.time.now() };
      case 'collectItems':
        return { type: 'CollectItems', now: this.#options.time.now(), task: effect.task };
      case 'placeTask':
        return this.#begin(effect.task, snapshot);
      case 'releaseSlot':
        outside.released(effect.attemptId);
        return undefined;
      case 'withdrawTask':
        outside.withdraw(effect.task);
        return undefined;
      default:
        return undefined;
    }
  }

  #begin(task: TaskName, snapshot: WorkflowInstanceSnapshot): WorkflowInstanceCommand | undefined {
    const now = this.#options.time.now();
    const { outside } = this.#options;
    const planned = this.#actor.at(snapshot).plan.find(task);
    if (planned === undefined) return undefined;
    if (beginsAtOwner(planned, snapshot.context)) {
      return { type: 'StartTask', now, task, ...outside.begun(planned) };
    }
    const placed = outside.assign(planned, snapshot);
    if (placed !== undefined || planned.definition.queueTimeoutMs === undefined) return placed;
    return { type: 'QueueTask', now, task };
  }

  #owe(effect: WorkflowInstanceEffect): void {
    const command = this.#answer(effect, this.#snapshot);
    if (command === undefined) this.#perform(effect);
    else this.ask(command, `pending.${effect.type}`);
  }

  #perform(effect: WorkflowInstanceEffect): void {
    const { time, outside, random, lossesMax } = this.#options;
    switch (effect.type) {
      case 'armTimer': {
        const { timerId, task, dueAt } = effect;
        this.#arm(timerId, dueAt, { type: 'FireTimer', now: 0, random, timerId, task, lossesMax });
        return;
      }
      case 'armRunTimer':
        this.#arm(effect.timerId, effect.dueAt, { type: 'FireRunTimer', now: 0, timerId: effect.timerId });
        return;
      case 'disarmTimer':
        time.forget(`timer.${effect.timerId}`);
        this.#timers.delete(`timer.${effect.timerId}`);
        return;
      case 'tendApplications': {
        const { task, attemptId } = effect;
        time.plan(time.now(), () => this.#findDead(task, attemptId));
        return;
      }
      case 'requestAdmission':
        time.plan(time.now(), () => this.ask({ type: 'AdmitWorkflow', now: 0 }, 'admitted'));
        return;
      case 'concludeWorkflow':
      case 'concludePause':
      case 'collectItems':
      case 'placeTask':
      case 'withdrawTask':
        // Answered where they came up.
        return;
      default:
        outside.perform(effect);
    }
  }

  #findDead(task: TaskName, attemptId: AttemptId): void {
    const { random, lossesMax } = this.#options;
    const answers = deadApplications(taskStateOf(this.actor.plan, this.#snapshot.context, task), attemptId);
    this.ask({ type: 'TellApplications', now: 0, random, lossesMax, task, attemptId, answers }, 'clusters');
  }

  #arm(timerId: string, dueAt: number, command: WorkflowInstanceCommand): void {
    const name = `timer.${timerId}`;
    this.#options.time.forget(name);
    this.#timers.add(name);
    const fire = (): void => {
      this.#timers.delete(name);
      this.ask(command, name);
    };
    this.#options.time.plan(dueAt, fire, name);
  }
}

/** Longer than any reason of waiting takes to be told. */
const lookAroundMs = 15_000;
