/**
 * Checks the recorded history of one run against the numbered invariants (docs/architecture.md), and prints who owned it
 * and what became of each attempt. The rules are stated over the events alone, apart from the machines; only I5 and I6
 * fold. Simulation, tests, command line and production share it.
 */
import { eventMetadataSchema } from '../../schemas/envelope.ts';
import { type WorkflowInstanceEvent, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import type { Plan } from '../graph/plan.ts';
import { BrokenJournal } from '../kit/decider.ts';
import { type WorkflowInstanceActor, workflowInstanceActor } from '../workflow-instance/workflow-instance.actor.ts';
import { awaitedAttempts } from '../workflow-instance/workflow-instance.effects.ts';
import { type AttemptRecord, AttemptRules } from './attempt-rules.ts';
import type { HistoryEvent, ReadEvent, Report, Violation } from './history-event.ts';
import { type OwnerRecord, OwnershipRules } from './ownership-rules.ts';

export type HistoryReport = {
  violations: Violation[];
  owners: OwnerRecord[];
  attempts: AttemptRecord[];
};

/** @param history the whole stream from its first event on. */
export function checkHistory(plan: Plan, history: readonly HistoryEvent[]): HistoryReport {
  const violations: Violation[] = [];
  const report: Report = (invariant, revision, message) => violations.push({ invariant, revision, message });
  const ownership = new OwnershipRules(report);
  const attempts = new AttemptRules(report);
  const events = readAll(history, report);
  checkRevisions(history, report);
  for (const event of events) {
    ownership.take(event);
    attempts.take(event);
  }
  checkEnd(events, report);
  checkFold(workflowInstanceActor(plan), events, report);
  violations.sort((a, b) => a.revision - b.revision);
  return { violations, owners: ownership.owners, attempts: attempts.records };
}

function readAll(history: readonly HistoryEvent[], report: Report): ReadEvent[] {
  const events: ReadEvent[] = [];
  for (const { revision, type, data, metadata } of history) {
    const event = readEvent(type, data);
    const envelope = eventMetadataSchema.safeParse(metadata);
    if (typeof event === 'string') report('I5', revision, event);
    else if (!envelope.success)
      report('I5', revision, `the metadata of ${type} does not fit: ${envelope.error.message}`);
    else events.push({ revision, event, metadata: envelope.data });
  }
  return events;
}

/** The event, or what is wrong with it. */
function readEvent(type: string, data: unknown): WorkflowInstanceEvent | string {
  if (!Object.hasOwn(workflowInstanceEvents, type)) return `${type} is not an event of a run`;
  const parsed = workflowInstanceEvents[type as WorkflowInstanceEvent['type']].safeParse(data);
  if (!parsed.success) return `the data of ${type} does not fit: ${parsed.error.message}`;
  // Reason for the cast: type and schema come from the same entry of the registry.
  return { type, data: parsed.data } as WorkflowInstanceEvent;
}

function checkRevisions(history: readonly HistoryEvent[], report: Report): void {
  for (const [expected, { revision }] of history.entries()) {
    if (revision === expected) continue;
    report('J4', revision, `expected revision ${expected}, found ${revision}: the stream has a gap or is out of order`);
    return;
  }
}

const endings: readonly string[] = ['WorkflowSucceeded', 'WorkflowFailed', 'WorkflowStopped'];

/** I9: the end is named once, and nothing follows it. */
function checkEnd(events: readonly ReadEvent[], report: Report): void {
  const end = events.findIndex(({ event }) => endings.includes(event.type));
  const following = end === -1 ? [] : events.slice(end + 1);
  for (const { event, revision } of following) {
    report('I9', revision, `${event.type} stands after the run ended with ${events[end]?.event.type}`);
  }
}

/** I5: every event is taken in its state. I6: what is not finished owes or awaits something. */
function checkFold(actor: WorkflowInstanceActor, events: readonly ReadEvent[], report: Report): void {
  let snapshot = actor.initial();
  for (const { event, revision } of events) {
    try {
      snapshot = actor.fold(snapshot, event).snapshot;
    } catch (error) {
      if (!(error instanceof BrokenJournal)) throw error;
      report(endings.includes(event.type) ? 'I9' : 'I5', revision, error.message);
      return;
    }
  }
  const last = events.at(-1);
  if (last === undefined || actor.isFinished(snapshot)) return;
  if (actor.pendingEffects(snapshot).length > 0 || awaitedAttempts(snapshot).length > 0) return;
  report('I6', last.revision, `the run is ${snapshot.value}, but nothing is pending and no attempt is awaited`);
}
