/**
 * Whether this build would write the same history: every event is read and folded, every decision whose command can be told
 * from its events is made again, and the rules over histories are checked. The first difference ends it.
 */
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import { checkProgress } from '../../actors/invariants/check-history.ts';
import { HistoryRules } from '../../actors/invariants/history-rules.ts';
import type { WorkflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { AppError } from '../errors/app-error.ts';
import { isBrokenJournal } from './broken-journal.ts';
import { commandOf } from './command-of-event.ts';
import { differenceOfEvents } from './event-difference.ts';
import { metadataOf } from './event-origin.ts';
import { knownActor } from './known-actors.ts';
import { OwedEffects } from './owed-effects.ts';
import { type RunHistory, readEvent } from './run-history.ts';

/**
 * `unreadable`: a schema does not fit an event. `refused`: the machine does not take one. `decidesOtherwise`: asked the same
 * in the same state, it decides something else. `owesOtherwise`: what the run shows to have been done is not owed, or what is
 * owed was not done. `breaksRule`: the history, or what it ends in, breaks an invariant.
 */
export type DivergenceKind = 'unreadable' | 'refused' | 'decidesOtherwise' | 'owesOtherwise' | 'breaksRule';

export type Divergence = {
  kind: DivergenceKind;
  revision: number;
  /** The same for divergences that are alike: it names types and fields, and nothing of one run. */
  signature: string;
  message: string;
};

export type Verification = {
  eventCount: number;
  /** Decisions that were made again, and events that were only folded. */
  redecidedCount: number;
  foldedCount: number;
  divergence: Divergence | undefined;
};

export type VerifyOptions = {
  /** Another build of the machine. Default: this one. */
  actorOf?: (plan: Plan) => WorkflowInstanceActor;
};

export function verifyHistory(history: RunHistory, options: VerifyOptions = {}): Verification {
  const counts = { eventCount: history.events.length, redecidedCount: 0, foldedCount: 0 };
  try {
    const events = readAll(history);
    const ruled = brokenRule(history, events);
    const divergence = walk(history, events, counts, options) ?? ruled;
    return { ...counts, divergence };
  } catch (fault) {
    if (fault instanceof Found) return { ...counts, divergence: fault.divergence };
    throw fault;
  }
}

/** Ends the walk from wherever the difference is found. */
class Found extends Error {
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    super(divergence.message);
    this.divergence = divergence;
  }
}

function readAll({ events }: RunHistory): WorkflowInstanceEvent[] {
  return events.map((recorded) => {
    try {
      return readEvent(recorded);
    } catch (fault) {
      if (!(fault instanceof AppError)) throw fault;
      const { revision, type } = recorded;
      throw new Found({ kind: 'unreadable', revision, signature: `unreadable ${type}`, message: fault.message });
    }
  });
}

function brokenRule({ events }: RunHistory, read: readonly WorkflowInstanceEvent[]): Divergence | undefined {
  const rules = new HistoryRules();
  for (const [index, event] of events.entries()) rules.take(event, read[index]);
  return ruleDivergence(rules.violations[0]);
}

type Violation = { invariant: string; revision: number; message: string };

function ruleDivergence(violation: Violation | undefined): Divergence | undefined {
  if (violation === undefined) return undefined;
  const { invariant, revision, message } = violation;
  return { kind: 'breaksRule', revision, signature: `breaks ${invariant}`, message: `${invariant}: ${message}` };
}

type Counts = { redecidedCount: number; foldedCount: number };

function walk(
  history: RunHistory,
  events: readonly WorkflowInstanceEvent[],
  counts: Counts,
  { actorOf }: VerifyOptions,
): Divergence | undefined {
  const definition = pinnedDefinition(history, events);
  const actor = actorOf?.(planOf(definition)) ?? knownActor(definition);
  let snapshot = actor.initial();
  const owed = new OwedEffects();
  for (let revision = 0; revision < events.length; ) {
    const decided = decidedAgain(actor, snapshot, { history, events, revision });
    counts[decided === undefined ? 'foldedCount' : 'redecidedCount'] += decided ?? 1;
    for (let left = decided ?? 1; left > 0; left -= 1) {
      snapshot = folded(actor, snapshot, { history, events, revision }, owed);
      revision += 1;
    }
  }
  return ruleDivergence(checkProgress(actor, snapshot, events.length - 1)[0]);
}

function pinnedDefinition({ definitions }: RunHistory, [first]: readonly WorkflowInstanceEvent[]) {
  const version = first?.type === 'WorkflowSubmitted' ? first.data.definition.version : undefined;
  const pinned = definitions.find((one) => one.version === version);
  if (pinned !== undefined) return pinned.definition;
  const message = 'the history does not begin with a submission whose definition it has';
  throw new Found({ kind: 'unreadable', revision: 0, signature: 'unreadable begin', message });
}

function folded(
  actor: WorkflowInstanceActor,
  snapshot: WorkflowInstanceSnapshot,
  { history, events, revision }: Place,
  owed: OwedEffects,
): WorkflowInstanceSnapshot {
  const event = events[revision];
  const recorded = history.events[revision];
  if (event === undefined || recorded === undefined) return snapshot;
  const missing = owed.missing(event) ?? owed.overdue(metadataOf(recorded).decidedAt ?? 0);
  if (missing !== undefined) {
    const message = `at ${event.type}: ${missing}`;
    throw new Found({ kind: 'owesOtherwise', revision, signature: `${event.type}: owed otherwise`, message });
  }
  try {
    const after = actor.fold(snapshot, event);
    if (event.type === 'OwnershipTaken') owed.begin(actor.pendingEffects(after.snapshot));
    else owed.note(after.effects);
    return after.snapshot;
  } catch (fault) {
    if (!isBrokenJournal(fault)) throw fault;
    const signature = `refuses ${event.type} in ${fault.state}`;
    throw new Found({ kind: 'refused', revision, signature, message: fault.message });
  }
}

type Place = { history: RunHistory; events: readonly WorkflowInstanceEvent[]; revision: number };

/** How many events the decision gave; undefined where it is not known what led to them. */
function decidedAgain(
  actor: WorkflowInstanceActor,
  snapshot: WorkflowInstanceSnapshot,
  { history, events, revision }: Place,
): number | undefined {
  const recorded = history.events[revision];
  if (recorded === undefined) return undefined;
  const { decidedAt = 0 } = metadataOf(recorded);
  const following = events.slice(revision, revision + decisionLengthMax);
  const { plan } = actor.at(snapshot);
  const command = commandOf({ plan, snapshot, events: following, decidedAt });
  if (command === undefined) return undefined;
  const decision = actor.decide(snapshot, command);
  const differs = (signature: string, message: string) =>
    new Found({ kind: 'decidesOtherwise', revision, signature, message: `asked for ${command.type}: ${message}` });
  const [first] = following;
  if (decision.kind === 'rejected') {
    const { code, message } = decision.rejection;
    throw differs(`${first?.type}: refuses with ${code}`, `it refuses (${message}), recorded is ${first?.type}`);
  }
  if (decision.events.length === 0)
    throw differs(`${first?.type}: decides nothing`, `it decides nothing, recorded is ${first?.type}`);
  for (const [offset, event] of decision.events.entries()) {
    const difference = differenceOfEvents(following[offset], event);
    if (difference !== undefined) throw differs(difference.signature, difference.message);
  }
  return decision.events.length;
}

/** Events that one command may lead to. */
const decisionLengthMax = 8;
