/**
 * Drives a run through a random world: workers that answer, lose, repeat and reorder, timers that fire, masters that take
 * over, people who steer. The world knows of the run only what its effects say, as the processes do. After every step the
 * run is compared with the plain model of the language.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { settle } from '../../actors/kit/settle.ts';
import { allTasks } from '../../actors/workflow-instance/task-lookup.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId } from '../../schemas/ids.ts';
import { LanguageModel, type Wishes } from '../kit/language-model.ts';
import { calmSteps, echoesOf, type Step, type WorldView, wildSteps } from './random-steps.ts';
import { conclude, lossesMax, now, submitOwned, takeOwnership, tell, yarnTold } from './run-events.ts';

type Recorded = { event: WorkflowInstanceEvent; after: WorkflowInstanceSnapshot };

export const choicesArbitrary = fc.noBias(fc.array(fc.nat(100_000), { maxLength: 80, size: 'max' }));

const stepsMax = 2_000;

export class RandomRun {
  readonly actor: WorkflowInstanceActor;
  readonly recorded: Recorded[] = [];
  readonly model: LanguageModel;
  snapshot: WorkflowInstanceSnapshot;
  private readonly world: WorldView = {
    toPlace: new Set(),
    attempts: new Map(),
    children: new Map(),
    timers: new Map(),
    runTimers: new Set(),
    isQueued: false,
    attemptCount: 0,
    stopsLeft: 1,
    repairsLeft: 4,
  };
  private readonly sent: WorkflowInstanceCommand[] = [];
  private readonly gone = new Set<AttemptId>();
  private epoch = 1;

  constructor(actor: WorkflowInstanceActor, wishes: Wishes = {}) {
    this.actor = actor;
    this.model = new LanguageModel(actor.plan.definition, lossesMax, wishes);
    this.snapshot = actor.initial();
    this.perform({ command: { ...submitOwned, ...wishes } });
  }

  get isFinished(): boolean {
    return this.actor.isFinished(this.snapshot);
  }

  /** Plays the choices, then lets everything that is left succeed. */
  play(choices: readonly number[]): void {
    for (const choice of choices) this.step(choice);
    for (let count = 0; !this.isFinished; count += 1) {
      if (count > stepsMax) throw new Error(`the run did not end within ${stepsMax} steps`);
      const step = calmSteps(this.actor.plan, this.snapshot, this.world)[0];
      if (step === undefined) throw new Error(`nothing is left to happen in a run that is ${this.snapshot.value} (I6)`);
      this.perform(step);
    }
    expect(this.model.isComplete()).toBe(true);
  }

  private step(choice: number): void {
    const dice = choice % 20;
    if (dice === 0) {
      this.takeOver();
      return;
    }
    const steps = this.stepsFor(dice);
    const step = steps[Math.floor(choice / 20) % Math.max(1, steps.length)];
    if (step !== undefined) this.perform(step);
  }

  private stepsFor(dice: number): Step[] {
    const { plan } = this.actor;
    if (dice <= 2) return echoesOf(this.sent, this.world);
    return dice <= 9 ? wildSteps(plan, this.snapshot, this.world) : calmSteps(plan, this.snapshot, this.world);
  }

  private perform(step: Step): void {
    const { command, asked, isEcho } = step;
    this.prepare(command);
    if (asked !== undefined && this.isFinished) this.world.repairsLeft -= 1;
    const before = JSON.stringify(this.actor.store(this.snapshot));
    const settled = this.settleToTheEnd(command);
    expect(JSON.stringify(this.actor.store(this.snapshot)), 'deciding changed the snapshot').toBe(before);
    if (isEcho) {
      if (settled.kind === 'settled') expect(settled.events, 'an echo led to an event (T1)').toEqual([]);
      return;
    }
    if (asked !== undefined) expect(settled.kind === 'settled', nameOfStep(step)).toBe(this.model.allows(asked));
    if (settled.kind === 'rejected') {
      if (asked === undefined) throw new Error(`${command.type} was refused: ${settled.rejection.message}`);
      return;
    }
    this.record(settled.events);
    if (this.snapshot.value !== 'queued') this.world.isQueued = false;
    for (const effect of settled.effects) this.perceive(effect);
    expect(this.actor.store(this.snapshot)).toEqual(this.actor.store(settled.snapshot));
    // What changed nothing left no key: repeated later, it may change something.
    if (asked === undefined || settled.events.length > 0) this.remember(command);
    const happening = happeningOf(step, settled.events);
    if (happening !== undefined) this.model.happen(happening);
    this.compare(nameOfStep(step));
  }

  /** Applications of an attempt that nobody runs any more are found dead at once: then they change nothing. */
  private settleToTheEnd(command: WorkflowInstanceCommand) {
    const first = settle(this.actor, this.snapshot, command, answer);
    if (first.kind === 'rejected') return first;
    const orphaned = first.events.find(({ type }) => type === 'TaskOrphaned');
    if (orphaned?.type !== 'TaskOrphaned') return first;
    const { task, attemptId, clusters } = orphaned.data;
    const { plan } = this.actor.at(first.snapshot);
    const known = taskStateOf(plan, first.snapshot.context, task)?.context.applications ?? [];
    const answers = clusters.map((cluster) => {
      const own = known.filter((one) => one.cluster === cluster && one.attemptId === attemptId);
      return { ...yarnTold('killed'), cluster, applications: own.map(({ id }) => deadApplication(id)) };
    });
    const second = settle(
      this.actor,
      first.snapshot,
      { ...tell(task, 0, ...answers), attemptId } as WorkflowInstanceCommand,
      answer,
    );
    if (second.kind === 'rejected') throw new Error(second.rejection.message);
    return {
      ...second,
      events: [...first.events, ...second.events],
      effects: [...first.effects, ...second.effects],
    };
  }

  private compare(step: string): void {
    const tasks = [...allTasks(this.snapshot.context)].map(({ context, status }) => [context.task, status]);
    expect(Object.fromEntries(tasks), `after ${step}`).toEqual(this.model.statuses());
    expect(this.isFinished, `after ${step}`).toBe(this.model.isComplete());
    // Nobody keeps the timers of an ended run.
    if (this.isFinished) this.world.runTimers.clear();
    if (this.isFinished) expect(this.snapshot.value, `after ${step}`).toBe(this.model.outcome());
    else
      expect([...this.world.toPlace].toSorted(), `to be placed after ${step}`).toEqual(
        this.model.beginnable().toSorted(),
      );
  }

  /** What no longer waits is gone from the world before the answer comes. */
  private prepare(command: WorkflowInstanceCommand): void {
    const { world } = this;
    if (command.type === 'AssignTask' || command.type === 'StartTask') world.attemptCount += 1;
    if (command.type === 'StartTask') world.toPlace.delete(command.task);
    if (command.type === 'RequestStop') world.stopsLeft = 0;
    if (command.type === 'FireTimer') world.timers.delete(command.timerId);
    if (command.type === 'FireRunTimer') world.runTimers.delete(command.timerId);
    if (command.type === 'ConcludeTask') world.children.delete(command.attemptId);
  }

  private remember(command: WorkflowInstanceCommand): void {
    if (command.type === 'LoseAttempt' || command.type === 'RecordReport' || 'key' in command) this.sent.push(command);
    if (command.type === 'RecordReport') {
      const { kind, attemptId } = command.report;
      const attempt = this.world.attempts.get(attemptId);
      if (attempt !== undefined && (kind === 'accepted' || kind === 'started')) attempt.phase = kind;
    }
    if (command.type !== 'ReturnAttempt') return;
    // Whoever has the attempt has accepted it.
    const attempt = this.world.attempts.get(command.attemptId);
    if (attempt?.phase === 'offered') attempt.phase = 'accepted';
  }

  private record(events: readonly WorkflowInstanceEvent[]): void {
    for (const event of events) {
      const after = this.actor.fold(this.snapshot, event).snapshot;
      this.snapshot = after;
      this.recorded.push({ event, after });
    }
  }

  private perceive(effect: WorkflowInstanceEffect): void {
    const { toPlace, attempts, children, timers, runTimers } = this.world;
    switch (effect.type) {
      case 'placeTask':
        toPlace.add(effect.task);
        return;
      case 'withdrawTask':
        toPlace.delete(effect.task);
        return;
      case 'offerAttempt':
        toPlace.delete(effect.task);
        this.receive(effect.task, effect.attemptId);
        return;
      case 'cancelAttempt': {
        const attempt = attempts.get(effect.attemptId);
        if (attempt !== undefined) attempt.isCancelled = true;
        return;
      }
      case 'revokeAttempt':
      case 'releaseSlot':
        attempts.delete(effect.attemptId);
        this.gone.add(effect.attemptId);
        return;
      case 'attend':
        if (effect.awaits.kind === 'workflow') children.set(effect.attemptId, { task: effect.task, isLeft: false });
        return;
      case 'leave': {
        const child = children.get(effect.attemptId);
        if (child !== undefined) child.isLeft = true;
        else if (effect.awaits.kind === 'workflow') children.set(effect.attemptId, { task: effect.task, isLeft: true });
        return;
      }
      case 'armTimer':
        timers.set(effect.timerId, effect.task);
        return;
      case 'disarmTimer':
        timers.delete(effect.timerId);
        return;
      case 'armRunTimer':
        runTimers.add(effect.timerId);
        return;
      case 'requestAdmission':
        this.world.isQueued = true;
        return;
      case 'tendApplications':
        // Its answer is given at once: see `settleToTheEnd`.
        return;
      case 'collectItems':
      case 'concludeWorkflow':
      case 'concludePause':
        throw new Error(`${effect.type} was not answered at once`);
    }
  }

  /** A worker runs an attempt once, however often it is offered (I4). */
  private receive(task: string, attemptId: AttemptId): void {
    const { attempts, attemptCount } = this.world;
    expect(this.gone.has(attemptId), `an attempt of ${task} that was over is offered again (I4)`).toBe(false);
    if (attempts.has(attemptId)) return;
    attempts.set(attemptId, { task, count: attemptCount, phase: 'offered', isCancelled: false });
  }

  /** A new owner knows nothing but the snapshot; what is pending must be enough to go on (design: restart). */
  private takeOver(): void {
    if (this.isFinished) return;
    this.epoch += 1;
    this.perform({ command: takeOwnership(this.epoch) });
    const { toPlace, timers, runTimers, attempts, children } = this.world;
    for (const kept of [toPlace, timers, runTimers]) kept.clear();
    // The former owner may have died before it asked.
    for (const attempt of attempts.values()) attempt.isCancelled = false;
    for (const child of children.values()) child.isLeft = false;
    const restored = this.actor.restore(JSON.parse(JSON.stringify(this.actor.store(this.snapshot))));
    this.snapshot = restored;
    for (const effect of this.actor.pendingEffects(restored)) {
      const command = answer(effect);
      if (command === undefined) this.perceive(effect);
      else this.perform({ command });
    }
    this.compare('a takeover');
  }
}

function answer(effect: WorkflowInstanceEffect): WorkflowInstanceCommand | undefined {
  const { type } = effect;
  if (type === 'concludeWorkflow') return conclude;
  if (type === 'collectItems') return { type: 'CollectItems', now, task: effect.task };
  return type === 'concludePause' ? { type: 'ConcludePause', now } : undefined;
}

const deadApplication = (id: string) => ({ id, state: 'killed' as const, hasEnded: true, tags: [] });

/** Where applications are asked for, no worker is waited for. */
function happeningOf({ happening, asked }: Step, events: readonly WorkflowInstanceEvent[]) {
  const isOrphaned = events.some(({ type }) => type === 'TaskOrphaned');
  if (!isOrphaned || happening === undefined || !('task' in happening)) return happening ?? asked;
  return happening.kind === 'missed' ? ({ kind: 'lost', task: happening.task } as const) : happening;
}

function nameOfStep({ command, happening, asked }: Step): string {
  return `${command.type} ${JSON.stringify(happening ?? asked ?? {})}`;
}
