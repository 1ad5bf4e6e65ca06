/** The runs of one workflow beside each other, as plain JSON: who waits, who has a turn, who was turned away. */
import { type Concurrency, type Priority, priorities } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { type OwnedContext, unowned } from '../kit/owned-actor.ts';

export type QueuedRun = {
  instance: InstanceId;
  priority: Priority;
  concurrency: Concurrency;
  queuedAt: number;
  /** How often it had been opened again. Absent: never. */
  round?: number;
};

export type ActiveRun = QueuedRun & {
  admittedAt: number;
  evidence: string;
  /** The run for which this one is being stopped. */
  preemptedBy: InstanceId | null;
};

export type DiscardedRun = { instance: InstanceId; evidence: string; round?: number };

export type WorkflowQueueContext = OwnedContext & {
  /** In the order in which they came. */
  waiting: readonly QueuedRun[];
  /** Admitted and not ended, in the order in which they were admitted. */
  active: readonly ActiveRun[];
  /** Turned away and not ended yet. */
  discarded: readonly DiscardedRun[];
};

export const newWorkflowQueue: WorkflowQueueContext = { ...unowned, waiting: [], active: [], discarded: [] };

export type Member = { instance: InstanceId; round?: number };

export const membersOf = ({ waiting, active, discarded }: WorkflowQueueContext): Member[] => [
  ...waiting,
  ...active,
  ...discarded,
];

export const memberOf = (context: WorkflowQueueContext, instance: InstanceId): Member | undefined =>
  membersOf(context).find((run) => run.instance === instance);

export const isMember = (context: WorkflowQueueContext, instance: InstanceId): boolean =>
  memberOf(context, instance) !== undefined;

/** What the queue does next by itself. Undefined: nothing until somebody comes or leaves. */
export type NextStep =
  | { kind: 'admit'; run: QueuedRun }
  | { kind: 'discard'; run: QueuedRun; evidence: string }
  | { kind: 'preempt'; run: ActiveRun; by: InstanceId };

export function nextStep(context: WorkflowQueueContext): NextStep | undefined {
  const first = firstWaiting(context.waiting);
  if (first === undefined) return undefined;
  if (isFree(context, first)) return { kind: 'admit', run: first };
  return discarded(context) ?? superseded(context) ?? preempted(context);
}

/** Runs at a time. */
export function activeMaxOf({ policy, activeMax }: Concurrency): number {
  return activeMax ?? (policy === 'parallel' ? Number.POSITIVE_INFINITY : 1);
}

function isFree({ active }: WorkflowQueueContext, run: QueuedRun): boolean {
  return active.length < activeMaxOf(run.concurrency);
}

/** By priority, then age. */
function firstWaiting(waiting: readonly QueuedRun[]): QueuedRun | undefined {
  let first: QueuedRun | undefined;
  for (const run of waiting) if (first === undefined || rankOf(run) < rankOf(first)) first = run;
  return first;
}

function discarded({ waiting, active }: WorkflowQueueContext): NextStep | undefined {
  const run = waiting.find(({ concurrency }) => concurrency.policy === 'discard');
  if (run === undefined) return undefined;
  const evidence = `${active.length} of at most ${activeMaxOf(run.concurrency)} runs were active: ${namesOf(active)}`;
  return { kind: 'discard', run, evidence };
}

/** With the policy `priority` only the newest waits: it takes the place of those of its priority or below. */
function superseded({ waiting }: WorkflowQueueContext): NextStep | undefined {
  const rivals = waiting.filter(({ concurrency }) => concurrency.policy === 'priority');
  const newest = rivals.at(-1);
  if (newest === undefined) return undefined;
  const run = rivals.find((rival) => rival !== newest && rankOf(rival) >= rankOf(newest));
  if (run === undefined) return undefined;
  return { kind: 'discard', run, evidence: `the newer run ${newest.instance} took its place` };
}

function preempted({ waiting, active }: WorkflowQueueContext): NextStep | undefined {
  const rival = firstWaiting(waiting.filter(({ concurrency }) => concurrency.policy === 'priority'));
  if (rival === undefined) return undefined;
  const staying = active.filter(({ preemptedBy }) => preemptedBy === null);
  if (staying.length < activeMaxOf(rival.concurrency)) return undefined;
  const run = staying.find((one) => rankOf(one) >= rankOf(rival));
  return run === undefined ? undefined : { kind: 'preempt', run, by: rival.instance };
}

const runsNamed = 3;

function namesOf(runs: readonly { instance: InstanceId }[]): string {
  const named = runs.slice(0, runsNamed).map(({ instance }) => instance);
  return runs.length > runsNamed ? `${named.join(', ')} and ${runs.length - runsNamed} more` : named.join(', ');
}

const rankOf = ({ priority }: { priority: Priority }): number => priorities.indexOf(priority);
