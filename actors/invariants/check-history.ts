/**
 * Checks the recorded history of one run against the numbered invariants (docs/architecture.md), and prints who owned it
 * and what became of each attempt. The rules are stated over the events alone, apart from the machines; only I5 and I6
 * fold. Simulation, tests, command line and production share it.
 */
import { type WorkflowInstanceEvent, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import type { Plan } from '../graph/plan.ts';
import { BrokenJournal } from '../kit/decider.ts';
import { type WorkflowInstanceActor, workflowInstanceActor } from '../workflow-instance/workflow-instance.actor.ts';
import { awaitedAttempts, awaitsPerson } from '../workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../workflow-instance/workflow-instance.machine.ts';
import type { AttemptRecord } from './attempt-rules.ts';
import type { HistoryEvent, ReadEvent, Violation } from './history-event.ts';
import { endings, HistoryRules } from './history-rules.ts';
import type { OwnerRecord, StaleWrite } from './ownership-rules.ts';

export type HistoryReport = {
  /** In the order of the stream. */
  violations: Violation[];
  owners: OwnerRecord[];
  staleWrites: StaleWrite[];
  attempts: AttemptRecord[];
};

/** @param history the whole stream from its first event on. */
export function checkHistory(plan: Plan, history: readonly HistoryEvent[]): HistoryReport {
  const check = new HistoryCheck(workflowInstanceActor(plan));
  for (const event of history) check.take(event);
  return check.report();
}

/** The same, event by event, for streams that are read as they come. */
export class HistoryCheck {
  readonly #actor: WorkflowInstanceActor | undefined;
  readonly #rules = new HistoryRules();
  #last: { snapshot: WorkflowInstanceSnapshot; revision: number } | undefined;
  /** After an event that the machine does not take no state is known any more. */
  #isBroken = false;

  /** @param actor of the version that the run pins. Without one only the rules over the events are checked. */
  constructor(actor: WorkflowInstanceActor | undefined) {
    this.#actor = actor;
  }

  take(recorded: HistoryEvent): void {
    const event = readEvent(recorded);
    if (typeof event === 'string') this.#rules.report('I5', recorded.revision, event);
    const read = this.#rules.take(recorded, typeof event === 'string' ? undefined : event);
    if (read !== undefined) this.#fold(read);
  }

  /** The state after all that was taken; undefined when the machine refused an event. */
  snapshot(): WorkflowInstanceSnapshot | undefined {
    return this.#isBroken ? undefined : this.#last?.snapshot;
  }

  report(): HistoryReport {
    const { owners, staleWrites, attempts } = this.#rules;
    const violations = [...this.#rules.violations];
    if (!this.#isBroken && this.#actor !== undefined && this.#last !== undefined) {
      violations.push(...checkProgress(this.#actor, this.#last.snapshot, this.#last.revision));
    }
    violations.sort((a, b) => a.revision - b.revision);
    return { violations, owners, staleWrites, attempts };
  }

  /** I5: every event is taken in its state. */
  #fold({ event, revision }: ReadEvent): void {
    if (this.#isBroken || this.#actor === undefined) return;
    try {
      const before = this.#last?.snapshot ?? this.#actor.initial();
      this.#last = { snapshot: this.#actor.fold(before, event).snapshot, revision };
    } catch (error) {
      if (!(error instanceof BrokenJournal)) throw error;
      this.#isBroken = true;
      this.#rules.report(endings.includes(event.type) ? 'I9' : 'I5', revision, error.message);
    }
  }
}

/** I6: what is not finished owes or awaits something, or a person holds it back. */
export function checkProgress(
  actor: WorkflowInstanceActor,
  snapshot: WorkflowInstanceSnapshot,
  revision: number,
): Violation[] {
  if (actor.isFinished(snapshot)) return [];
  if (actor.pendingEffects(snapshot).length > 0 || awaitedAttempts(snapshot).length > 0) return [];
  if (awaitsPerson(snapshot)) return [];
  const message = `the run is ${snapshot.value}, but nothing is pending and no attempt is awaited`;
  return [{ invariant: 'I6', revision, message }];
}

/** The event, or what is wrong with it. */
function readEvent({ type, data }: HistoryEvent): WorkflowInstanceEvent | string {
  if (!Object.hasOwn(workflowInstanceEvents, type)) return `${type} is not an event of a run`;
  const parsed = workflowInstanceEvents[type as WorkflowInstanceEvent['type']].safeParse(data);
  if (!parsed.success) return `the data of ${type} does not fit: ${parsed.error.message}`;
  // Reason for the cast: type and schema come from the same entry of the registry.
  return { type, data: parsed.data } as WorkflowInstanceEvent;
}
