/**
 * Goes on with a run from one of its states, in virtual time: attempts go as they were recorded, timers fire when they are
 * due, people ask what they asked. It is a loop over a list of commands; no effect leaves it.
 */
import { settle } from '../../actors/kit/settle.ts';
import { beginsAtOwner } from '../../actors/workflow-instance/begin.decide.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import {
  awaitedAttempts,
  type WorkflowInstanceEffect,
} from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, Incarnation, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import type { RecordedAttempt, RecordedWorld } from './what-if-script.ts';

export type WhatIfEvent = { atMs: number; event: WorkflowInstanceEvent };

export type Assumption = { task: string; attempt: number; text: string };

type Due = { atMs: number; order: number; about: string | undefined; command: WorkflowInstanceCommand };

const stepsMax = 200_000;
const noCeiling = Number.MAX_SAFE_INTEGER;

export class WhatIfWorld {
  readonly events: WhatIfEvent[] = [];
  readonly assumptions: Assumption[] = [];
  readonly #actor: WorkflowInstanceActor;
  readonly #recorded: RecordedWorld;
  readonly #due: Due[] = [];
  #snapshot: WorkflowInstanceSnapshot;
  #now: number;
  #orderCount = 0;
  #madeIds = 0;

  constructor(actor: WorkflowInstanceActor, snapshot: WorkflowInstanceSnapshot, now: number, recorded: RecordedWorld) {
    this.#actor = actor;
    this.#snapshot = snapshot;
    this.#now = now;
    this.#recorded = recorded;
  }

  get snapshot(): WorkflowInstanceSnapshot {
    return this.#snapshot;
  }

  /** @param revision of the last event that both have in common */
  run(revision: number): void {
    for (const { atMs, command, revision: at } of this.#recorded.commands) {
      if (at > revision) this.#plan(atMs, command);
    }
    for (const { task, attemptId } of awaitedAttempts(this.#snapshot)) this.#goOn(task, attemptId);
    for (const effect of this.#actor.pendingEffects(this.#snapshot)) {
      if (effect.type !== 'offerAttempt') this.#take(effect);
    }
    for (let step = 0; !this.#actor.isFinished(this.#snapshot) && step < stepsMax; step += 1) {
      const next = this.#nextDue();
      if (next === undefined) return;
      this.#now = Math.max(this.#now, next.atMs);
      this.#ask({ ...next.command, now: this.#now });
    }
  }

  #ask(command: WorkflowInstanceCommand): void {
    const settled = settle(this.#actor, this.#snapshot, command, ({ type }) => this.#answer(type));
    if (settled.kind === 'rejected') return;
    this.#snapshot = settled.snapshot;
    for (const event of settled.events) this.events.push({ atMs: this.#now, event });
    for (const effect of settled.effects) this.#take(effect);
  }

  #answer(type: WorkflowInstanceEffect['type']): WorkflowInstanceCommand | undefined {
    if (type === 'concludeWorkflow') return { type: 'ConcludeWorkflow', now: this.#now };
    return type === 'concludePause' ? { type: 'ConcludePause', now: this.#now } : undefined;
  }

  #take(effect: WorkflowInstanceEffect): void {
    switch (effect.type) {
      case 'placeTask':
        this.#place(effect.task);
        return;
      case 'withdrawTask':
        this.#forget(`place.${effect.task}`);
        return;
      case 'offerAttempt':
        this.#play(effect.task, effect.attemptId);
        return;
      case 'cancelAttempt': {
        const { task, attemptId } = effect;
        this.#forget(attemptId);
        this.#report({ kind: 'cancelled', task, attemptId, finishedAt: this.#now }, this.#now);
        return;
      }
      case 'attend':
        this.#attend(effect.task, effect.attemptId);
        return;
      case 'leave': {
        const { task, attemptId } = effect;
        this.#forget(attemptId);
        const command = { type: 'ConcludeTask', now: 0, random: 0.5, task, attemptId, result: 'stopped' } as const;
        this.#plan(this.#now, command);
        return;
      }
      case 'armTimer': {
        const { timerId, task, dueAt } = effect;
        const command = { type: 'FireTimer', now: 0, random: 0.5, timerId, task, lossesMax: noCeiling } as const;
        this.#plan(dueAt, command, timerId);
        return;
      }
      case 'disarmTimer':
        this.#forget(effect.timerId);
        return;
      case 'armRunTimer':
        this.#plan(effect.dueAt, { type: 'FireRunTimer', now: 0, timerId: effect.timerId }, effect.timerId);
        return;
      case 'requestAdmission':
        this.#plan(this.#now, { type: 'AdmitWorkflow', now: 0 });
        return;
      case 'concludeWorkflow':
      case 'concludePause': {
        const command = this.#answer(effect.type);
        if (command !== undefined) this.#plan(this.#now, command);
        return;
      }
      default:
        // What is left frees places of the outside, of which there are none here.
        return;
    }
  }

  #place(task: TaskName): void {
    const planned = this.#actor.plan.tasks[this.#actor.plan.indexOf(task) ?? -1];
    if (planned === undefined) return;
    const attempt = (taskStateOf(this.#actor.plan, this.#snapshot.context, task)?.context.attempt ?? 0) + 1;
    if (beginsAtOwner(planned, this.#snapshot.context)) {
      const child =
        planned.definition.settings.type === 'workflow' ? { child: this.#newId() as string as InstanceId } : {};
      const known = this.#recorded.answers.find((answer) => answer.task === task);
      const attemptId = known?.attemptId ?? this.#newId();
      this.#plan(this.#now, { type: 'StartTask', now: 0, task, attemptId, ...child }, `place.${task}`);
      return;
    }
    const known = this.#attempt(task, attempt);
    const place = known?.place ?? this.#recorded.attempts.at(-1)?.place;
    const command = {
      type: 'AssignTask' as const,
      now: 0,
      task,
      attemptId: known?.attemptId ?? this.#newId(),
      worker: place?.worker ?? ('any-worker' as WorkerId),
      workerIncarnation: place?.workerIncarnation ?? (noIncarnation as Incarnation),
      why: { balancer: 'whatIf', candidates: [], candidateCount: 0 },
    } satisfies WorkflowInstanceCommand;
    this.#plan(this.#now + (known?.waitedMs ?? 0), command, `place.${task}`);
  }

  #attempt(task: TaskName, attempt: number): RecordedAttempt | undefined {
    return this.#recorded.attempts.find((known) => known.task === task && known.place.attempt === attempt);
  }

  /** An attempt that was under way in both: what was told of it later is told again, at its time. */
  #goOn(task: TaskName, attemptId: AttemptId): void {
    const known = this.#recorded.attempts.find((attempt) => attempt.attemptId === attemptId);
    if (known === undefined) return;
    this.#tell(known, attemptId, known.assignedAt, this.#now);
    if (!endsIn(known)) this.#assume(task, attemptId, known);
  }

  /** A new attempt goes as the recorded one of that number did; without one, success is assumed. */
  #play(task: TaskName, attemptId: AttemptId): void {
    const number = taskStateOf(this.#actor.plan, this.#snapshot.context, task)?.context.attempt ?? 1;
    const known = this.#attempt(task, number);
    if (known === undefined || !endsIn(known)) this.#assume(task, attemptId, known);
    else this.#tell(known, attemptId, this.#now, this.#now);
  }

  #tell(known: RecordedAttempt, attemptId: AttemptId, assignedAt: number, fromMs: number): void {
    const shiftMs = assignedAt - known.assignedAt;
    for (const { afterMs, event } of known.reports) {
      const atMs = assignedAt + afterMs;
      if (atMs < fromMs) continue;
      const command = commandOf(event, attemptId, shiftMs);
      if (command !== undefined) this.#plan(atMs, command, attemptId);
    }
  }

  #assume(task: TaskName, attemptId: AttemptId, known: RecordedAttempt | undefined): void {
    const tookMs = lengthOf(known) ?? lengthOf(this.#recorded.attempts.findLast((one) => one.task === task)) ?? 0;
    const attempt = taskStateOf(this.#actor.plan, this.#snapshot.context, task)?.context.attempt ?? 1;
    this.assumptions.push({ task, attempt, text: `no result is recorded; it is taken to succeed after ${tookMs} ms` });
    const startedAt = this.#now;
    const finishedAt = startedAt + tookMs;
    this.#report({ kind: 'succeeded', task, attemptId, startedAt, finishedAt, outputs: {} }, finishedAt);
  }

  #attend(task: TaskName, attemptId: AttemptId): void {
    const known = this.#recorded.answers.find((answer) => answer.task === task);
    // A person or a signal answers with a command of its own.
    if (known === undefined || known.conclusion.decidedBy !== undefined) return;
    const { result, outputs, fault, evidence } = known.conclusion;
    const command = {
      type: 'ConcludeTask',
      now: 0,
      random: 0.5,
      task,
      attemptId,
      result,
      ...(outputs === undefined ? {} : { outputs }),
      ...(fault === undefined ? {} : { fault }),
      ...(evidence === undefined ? {} : { evidence }),
    } as const;
    this.#plan(this.#now + known.afterMs, command, attemptId);
  }

  #report(told: Told, atMs: number): void {
    this.#plan(atMs, reportCommand(told), told.attemptId);
  }

  #plan(atMs: number, command: WorkflowInstanceCommand, about?: string): void {
    this.#orderCount += 1;
    this.#due.push({ atMs, order: this.#orderCount, about, command });
  }

  #forget(about: string): void {
    for (let index = this.#due.length - 1; index >= 0; index -= 1) {
      if (this.#due[index]?.about === about) this.#due.splice(index, 1);
    }
  }

  #nextDue(): Due | undefined {
    let first = 0;
    for (const [index, { atMs, order }] of this.#due.entries()) {
      const best = this.#due[first];
      if (best !== undefined && (atMs < best.atMs || (atMs === best.atMs && order < best.order))) first = index;
    }
    return this.#due.splice(first, 1)[0];
  }

  #newId(): AttemptId {
    this.#madeIds += 1;
    return `ffffffff-0000-4000-8000-${String(this.#madeIds).padStart(12, '0')}` as AttemptId;
  }
}

const noIncarnation = 'ffffffff-0000-4000-8000-000000000000';

/** What was cancelled because it took too long has no result of its own. */
function endsIn({ reports }: RecordedAttempt): boolean {
  const last = reports.at(-1)?.event;
  if (last === undefined || last.type === 'TaskAccepted' || last.type === 'TaskStarted') return false;
  return last.type !== 'TaskStopped' && !(last.type === 'TaskFailed' && last.data.fault.code === 'TASK_TIMED_OUT');
}

const lengthOf = (known: RecordedAttempt | undefined): number | undefined => known?.reports.at(-1)?.afterMs;

type Told<Report = AttemptReport> = Report extends unknown ? Omit<Report, 'instance' | 'sequence'> : never;

function reportCommand(told: Told): WorkflowInstanceCommand {
  const report = { ...told, instance: noIncarnation as string as InstanceId, sequence: 1 } as AttemptReport;
  return { type: 'RecordReport', now: 0, random: 0.5, report, lossesMax: noCeiling };
}

/** The recorded report of another attempt, told of this one, at its own time. */
function commandOf(
  event: RecordedAttempt['reports'][number]['event'],
  attemptId: AttemptId,
  shiftMs: number,
): WorkflowInstanceCommand | undefined {
  const { task } = event.data;
  switch (event.type) {
    case 'TaskAccepted':
      return reportCommand({ kind: 'accepted', task, attemptId });
    case 'TaskStarted':
      return reportCommand({ kind: 'started', task, attemptId, startedAt: event.data.startedAt + shiftMs });
    case 'TaskSucceeded': {
      const { startedAt, finishedAt, outputs } = event.data;
      const times = { startedAt: startedAt + shiftMs, finishedAt: finishedAt + shiftMs };
      return reportCommand({ kind: 'succeeded', task, attemptId, ...times, outputs });
    }
    case 'TaskFailed': {
      const { startedAt, finishedAt, fault, exitCode } = event.data;
      // Its end is that of the timer, which runs here too.
      if (fault.code === 'TASK_TIMED_OUT') return undefined;
      const begun = startedAt === undefined ? {} : { startedAt: startedAt + shiftMs };
      const code = exitCode === undefined ? {} : { exitCode };
      return reportCommand({
        kind: 'failed',
        task,
        attemptId,
        ...begun,
        finishedAt: finishedAt + shiftMs,
        fault,
        ...code,
      });
    }
    case 'TaskLost': {
      const { reason } = event.data;
      return { type: 'LoseAttempt', now: 0, task, attemptId, reason, lossesMax: noCeiling, mayReturn: false };
    }
    case 'TaskRejected':
      return { type: 'RejectAttempt', now: 0, task, attemptId, reason: event.data.reason };
    case 'TaskStopped':
      return undefined;
  }
}
