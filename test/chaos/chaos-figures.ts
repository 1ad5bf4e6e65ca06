/** What a chaos run came to, from the journal and the ledger of effects alone. */
import type { StoredEvent } from '../kit/cluster-client.ts';
import type { LedgerLine } from '../kit/effect-ledger.ts';

export type MasterKill = { victim: string; at: number };

export type TakeoverFigures = {
  /** From each kill of a master that owned runs to the first of them being owned again. */
  detectionMs: number[];
  /** From the kill to each run being owned again. */
  takeoverMs: number[];
  /** From the kill to the first assignment by a new owner. */
  firstDispatchMs: number[];
  /** Kills after which some run waited long. */
  slow: string[];
};

const windowMs = 60_000;
const slowMs = 5_000;

/** @param histories by instance */
export function takeoverFigures(
  kills: readonly MasterKill[],
  histories: ReadonlyMap<string, StoredEvent[]>,
): TakeoverFigures {
  const figures: TakeoverFigures = { detectionMs: [], takeoverMs: [], firstDispatchMs: [], slow: [] };
  for (const kill of kills) {
    const untilAt = nextKillAt(kills, kill);
    const owned: number[] = [];
    const dispatched: number[] = [];
    for (const events of histories.values()) {
      const taken = takeoverAfter(kill, events, untilAt);
      if (taken === undefined) continue;
      owned.push(decidedAt(taken) - kill.at);
      const next = events.find((event) => event.revision > taken.revision && event.type === 'TaskAssigned');
      if (next !== undefined && decidedAt(next) < untilAt) dispatched.push(decidedAt(next) - kill.at);
    }
    if (owned.length === 0) continue;
    if (Math.max(...owned) > slowMs)
      figures.slow.push(`${kill.victim} killed at ${new Date(kill.at).toISOString()}: ${owned.join(', ')} ms`);
    figures.detectionMs.push(Math.min(...owned));
    figures.takeoverMs.push(...owned);
    if (dispatched.length > 0) figures.firstDispatchMs.push(Math.min(...dispatched));
  }
  return figures;
}

export type ExecutionFigures = {
  executions: number;
  /** Executions beyond the first of a task. */
  repeated: number;
  /** Repeated ones whose former attempt has neither been lost nor rejected nor failed: there must be none. */
  unexplained: string[];
  /** Tasks with more than one counted result: there must be none. */
  doubleResults: string[];
};

export function executionFigures(
  ledger: readonly LedgerLine[],
  histories: ReadonlyMap<string, StoredEvent[]>,
): ExecutionFigures {
  const figures: ExecutionFigures = { executions: ledger.length, repeated: 0, unexplained: [], doubleResults: [] };
  const byTask = new Map<string, string[]>();
  for (const { instance, task, attemptId } of ledger) {
    const key = `${instance}/${task}`;
    byTask.set(key, [...(byTask.get(key) ?? []), attemptId]);
  }
  for (const [key, attemptIds] of byTask) {
    const [instance = '', task = ''] = key.split('/');
    const events = (histories.get(instance) ?? []).filter(({ data }) => data.task === task);
    figures.repeated += attemptIds.length - 1;
    const explained = idsOf(events, ['TaskLost', 'TaskRejected', 'TaskFailed']);
    const unexplained = attemptIds.filter((id) => !explained.has(id));
    if (unexplained.length > 1) figures.unexplained.push(`${key}: ${unexplained.join(', ')}`);
    if (idsOf(events, ['TaskSucceeded']).size > 1) figures.doubleResults.push(key);
  }
  return figures;
}

function idsOf(events: readonly StoredEvent[], types: readonly string[]): Set<string> {
  return new Set(events.filter(({ type }) => types.includes(type)).map(({ data }) => String(data.attemptId)));
}

/** How somebody else got the run that the victim had at the kill. What it got in its next life is another story. */
function takeoverAfter({ victim, at }: MasterKill, events: readonly StoredEvent[], untilAt: number) {
  const owners = events.filter(({ type }) => type === 'OwnershipTaken');
  const index = owners.findLastIndex((event) => decidedAt(event) < at);
  const next = owners[index + 1];
  if (owners[index]?.data.master !== victim || next?.data.reason !== 'masterLost') return undefined;
  return decidedAt(next) < untilAt ? next : undefined;
}

function nextKillAt(kills: readonly MasterKill[], { victim, at }: MasterKill): number {
  const later = kills.filter((kill) => kill.victim === victim && kill.at > at).map((kill) => kill.at);
  return Math.min(at + windowMs, ...later);
}

function decidedAt({ metadata }: StoredEvent): number {
  return Number(metadata.decidedAt);
}
