/**
 * What is known of the runs that a dependent task names, put together: met, failed, or still open, with the runs that say so
 * and a sentence on what is missing.
 *
 * D1 What is met stays met as long as no newer run of the same interval is known: the newest run of an interval counts.
 * D2 A failure is final only for who does not wait: a newer run may still succeed.
 */
import type {
  DependentGroup,
  DependentItem,
  DependentSettings,
  Relation,
} from '../../schemas/definition/run-settings.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { type Interval, intervalsOf } from './intervals.ts';

/** How the newest run of one interval stands, as far as an item asks for it. */
export type Finding =
  | { kind: 'met'; instance: InstanceId }
  | { kind: 'failed'; instance: InstanceId; failedAt: number; why: string }
  /** No run yet, or one that has not ended. */
  | { kind: 'open'; instance?: InstanceId };

/** Answers for one item and one of its intervals. */
export type Known = (item: DependentItem, interval: Interval) => Finding;

/** One interval of one item with what was found. */
export type Evidence = { item: DependentItem; interval: Interval; finding: Finding };

export type Evaluation =
  | { kind: 'met'; evidence: Evidence[] }
  /** `failedAt`: since when it cannot be met by the runs there are. */
  | { kind: 'failed'; failedAt: number; evidence: Evidence[] }
  | { kind: 'open'; missing: Evidence[] };

/** From where ranges are seen: the logical time of the waiting run, and its workflow's time zone. */
export type Viewpoint = { logicalAt: number; timeZone: string };

export function evaluate(settings: DependentSettings, from: Viewpoint, known: Known): Evaluation {
  return combine(
    settings.relation,
    settings.items.map((group) => evaluateGroup(group, from, known)),
  );
}

/** The workflows whose runs may change the result. */
export function workflowsOf(settings: DependentSettings): DependentItem['workflow'][] {
  return [...new Set(settings.items.flatMap(({ items }) => items.map(({ workflow }) => workflow)))];
}

export type Verdict =
  | { kind: 'succeed'; evidence: Evidence[] }
  | { kind: 'fail'; evidence: Evidence[] }
  /** Nothing to say yet; `dueAt` is when the failure becomes final if nothing changes. */
  | { kind: 'wait'; dueAt?: number };

/** What the task does about an evaluation at a moment. */
export function verdictOf(evaluation: Evaluation, settings: DependentSettings, now: number): Verdict {
  if (evaluation.kind === 'met') return { kind: 'succeed', evidence: evaluation.evidence };
  if (evaluation.kind === 'open') return { kind: 'wait' };
  const { evidence, failedAt } = evaluation;
  if (settings.onFailure === 'fail') return { kind: 'fail', evidence };
  if (settings.failureWaitMs === undefined) return { kind: 'wait' };
  const dueAt = failedAt + settings.failureWaitMs;
  return now >= dueAt ? { kind: 'fail', evidence } : { kind: 'wait', dueAt };
}

function evaluateGroup({ relation, items }: DependentGroup, from: Viewpoint, known: Known): Evaluation {
  return combine(
    relation,
    items.map((item) => evaluateItem(item, from, known)),
  );
}

/** Every interval of a range needs its run; a day that the zone's calendar left out needs none. */
function evaluateItem(item: DependentItem, { logicalAt, timeZone }: Viewpoint, known: Known): Evaluation {
  const intervals = intervalsOf(item.range, logicalAt, timeZone).filter(({ fromAt, untilAt }) => untilAt > fromAt);
  return combine(
    'and',
    intervals.map((interval) => judged({ item, interval, finding: known(item, interval) })),
  );
}

function judged(evidence: Evidence): Evaluation {
  const { finding } = evidence;
  switch (finding.kind) {
    case 'met':
      return { kind: 'met', evidence: [evidence] };
    case 'failed':
      return { kind: 'failed', failedAt: finding.failedAt, evidence: [evidence] };
    case 'open':
      return { kind: 'open', missing: [evidence] };
  }
}

function combine(relation: Relation, parts: readonly Evaluation[]): Evaluation {
  return relation === 'and' ? combineAll(parts) : combineAny(parts);
}

/** It fails with the first part that does. */
function combineAll(parts: readonly Evaluation[]): Evaluation {
  const failed = parts.filter((part) => part.kind === 'failed');
  if (failed.length > 0) {
    const failedAt = Math.min(...failed.map((part) => part.failedAt));
    return { kind: 'failed', failedAt, evidence: failed.flatMap(({ evidence }) => evidence) };
  }
  const open = parts.filter((part) => part.kind === 'open');
  if (open.length > 0) return { kind: 'open', missing: open.flatMap(({ missing }) => missing) };
  return { kind: 'met', evidence: parts.flatMap((part) => (part.kind === 'met' ? part.evidence : [])) };
}

/** It fails with the last part that does; of several that are met, all are evidence. */
function combineAny(parts: readonly Evaluation[]): Evaluation {
  const met = parts.filter((part) => part.kind === 'met');
  if (met.length > 0) return { kind: 'met', evidence: met.flatMap(({ evidence }) => evidence) };
  const open = parts.filter((part) => part.kind === 'open');
  if (open.length > 0) return { kind: 'open', missing: open.flatMap(({ missing }) => missing) };
  const failed = parts.filter((part) => part.kind === 'failed');
  const failedAt = Math.max(...failed.map((part) => part.failedAt));
  return { kind: 'failed', failedAt, evidence: failed.flatMap(({ evidence }) => evidence) };
}
