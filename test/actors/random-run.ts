/**
 * Drives a run through a random world: workers that answer, lose, repeat and reorder, timers that fire, people who stop.
 * The world knows of the run only what its effects say, as the processes do.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { at } from '../../actors/kit/persistent-vector.ts';
import { settle } from '../../actors/kit/settle.ts';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId } from '../../schemas/ids.ts';
import type { Happening } from '../kit/reference-model.ts';
import {
  assign,
  conclude,
  fireTimer,
  hold,
  lose,
  nameOf,
  type ReportKind,
  reject,
  report,
  requestStop,
  resolveLost,
  returnAttempt,
  submit,
  takeOwnership,
} from './run-events.ts';

export type Recorded = { event: WorkflowInstanceEvent; after: WorkflowInstanceSnapshot };
export type Step = { command: WorkflowInstanceCommand; happening?: Happening; isEcho?: boolean };

type Attempt = { task: string; count: number; phase: 'offered' | 'accepted' | 'started'; isCancelled: boolean };

export const choicesArbitrary = fc.noBias(fc.array(fc.nat(100_000), { maxLength: 80, size: 'max' }));

const stepsMax = 2_000;

export class RandomRun {
  readonly actor: WorkflowInstanceActor;
  readonly recorded: Recorded[] = [];
  snapshot: WorkflowInstanceSnapshot;
  private readonly toPlace = new Set<string>();
  private readonly attempts = new Map<AttemptId, Attempt>();
  private readonly timers = new Map<string, string>();
  private readonly sent: WorkflowInstanceCommand[] = [];
  private attemptCount = 0;
  private epoch = 0;
  private stopsLeft = 1;

  constructor(actor: WorkflowInstanceActor) {
    this.actor = actor;
    this.snapshot = actor.initial();
    this.perform({ command: submit });
    this.takeOver();
  }

  get isFinished(): boolean {
    return this.actor.isFinished(this.snapshot);
  }

  /** Plays the choices, then lets everything that is left succeed. */
  play(choices: readonly number[], onStep: (step: Step) => void): void {
    for (const choice of choices) this.step(choice, onStep);
    for (let count = 0; !this.isFinished; count += 1) {
      if (count > stepsMax) throw new Error(`the run did not end within ${stepsMax} steps`);
      const step = this.calmSteps()[0];
      if (step === undefined) throw new Error(`nothing is left to happen in a run that is ${this.snapshot.value} (I6)`);
      this.perform(step);
      onStep(step);
    }
  }

  private step(choice: number, onStep: (step: Step) => void): void {
    const dice = choice % 20;
    if (dice === 0) {
      this.takeOver();
      return;
    }
    const steps = this.isFinished || dice <= 2 ? this.echoes() : dice <= 8 ? this.wildSteps(choice) : this.calmSteps();
    const step = steps[Math.floor(choice / 20) % Math.max(1, steps.length)];
    if (step === undefined) return;
    this.perform(step);
    onStep(step);
  }

  private perform({ command, isEcho }: Step): void {
    if (command.type === 'AssignTask') this.attemptCount += 1;
    if (command.type === 'RequestStop') this.stopsLeft = 0;
    if (command.type === 'FireTimer') this.timers.delete(command.timerId);
    const answer = ({ type }: WorkflowInstanceEffect) => (type === 'concludeWorkflow' ? conclude : undefined);
    const before = JSON.stringify(this.actor.store(this.snapshot));
    const settled = settle(this.actor, this.snapshot, command, answer);
    if (isEcho) {
      if (settled.kind === 'settled') expect(settled.events, 'an echo led to an event (T1)').toEqual([]);
      expect(JSON.stringify(this.actor.store(this.snapshot))).toBe(before);
      return;
    }
    if (settled.kind === 'rejected') throw new Error(`${command.type} was refused: ${settled.rejection.message}`);
    this.record(settled.events);
    for (const effect of settled.effects) this.perceive(effect);
    expect(this.actor.store(this.snapshot)).toEqual(this.actor.store(settled.snapshot));
    if (command.type === 'LoseAttempt') this.sent.push(command);
    if (command.type === 'RecordReport') this.remember(command);
    if (command.type === 'ReturnAttempt') this.notePresence(command.attemptId);
  }

  private remember(command: Extract<WorkflowInstanceCommand, { type: 'RecordReport' }>): void {
    const { kind, attemptId } = command.report;
    const attempt = this.attempts.get(attemptId);
    if (attempt !== undefined && (kind === 'accepted' || kind === 'started')) attempt.phase = kind;
    this.sent.push(command);
  }

  /** Whoever has the attempt has accepted it. */
  private notePresence(attemptId: AttemptId): void {
    const attempt = this.attempts.get(attemptId);
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
    switch (effect.type) {
      case 'placeTask':
        this.toPlace.add(effect.task);
        return;
      case 'withdrawTask':
        this.toPlace.delete(effect.task);
        return;
      case 'offerAttempt':
        this.toPlace.delete(effect.task);
        this.receive(effect.task, effect.attemptId);
        return;
      case 'cancelAttempt': {
        const attempt = this.attempts.get(effect.attemptId);
        if (attempt !== undefined) attempt.isCancelled = true;
        return;
      }
      case 'revokeAttempt':
      case 'releaseSlot':
        this.attempts.delete(effect.attemptId);
        return;
      case 'armTimer':
        this.timers.set(effect.timerId, effect.task);
        return;
      case 'disarmTimer':
        this.timers.delete(effect.timerId);
        return;
      case 'concludeWorkflow':
        throw new Error('the end of the run was not decided at once');
    }
  }

  /** A worker runs an attempt once, however often it is offered. */
  private receive(task: string, attemptId: AttemptId): void {
    if (this.attempts.has(attemptId)) return;
    this.attempts.set(attemptId, { task, count: this.attemptCount, phase: 'offered', isCancelled: false });
  }

  /** A new owner knows nothing but the snapshot; what is pending must be enough to go on (design: restart). */
  private takeOver(): void {
    if (this.isFinished) return;
    this.epoch += 1;
    this.perform({ command: takeOwnership(this.epoch) });
    this.toPlace.clear();
    this.timers.clear();
    // The former owner may have died before it asked.
    for (const attempt of this.attempts.values()) attempt.isCancelled = false;
    const restored = this.actor.restore(JSON.parse(JSON.stringify(this.actor.store(this.snapshot))));
    this.snapshot = restored;
    for (const effect of this.actor.pendingEffects(restored)) this.perceive(effect);
  }

  /** What goes well, and what brings a cancelled attempt or a timer to its end. */
  private calmSteps(): Step[] {
    const steps: Step[] = [...this.toPlace].map((task) => this.place(task));
    for (const { task, count, phase, isCancelled } of this.attempts.values()) {
      if (isCancelled) {
        steps.push(this.say('cancelled', task, count));
        continue;
      }
      if (phase === 'offered') steps.push(this.say('accepted', task, count));
      steps.push(this.say(phase === 'started' ? 'succeeded' : 'started', task, count));
      if (this.isAbsent(task)) steps.push(this.comeBack(task, count));
    }
    for (const [timerId, task] of this.timers) steps.push(this.fire(timerId, task));
    return steps;
  }

  private wildSteps(choice: number): Step[] {
    const steps: Step[] = [...this.toPlace].map((task) => ({ command: hold(task) }));
    for (const { task, count, phase, isCancelled } of this.attempts.values()) {
      for (const kind of ['failed', 'failed', 'failed', 'lost', 'succeeded'] as const)
        steps.push(this.say(kind, task, count));
      if (!isCancelled) steps.push(this.say('cancelled', task, count));
      steps.push({ command: lose(task, count, false), happening: { kind: 'lost', task } });
      steps.push({ command: lose(task, count), happening: { kind: 'missed', task } });
      steps.push({ command: lose(task, count), happening: { kind: 'missed', task } });
      if (isCancelled) steps.push({ command: report('started', task, count), isEcho: true });
      if (this.isAbsent(task)) steps.push(this.comeBack(task, count), ...this.decisions(task));
      else if (phase === 'offered') steps.push({ command: reject(task, count), happening: { kind: 'rejected', task } });
    }
    if (choice % 3 === 0 && this.stopsLeft > 0 && this.snapshot.value === 'active') {
      steps.push({ command: requestStop, happening: { kind: 'stopRequested' } });
    }
    return steps;
  }

  /** What was sent before and is sent again, or comes too late. */
  private echoes(): Step[] {
    return this.sent.map((command) => ({ command, isEcho: true })).filter(({ command }) => !this.isLive(command));
  }

  private isLive(command: WorkflowInstanceCommand): boolean {
    if (command.type === 'LoseAttempt') return this.attempts.has(command.attemptId);
    if (command.type !== 'RecordReport') return false;
    const { attemptId, kind } = command.report;
    return this.attempts.has(attemptId) && kind !== 'accepted' && kind !== 'started';
  }

  private place(task: string): Step {
    return { command: assign(task, this.attemptCount + 1), happening: { kind: 'placed', task } };
  }

  private say(kind: ReportKind, task: string, count: number): Step {
    return { command: report(kind, task, count), happening: { kind, task } };
  }

  private comeBack(task: string, count: number): Step {
    return { command: returnAttempt(task, count), happening: { kind: 'returned', task } };
  }

  /** What a person may say of a task that waits for one. */
  private decisions(task: string): Step[] {
    const key = `resolve-${this.recorded.length}`;
    return [
      { command: resolveLost(task, 'retry', key), happening: { kind: 'letRunAgain', task } },
      { command: resolveLost(task, 'fail', key), happening: { kind: 'letFail', task } },
    ];
  }

  /** A timeout that fires while its attempt is being cancelled is an echo. */
  private fire(timerId: string, task: string): Step {
    const command = fireTimer(task, timerId);
    if (timerId === timerIds.retry(nameOf(task), this.failuresOf(task))) {
      return { command, happening: { kind: 'retryDue', task } };
    }
    if (timerId.startsWith('return.')) return { command, happening: { kind: 'returnDue', task } };
    const attempt = [...this.attempts.values()].find((candidate) => candidate.task === task);
    return attempt?.isCancelled === false
      ? { command, happening: { kind: 'timedOut', task } }
      : { command, isEcho: true };
  }

  private isAbsent(task: string): boolean {
    return at(this.snapshot.context.tasks, this.actor.plan.indexOf(nameOf(task)) ?? -1).status === 'absent';
  }

  private failuresOf(task: string): number {
    return at(this.snapshot.context.tasks, this.actor.plan.indexOf(nameOf(task)) ?? -1).context.failures;
  }
}
