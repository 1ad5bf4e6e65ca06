/** Facts about a task as one sentence. Times are in UTC, to the second; lists name at most three. */

import type { Awaited } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { Fact } from '../../schemas/messages/explanation.messages.ts';
import { utcText } from '../kit/utc-text.ts';
import type { TaskStatus } from '../task-instance/task-instance.state.ts';
import { tendedClause } from './explain-applications.ts';
import type { WorkflowInstanceStatus } from './workflow-instance.state.ts';

type Explained = {
  task: TaskName;
  status: TaskStatus;
  runStatus: WorkflowInstanceStatus;
  facts: readonly Fact[];
};

const namedMax = 3;

/** `b waits for a (running)`, and what else stands against it. */
export function sentenceOf({ task, status, runStatus, facts }: Explained): string {
  const [only] = facts;
  if (only?.kind === 'ended' && facts.length === 1)
    return `${task} ${status === 'stopped' ? 'was stopped' : status} at ${utcText(only.finishedAt)}`;
  const clauses = facts.map((fact) => clauseOf(fact, status)).filter((clause) => clause !== '');
  const [first = plainClause(status, runStatus), ...rest] = clauses;
  return [`${task} ${first}`, ...rest].join('; ');
}

/** Where no fact is known. */
function plainClause(status: TaskStatus, runStatus: WorkflowInstanceStatus): string {
  if (status === 'waiting' && runStatus === 'submitted') return 'waits for its run to begin';
  return `is ${status}`;
}

function clauseOf(fact: Fact, status: TaskStatus): string {
  switch (fact.kind) {
    case 'waitsFor':
      return `waits for ${listOf(fact.tasks.map(named), fact.count)}`;
    case 'queuedRun':
      return 'its run waits for its turn';
    case 'paused':
      return `the run was paused by ${personOf(fact)}`;
    case 'isolated':
      return `isolated are ${listOf(fact.tasks.map(isolatedBy), fact.tasks.length)}`;
    case 'held':
      return `is held: ${fact.message}`;
    case 'waitsForWorker':
      return `waits for a worker of the group ${fact.group}, with priority ${fact.priority}`;
    case 'waitsForDecision':
      return 'is about to be decided by the owner of the run';
    case 'queueLimit':
      return fact.hasWarned ? `it was to begin by ${utcText(fact.dueAt)}` : `it is to begin by ${utcText(fact.dueAt)}`;
    case 'delayed':
      return `begins at ${utcText(fact.dueAt)}, after its delay`;
    case 'backsOff':
      return `failed ${fact.failures} of at most ${fact.attemptsMax} times${because(fact.fault)}; the next attempt follows at ${utcText(fact.dueAt)}`;
    case 'attempt':
      return attemptClause(fact, status);
    case 'awaits':
      return `${awaitedClause(fact.awaits)} since ${utcText(fact.since)}${fact.dueAt === undefined ? '' : `, until ${utcText(fact.dueAt)}`}`;
    case 'itemTurn':
    case 'items':
      return itemsClause(fact, status);
    case 'applications':
      return `it has started ${listOf(fact.applications.map(applicationIn).reverse(), fact.count)}`;
    case 'absent':
    case 'tended':
      return absenceClause(fact);
    case 'timedOut':
      return 'ran longer than its timeout and is being cancelled';
    case 'stoppedBy':
      return `${stopVerb(status)} because ${personOf(fact)} stopped ${fact.scope === 'task' ? 'the task' : 'the run'}`;
    case 'runEnded':
      return `${stopVerb(status)} because the run ${fact.cause === 'timeout' ? 'took longer than its timeout' : `ended with the failure of ${listOf(fact.failedTasks, fact.failedTasks.length)}`}`;
    case 'blockedBy':
      return `does not run because of ${listOf(fact.causes.map(causeOf), fact.causes.length)}`;
    case 'otherWay':
      return `was skipped because ${listOf(
        fact.taken.map((way) => `${way.task} took ${way.choice}`),
        fact.taken.length,
      )}`;
    case 'disabled':
    case 'notSelected':
      return `was skipped because ${fact.kind === 'disabled' ? 'it is disabled' : 'the run was started without it'}`;
    case 'skippedBy':
      return `was skipped by ${personOf(fact)}`;
    case 'forcedBy':
      return `was declared successful by ${personOf(fact)}`;
    case 'tookWay':
      return `succeeded and took ${fact.choice}${fact.next.length === 0 ? '' : `, to ${listOf(fact.next, fact.next.length)}`}`;
    case 'approvedBy':
      return `succeeded: it was approved by ${personOf(fact)}`;
    case 'signalCame':
      return `succeeded: its signal ${fact.name} came`;
    case 'dryRun':
      return 'succeeded without being run: the run is a dry run';
    case 'cached':
      return `succeeded without being run: its result is that of ${fact.source.task} in the run ${fact.source.instance}, of ${utcText(fact.source.finishedAt)}`;
    case 'failedWith':
      return `failed: ${fact.fault.message}`;
    case 'ended':
      return `ended at ${utcText(fact.finishedAt)}`;
  }
}

function absenceClause(fact: Extract<Fact, { kind: 'absent' | 'tended' }>): string {
  if (fact.kind === 'tended') return tendedClause(fact);
  return `waits since ${utcText(fact.since)} for ${fact.dueAt === undefined ? 'a decision (millrace resolve)' : `its worker, until ${utcText(fact.dueAt)}`}: ${fact.fault.message}`;
}

function attemptClause(
  { attempt, worker, startedAt, timeoutAt }: Extract<Fact, { kind: 'attempt' }>,
  status: TaskStatus,
): string {
  const since = startedAt === undefined ? '' : ` since ${utcText(startedAt)}`;
  const limit = timeoutAt === undefined ? '' : `, until ${utcText(timeoutAt)} at the latest`;
  switch (status) {
    case 'assigned':
      return `is offered to ${worker} as attempt ${attempt}`;
    case 'accepted':
      return `was accepted by ${worker} as attempt ${attempt} and has not started yet`;
    case 'running':
      return `runs on ${worker}${since} as attempt ${attempt}${limit}`;
    case 'succeeded':
      return `succeeded in attempt ${attempt} on ${worker}`;
    case 'failed':
    case 'stopped':
      return `it was attempt ${attempt} on ${worker}`;
    default:
      return `attempt ${attempt} is at ${worker}`;
  }
}

function awaitedClause(awaits: Awaited): string {
  switch (awaits.kind) {
    case 'signal':
      return `awaits the signal ${awaits.name}`;
    case 'approval':
      return awaits.question === undefined ? 'awaits an approval' : `awaits an approval (${awaits.question})`;
    case 'workflow':
      return `awaits the end of the run ${awaits.child} of ${awaits.workflow}`;
    case 'dependent':
      return 'awaits other runs';
  }
}

function itemsClause(fact: Extract<Fact, { kind: 'items' | 'itemTurn' }>, status: TaskStatus): string {
  if (fact.kind === 'items') {
    return `has items that ${status === 'cancelling' ? 'are being stopped' : 'go on'}${itemCounts(fact)}`;
  }
  if (fact.status !== 'expanded') return `waits for its map ${fact.map} (${fact.status})`;
  return `waits for its turn among the items of ${fact.map}${itemCounts(fact)}`;
}

function itemCounts({ concurrency, count, ended, failed }: Extract<Fact, { kind: 'items' | 'itemTurn' }>): string {
  const limit = concurrency === undefined ? '' : `, at most ${concurrency} at a time`;
  return ` (${ended} of ${count} have ended, ${failed} of them badly${limit})`;
}

const stopVerb = (status: TaskStatus) => (status === 'cancelling' ? 'is being stopped' : 'was stopped');
const isolatedBy = (one: { task: string; by: string; reason?: string | undefined }) =>
  `${one.task} by ${personOf(one)}`;
const because = (fault: { message: string } | undefined) => (fault === undefined ? '' : ` (${fault.message})`);
const causeOf = (cause: { task: string; status: string; fault?: { message: string } | undefined }) =>
  `${named(cause)}${because(cause.fault)}`;
const applicationIn = ({ id, cluster }: { id: string; cluster: string }) => `${id} on ${cluster}`;
const named = ({ task, status }: { task: string; status: string }) => `${task} (${status})`;
const personOf = ({ by, reason }: { by: string; reason?: string | undefined }) =>
  reason === undefined ? by : `${by} (${reason})`;

function listOf(names: readonly string[], count: number): string {
  const shown = names.slice(0, namedMax);
  if (count > shown.length) return `${shown.join(', ')} and ${count - shown.length} more`;
  const last = shown.pop() ?? 'nothing';
  return shown.length === 0 ? last : `${shown.join(', ')} and ${last}`;
}
