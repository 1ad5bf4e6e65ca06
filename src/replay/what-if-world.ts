/**
 * Goes on with a run from one of its states, in virtual time: attempts go as they were recorded, timers fire when they are
 * due, people ask what they asked. With a set of workers their slots are given out anew; else each attempt goes where it went.
 */
import type { PlannedTask } from '../../actors/graph/plan.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { awaitedAttempts } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { priorityOf, taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { AttemptId, Incarnation, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { Placement } from '../dispatch/dispatcher.ts';
import {
  type CommandOf,
  type EffectOf,
  type Outside,
  type OutsideEffect,
  type VirtualEvent,
  VirtualRun,
} from '../virtual/virtual-run.ts';
import { VirtualTime } from '../virtual/virtual-time.ts';
import { VirtualWorkers, type WorkerSet } from '../virtual/virtual-workers.ts';
import { Recordings } from './what-if-recordings.ts';
import { endedWithWorker, endsIn, reportCommand, retold } from './what-if-reports.ts';
import type { RecordedAnswer, RecordedAttempt, RecordedWorld } from './what-if-script.ts';

export type Assumption = { task: string; attempt: number; text: string };

export type WhatIfWorldOptions = {
  actor: WorkflowInstanceActor;
  snapshot: WorkflowInstanceSnapshot;
  now: number;
  /** Of the last event that both runs have in common. */
  revision: number;
  recorded: RecordedWorld;
  /** Undefined: as it was recorded. */
  workers?: WorkerSet | undefined;
};

const noIncarnation = 'ffffffff-0000-4000-8000-000000000000' as Incarnation;

export class WhatIfWorld implements Outside {
  readonly assumptions: Assumption[] = [];
  readonly #recorded: RecordedWorld;
  readonly #revision: number;
  readonly #attempts: Recordings<RecordedAttempt>;
  readonly #answers: Recordings<RecordedAnswer>;
  readonly #time: VirtualTime;
  readonly #run: VirtualRun;
  readonly #workers: VirtualWorkers | undefined;
  #madeIds = 0;

  constructor({ actor, snapshot, now, revision, recorded, workers }: WhatIfWorldOptions) {
    this.#recorded = recorded;
    this.#revision = revision;
    this.#attempts = new Recordings(recorded.attempts, revision);
    this.#answers = new Recordings(recorded.answers, revision);
    this.#time = new VirtualTime(now);
    const { lossesMax } = recorded;
    this.#run = new VirtualRun({ actor, snapshot, time: this.#time, outside: this, lossesMax, random: 0.5 });
    this.#workers = workers === undefined ? undefined : this.#workersOf(workers);
  }

  get events(): readonly VirtualEvent[] {
    return this.#run.events;
  }

  run(): void {
    for (const { atMs, command, revision } of this.#recorded.commands) {
      if (revision > this.#revision) this.#plan(atMs, command);
    }
    for (const awaited of awaitedAttempts(this.#run.snapshot)) {
      this.#workers?.reserve(awaited);
      this.#goOn(awaited.task, awaited.attemptId);
    }
    this.#run.resume(({ type }) => type === 'offerAttempt');
    this.#run.goOn();
  }

  assign(planned: PlannedTask, snapshot: WorkflowInstanceSnapshot): CommandOf<'AssignTask'> | undefined {
    const { name: task, workerGroup } = planned.definition;
    if (this.#workers !== undefined) {
      const placement = this.#workers.place(task, workerGroup, priorityOf(snapshot.context, planned));
      return placement === undefined ? undefined : this.#assignment(task, placement, snapshot);
    }
    const known = this.#attempts.next(task, this.#numberOf(task, snapshot) + 1);
    const assignment = this.#recordedAssignment(task, known);
    if (known === undefined || known.waitedMs <= 0) return assignment;
    this.#plan(this.#time.now() + known.waitedMs, assignment, `place.${task}`);
    return undefined;
  }

  refused(command: WorkflowInstanceCommand): void {
    if (command.type === 'AssignTask') this.#workers?.release(command.attemptId);
  }

  withdraw(task: TaskName): void {
    this.#time.forget(`place.${task}`);
    this.#workers?.withdraw(task);
  }

  released(attemptId: AttemptId): void {
    this.#workers?.release(attemptId);
  }

  begun({ definition: { name, settings } }: PlannedTask): { attemptId: AttemptId; child?: InstanceId } {
    const known = this.#answers.next(name, this.#numberOf(name) + 1);
    const attemptId = known?.attemptId ?? this.#newId();
    return settings.type === 'workflow' ? { attemptId, child: this.#newId() as string as InstanceId } : { attemptId };
  }

  perform(effect: OutsideEffect): void {
    const { task, attemptId } = effect;
    switch (effect.type) {
      case 'offerAttempt':
        this.#attempts.give(attemptId);
        this.#play(effect);
        return;
      case 'cancelAttempt':
        this.#time.forget(attemptId);
        this.#plan(
          this.#time.now(),
          reportCommand({ kind: 'cancelled', task, attemptId, finishedAt: this.#time.now() }),
          attemptId,
        );
        return;
      case 'revokeAttempt':
        this.#time.forget(attemptId);
        return;
      case 'attend':
        this.#answers.give(attemptId);
        this.#attend(effect);
        return;
      case 'leave':
        this.#time.forget(attemptId);
        this.#plan(this.#time.now(), {
          type: 'ConcludeTask',
          now: 0,
          random: 0.5,
          task,
          attemptId,
          result: 'stopped',
        });
        return;
      case 'releaseSlot':
        return;
    }
  }

  #workersOf(workers: WorkerSet): VirtualWorkers {
    return new VirtualWorkers({
      time: this.#time,
      ids: { uuid: () => this.#newId(), random: () => 0.5 },
      workers,
      instance: noIncarnation as string as InstanceId,
      balancer: 'lowerWeight',
      onSlot: (task, placement) => {
        const assignment = this.#assignment(task, placement, this.#run.snapshot);
        this.#time.plan(this.#time.now(), () => this.#assignLate(assignment));
      },
      onHeld: (task, reason) => this.#run.ask({ type: 'HoldTask', now: 0, task, reason }, `held.${reason.code}`),
    });
  }

  #assignLate(command: CommandOf<'AssignTask'>): void {
    this.#run.ask(command, 'whatIf');
    const state = this.#state(command.task);
    if (state?.context.current?.attemptId !== command.attemptId) this.#workers?.release(command.attemptId);
  }

  /** The attempt has the id that it had: so both runs can be read beside each other. */
  #assignment(task: TaskName, placement: Placement, snapshot: WorkflowInstanceSnapshot): CommandOf<'AssignTask'> {
    const { worker, workerIncarnation, why } = placement;
    const known = this.#attempts.next(task, this.#numberOf(task, snapshot) + 1);
    const attemptId = known?.attemptId ?? placement.attemptId;
    if (attemptId !== placement.attemptId) {
      this.#workers?.reserve({ task, attemptId, worker, workerIncarnation });
      this.#workers?.release(placement.attemptId);
    }
    return { type: 'AssignTask', now: 0, task, attemptId, worker, workerIncarnation, why };
  }

  #recordedAssignment(task: TaskName, known: RecordedAttempt | undefined): CommandOf<'AssignTask'> {
    const place = known?.place ?? this.#recorded.attempts.at(-1)?.place;
    return {
      type: 'AssignTask',
      now: 0,
      task,
      attemptId: known?.attemptId ?? this.#newId(),
      worker: place?.worker ?? ('any-worker' as WorkerId),
      workerIncarnation: place?.workerIncarnation ?? noIncarnation,
      why: { balancer: 'whatIf', candidates: [], candidateCount: 0 },
    };
  }

  /** An attempt that was under way in both: what was told of it later is told again, at its time. */
  #goOn(task: TaskName, attemptId: AttemptId): void {
    const known = this.#attempts.of({ task, attempt: this.#numberOf(task), attemptId });
    if (known === undefined) return;
    this.#tell(known, attemptId, known.assignedAt);
    if (!endsIn(known)) this.#assume(task, attemptId, 'no result is recorded');
  }

  /** A new attempt goes as a recorded one of its number did; without one, success is assumed. */
  #play({ task, attemptId, worker }: EffectOf<'offerAttempt'>): void {
    const known = this.#attempts.of({ task, attempt: this.#numberOf(task), attemptId });
    if (known === undefined || !endsIn(known)) this.#assume(task, attemptId, 'no result is recorded');
    else if (endedWithWorker(known) && this.#workers !== undefined && known.place.worker !== worker) {
      this.#assume(task, attemptId, `what ended it was the recorded worker, ${known.place.worker}`);
    } else this.#tell(known, attemptId, this.#time.now());
  }

  #tell(known: RecordedAttempt, attemptId: AttemptId, assignedAt: number): void {
    const shiftMs = assignedAt - known.assignedAt;
    const { lossesMax } = this.#recorded;
    for (const { afterMs, event } of known.reports) {
      const atMs = assignedAt + afterMs;
      if (atMs < this.#time.now()) continue;
      const command = retold(event, { attemptId, shiftMs, lossesMax });
      if (command !== undefined) this.#plan(atMs, command, attemptId);
    }
  }

  #assume(task: TaskName, attemptId: AttemptId, why: string): void {
    const attempt = this.#numberOf(task);
    const known = this.#attempts.of({ task, attempt, attemptId });
    const tookMs = (known?.reports.at(-1) ?? this.#attempts.lastOf(task)?.reports.at(-1))?.afterMs ?? 0;
    this.assumptions.push({ task, attempt, text: `${why}; it is taken to succeed after ${tookMs} ms` });
    const startedAt = this.#time.now();
    const finishedAt = startedAt + tookMs;
    const told = { kind: 'succeeded' as const, task, attemptId, startedAt, finishedAt, outputs: {} };
    this.#plan(finishedAt, reportCommand(told), attemptId);
  }

  #attend({ task, attemptId, awaits }: EffectOf<'attend'>): void {
    const attempt = this.#numberOf(task);
    const known = this.#answers.of({ task, attempt, attemptId });
    if (known === undefined) {
      // A person or a signal answers with a command of its own.
      if (awaits.kind === 'signal' || awaits.kind === 'approval') return;
      this.assumptions.push({ task, attempt, text: 'no answer is recorded; it is taken to succeed at once' });
      this.#conclude(this.#time.now(), { task, attemptId, result: 'succeeded' });
      return;
    }
    if (known.conclusion.decidedBy !== undefined) return;
    const { result, outputs, fault, evidence } = known.conclusion;
    const since = known.attemptId === attemptId ? known.since : this.#time.now();
    this.#conclude(Math.max(this.#time.now(), since + known.afterMs), {
      task,
      attemptId,
      result,
      ...(outputs === undefined ? {} : { outputs }),
      ...(fault === undefined ? {} : { fault }),
      ...(evidence === undefined ? {} : { evidence }),
    });
  }

  #conclude(atMs: number, conclusion: Omit<CommandOf<'ConcludeTask'>, 'type' | 'now' | 'random'>): void {
    this.#plan(atMs, { type: 'ConcludeTask', now: 0, random: 0.5, ...conclusion }, conclusion.attemptId);
  }

  #numberOf(task: TaskName, snapshot: WorkflowInstanceSnapshot = this.#run.snapshot): number {
    return this.#state(task, snapshot)?.context.attempt ?? 0;
  }

  #state(task: TaskName, snapshot: WorkflowInstanceSnapshot = this.#run.snapshot) {
    return taskStateOf(this.#run.actor.plan, snapshot.context, task);
  }

  #plan(atMs: number, command: WorkflowInstanceCommand, name?: string): void {
    this.#time.plan(atMs, () => this.#run.ask(command, 'whatIf'), name);
  }

  #newId(): AttemptId {
    this.#madeIds += 1;
    return `ffffffff-0000-4000-8000-${String(this.#madeIds).padStart(12, '0')}` as AttemptId;
  }
}
