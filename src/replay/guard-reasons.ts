/** Why a guard of the run's or the task's machine holds or not: the fact that it looks at, in words. */
import type { Plan } from '../../actors/graph/plan.ts';
import { at, entries } from '../../actors/kit/persistent-vector.ts';
import {
  type Expansion,
  hasEnded,
  type TaskContext,
  type TaskState,
} from '../../actors/task-instance/task-instance.state.ts';
import { findTask } from '../../actors/workflow-instance/task-lookup.ts';
import {
  isComplete,
  liveCount,
  outcomeOf,
  type WorkflowInstanceContext,
  type WorkflowInstanceStatus,
} from '../../actors/workflow-instance/workflow-instance.state.ts';
import type { TaskName } from '../../schemas/ids.ts';

export type RunScope = {
  plan: Plan;
  status: WorkflowInstanceStatus;
  context: WorkflowInstanceContext;
  data: Record<string, unknown>;
};
export type TaskScope = RunScope & { state: TaskState };

const namedMax = 3;

const runReasons: Readonly<Record<string, (scope: RunScope) => string>> = {
  isQueued: ({ plan }) =>
    plan.definition.concurrency === undefined
      ? 'the workflow does not limit its runs'
      : `the workflow limits its runs (${plan.definition.concurrency.policy})`,
  isNextEpoch: ({ context, data }) => `the epoch is ${context.epoch}, the event has ${data.epoch}`,
  isTaskLegal: ({ plan, context, data }) => `the task ${data.task} is ${statusOf(plan, context, data.task)}`,
  endsRun: ({ plan, data }) =>
    plan.definition.failurePolicy === 'end'
      ? `the failure policy is end: a failure of ${data.task} for good ends the run`
      : 'the failure policy is continue',
  endsAs: ({ status, context }) =>
    isComplete(context) ? `all tasks have ended, as ${outcomeOf(status, context)}` : openTasks(context),
  hasNothingLive: ({ context }) => `${countOf(liveCount(context), 'attempt is', 'attempts are')} at a worker`,
  isIsolated: ({ context, data }) =>
    `isolated: ${listOf(context.isolated.map(({ task }) => task))}; the event names ${data.task}`,
  isFatalTimeout: ({ data }) => `the timeout of the run is to ${data.action}`,
  isReopened: ({ context }) => openings(context),
  isRedressedAgain: ({ plan, context, data }) =>
    `${openings(context)}; the task ${data.task} is ${statusOf(plan, context, data.task)}`,
  isFirstTimeout: ({ context }) => (context.timedOut === null ? 'no timeout was noted yet' : 'one was noted already'),
};

const openings = ({ round }: WorkflowInstanceContext) =>
  round === 0 ? 'the run was never opened again' : `the run was opened again (${round})`;

const currentAttempt = ({ state, data }: TaskScope) =>
  state.context.current === null
    ? `the task has no attempt; the event is of ${data.attemptId}`
    : `its attempt is ${state.context.current.attemptId}, the event is of ${data.attemptId}`;
const stopping = ({ state: { context } }: TaskScope) =>
  context.cancelReason === null ? 'nobody stops it' : `it is being cancelled (${context.cancelReason})`;
const retried = ({ data }: TaskScope) => (data.retry === undefined ? 'no attempt follows' : 'another attempt follows');
const needs = ({ plan, context, state }: TaskScope) => openNeeds(plan, context, state.context);
const limited = ({ data }: TaskScope) => (data.dueAt === undefined ? 'no limit is set' : 'a limit is set');
const timed = ({ data }: TaskScope) => (data.timeoutAt === undefined ? 'it has no timeout' : 'it has a timeout');
const applications = ({ state: { context } }: TaskScope) => {
  const known = context.applications.filter(({ attemptId }) => attemptId === context.current?.attemptId);
  return `its attempt has started ${countOf(known.length, 'application', 'applications')}`;
};
const orphaned = ({ state: { context } }: TaskScope) => {
  const orphan = context.tended?.orphan ?? null;
  return orphan === null ? 'its worker runs it' : `nobody runs it any more (${orphan.why})`;
};
const concluded = ({ data }: TaskScope) => `what it waited for ${data.result}`;

const expansion = ({ state, data }: TaskScope) =>
  data.over !== undefined
    ? 'it has new items'
    : `it has ${state.context.expansion === null ? 'no' : 'its former'} items`;
const collected = ({ state: { context }, data }: TaskScope) => {
  const open = context.expansion === null ? 0 : openCount(context.expansion);
  return `${countOf(open, 'item has', 'items have')} not ended; together they ${data.result}`;
};
const openCount = ({ items, counts }: Expansion) =>
  items.length - counts.succeeded - counts.failed - counts.stopped - counts.blocked - counts.skipped;

const taskReasons: Readonly<Record<string, (scope: TaskScope) => string>> = {
  isLastNeed: needs,
  isLastNeedPassedOver: (scope) =>
    scope.state.context.passOver === null
      ? 'it is not passed over'
      : `it is passed over (${scope.state.context.passOver})`,
  isLastNeedOfNone: (scope) =>
    scope.state.context.metNeeds === 0
      ? needs(scope)
      : `${countOf(scope.state.context.metNeeds, 'need lets', 'needs let')} it run`,
  isLastIsolation: ({ state }) => `${countOf(state.context.isolations, 'isolation holds', 'isolations hold')} it back`,
  isCurrentAttempt: currentAttempt,
  isTimedStart: (scope) => `${timed(scope)}; ${currentAttempt(scope)}`,
  isRetriedFailure: (scope) => `${retried(scope)}; ${stopping(scope)}`,
  isFinalFailure: retried,
  isGivenUpLoss: ({ data }) => (data.givenUp === true ? 'the task is given up' : 'the task may run again'),
  isLimitedAbsence: limited,
  isAskedAbsence: limited,
  isLimitedAbsenceAfterTimeout: (scope) => `${limited(scope)}; ${stopping(scope)}`,
  isAskedAbsenceAfterTimeout: (scope) => `${limited(scope)}; ${stopping(scope)}`,
  isTimedStartAtLast: timed,
  isFirstStart: ({ state }) => (state.context.startedAt === null ? 'its start was not known' : 'its start was known'),
  isReturnAfterTimeout: stopping,
  isReturnToTimedRun: ({ state }) => (state.context.timeoutAt === null ? 'it has no timeout' : 'its timeout counts'),
  isReturnToRun: ({ state }) => (state.context.startedAt === null ? 'its start is not known' : 'it had started'),
  isCurrentWhileStopping: stopping,
  isUnstartedWhileStopping: stopping,
  isLimitedAwait: limited,
  isCurrentAwait: ({ state, data }) =>
    `it awaits ${state.context.awaiting?.attemptId ?? 'nothing'}, the event is of ${data.attemptId}`,
  isAwaitingChild: ({ state }) => `it awaits ${state.context.awaiting?.awaits.kind ?? 'nothing'}`,
  isConcludedWell: concluded,
  isConcludedForNow: (scope) => `${concluded(scope)}; ${retried(scope)}`,
  isConcludedBadly: (scope) => `${concluded(scope)}; ${retried(scope)}`,
  isConcludedByStop: concluded,
  hasApplications: applications,
  isCurrentWithApplications: (scope) => `${currentAttempt(scope)}; ${applications(scope)}`,
  isOrphaned: orphaned,
  isNewOrphan: (scope) => `${currentAttempt(scope)}; ${orphaned(scope)}`,
  isTended: (scope) => `${currentAttempt(scope)}; ${orphaned(scope)}`,
  isAskedOrphan: (scope) => `${limited(scope)}; ${orphaned(scope)}`,
  isExpansion: expansion,
  isLimitedExpansion: (scope) => `${expansion(scope)}; ${limited(scope)}`,
  isCurrentExpansion: ({ state, data }) =>
    `its items are of ${state.context.expansion?.attemptId ?? 'nothing'}, the event is of ${data.attemptId}`,
  isCollectedWell: collected,
  isCollectedBadly: collected,
  isCollectedByStop: collected,
  isQueueWarning: ({ data }) => `its wait for a worker is to ${data.action}`,
  isQueueFailure: ({ data }) => `its wait for a worker is to ${data.action}`,
};

export function runGuardReason(guard: string, scope: RunScope): string {
  return Object.hasOwn(runReasons, guard) ? (runReasons[guard]?.(scope) ?? '') : `see ${guard} in the machine`;
}

export function taskGuardReason(guard: string, scope: TaskScope): string {
  return Object.hasOwn(taskReasons, guard) ? (taskReasons[guard]?.(scope) ?? '') : `see ${guard} in the machine`;
}

function statusOf(plan: Plan, { tasks }: WorkflowInstanceContext, task: unknown): string {
  const found = typeof task === 'string' ? findTask(plan, { tasks }, task as TaskName) : undefined;
  return found?.state.status ?? 'not in the run';
}

function openNeeds(plan: Plan, { tasks }: WorkflowInstanceContext, { task, unmetNeeds }: TaskContext): string {
  const open = (plan.find(task)?.needs ?? [])
    .map((need) => at(tasks, need))
    .filter(({ status }) => !hasEnded(status))
    .map(({ status, context }) => `${context.task} (${status})`);
  return `${countOf(unmetNeeds, 'need has', 'needs have')} not ended${open.length === 0 ? '' : `: ${listOf(open)}`}`;
}

function openTasks({ tasks }: WorkflowInstanceContext): string {
  const open: string[] = [];
  for (const [, { status, context }] of entries(tasks)) if (!hasEnded(status)) open.push(`${context.task} (${status})`);
  return `${countOf(open.length, 'task has', 'tasks have')} not ended: ${listOf(open)}`;
}

const countOf = (count: number, one: string, many: string) =>
  `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`;

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length > namedMax ? ` and ${names.length - namedMax} more` : '';
  return `${names.slice(0, namedMax).join(', ')}${more}`;
}
