/**
 * A recorded run that can be looked at after any of its events. Opening folds the history once and keeps the state of every
 * so many events; the one asked for is folded from the nearest kept one. Nothing here writes, sends or waits.
 */
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { AppError } from '../errors/app-error.ts';
import { isBrokenJournal } from './broken-journal.ts';
import { knownActor } from './known-actors.ts';
import { type RunEvent, type RunHistory, readEvent } from './run-history.ts';
import { countUpTo, StatusLog } from './status-log.ts';

/** The run after one of its events. */
export type Moment = {
  /** Of the last event that is folded; -1 before the first one. */
  readonly revision: number;
  readonly actor: WorkflowInstanceActor;
  readonly snapshot: WorkflowInstanceSnapshot;
};

export type OpenOptions = {
  /** Another build of the machine. Default: this one. */
  actorOf?: (plan: Plan) => WorkflowInstanceActor;
};

/** Events between two kept states: what a seek folds at most. */
const keptEveryEvents = 128;

export class ReplayedRun {
  readonly history: RunHistory;
  readonly statuses = new StatusLog();
  /** Where this build's machine, or its schemas, refused to go on. The events from there on are only listed. */
  readonly broken: { readonly revision: number; readonly message: string } | undefined;
  readonly #read: WorkflowInstanceEvent[] = [];
  /** The state before event 0, 128, 256 ... */
  readonly #kept: Moment[] = [];
  /** The owners' clocks, never going back, so that a time can be looked for. */
  readonly #times: Float64Array;
  #last: Moment;
  readonly #plan: Plan;

  /** @throws AppError HISTORY_INVALID when the definition of the run is not in the history */
  constructor(history: RunHistory, options: OpenOptions = {}) {
    this.history = history;
    this.#times = timesOf(history.events);
    const definition = definitionOf(history);
    const actor = options.actorOf?.(planOf(definition)) ?? knownActor(definition);
    this.#last = { revision: -1, actor, snapshot: actor.initial() };
    this.broken = this.#foldAll();
    this.#plan = this.#last.actor.plan;
  }

  /** Events whose state is known. */
  get length(): number {
    return this.#read.length;
  }

  get lastRevision(): number {
    return this.length - 1;
  }

  /** What the run goes by at its end: a run may have been moved to another version. */
  get plan(): Plan {
    return this.#plan;
  }

  /** @param revision -1 for the state before the first event. @throws AppError BAD_REQUEST outside of the run */
  at(revision: number): Moment {
    this.#check(revision);
    if (revision < this.#last.revision || revision - this.#last.revision > keptEveryEvents) {
      this.#last = this.#kept[Math.floor((revision + 1) / keptEveryEvents)] ?? this.#last;
    }
    while (this.#last.revision < revision) this.#last = this.#step(this.#last).moment;
    return this.#last;
  }

  /** What the event itself made somebody owe. */
  effectsOf(revision: number): readonly WorkflowInstanceEffect[] {
    return this.#step(this.at(revision - 1)).effects;
  }

  /** The event as the machine takes it. */
  event(revision: number): WorkflowInstanceEvent {
    const event = this.#read[revision];
    if (event === undefined) throw this.#outside(revision);
    return event;
  }

  /** The event as it was recorded; also those after the place where the machine refused to go on. */
  recorded(revision: number): RunEvent {
    const event = this.history.events[revision];
    if (event === undefined) throw this.#outside(revision);
    return event;
  }

  /** When the event was decided, milliseconds since 1970. */
  timeOf(revision: number): number {
    return this.#times[Math.max(0, revision)] ?? 0;
  }

  /** The last event that was decided by that time; -1 if there is none. */
  revisionAt(timeMs: number): number {
    return countUpTo(this.length, (index) => (this.#times[index] ?? 0) <= timeMs) - 1;
  }

  #foldAll(): ReplayedRun['broken'] {
    let moment = this.#last;
    for (const recorded of this.history.events) {
      if (moment.revision + 1 === this.#kept.length * keptEveryEvents) this.#kept.push(moment);
      try {
        this.#read.push(readEvent(recorded));
        const { moment: next } = this.#step(moment);
        const before = moment.revision === -1 ? undefined : moment.snapshot.context.tasks;
        this.statuses.note(next.revision, before, next.snapshot.context.tasks);
        moment = next;
      } catch (fault) {
        if (!isBrokenJournal(fault) && !(fault instanceof AppError)) throw fault;
        this.#read.length = moment.revision + 1;
        this.#last = moment;
        return { revision: recorded.revision, message: fault.message };
      }
    }
    if (moment.revision + 1 === this.#kept.length * keptEveryEvents) this.#kept.push(moment);
    this.#last = moment;
    return undefined;
  }

  #step({ revision, actor, snapshot }: Moment): { moment: Moment; effects: WorkflowInstanceEffect[] } {
    const next = revision + 1;
    const folded = actor.fold(snapshot, this.event(next));
    const { snapshot: after, effects } = folded;
    return { moment: { revision: next, actor: actor.at(after), snapshot: after }, effects };
  }

  #check(revision: number): void {
    if (!Number.isInteger(revision) || revision < -1 || revision >= this.length) throw this.#outside(revision);
  }

  #outside(revision: number): AppError {
    const end = this.broken === undefined ? '' : `; there the machine refuses to go on: ${this.broken.message}`;
    return new AppError(
      'BAD_REQUEST',
      `there is no state at revision ${revision}: expected 0 to ${this.lastRevision}${end}`,
    );
  }
}

function definitionOf({ definitions, events }: RunHistory) {
  const first = events[0];
  if (first === undefined) throw new AppError('HISTORY_INVALID', 'the history has no event');
  const submitted = readEvent(first);
  if (submitted.type !== 'WorkflowSubmitted') {
    throw new AppError('HISTORY_INVALID', `the history begins with ${first.type}, expected WorkflowSubmitted`);
  }
  const { name, version } = submitted.data.definition;
  const pinned = definitions.find((one) => one.version === version);
  if (pinned !== undefined) return pinned.definition;
  throw new AppError('HISTORY_INVALID', `the run pins version ${version} of ${name}, which its history does not have`);
}

function timesOf(events: readonly RunEvent[]): Float64Array {
  const times = new Float64Array(events.length);
  let latest = 0;
  for (const [index, { metadata }] of events.entries()) {
    const { decidedAt } = (metadata ?? {}) as { decidedAt?: unknown };
    latest = Math.max(latest, typeof decidedAt === 'number' ? decidedAt : latest);
    times[index] = latest;
  }
  return times;
}
