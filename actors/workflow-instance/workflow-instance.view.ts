/** Pure questions about a run: where each task stands, and why. */

import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type { ResultSource } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { RunStatus, TaskSummary } from '../../schemas/messages/client.messages.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import { utcText } from '../kit/utc-text.ts';
import { itemNameOf } from '../map/item-name.ts';
import type { Expansion, TaskState } from '../task-instance/task-instance.state.ts';
import { tendedClause, tendedFacts } from './explain-applications.ts';
import { type FoundTask, findTask, stateOf } from './task-lookup.ts';
import type { WorkflowInstanceContext, WorkflowInstanceStatus } from './workflow-instance.state.ts';

export function taskStateOf(plan: Plan, context: WorkflowInstanceContext, task: TaskName): TaskState | undefined {
  return findTask(plan, context, task)?.state;
}

/** The order of the task among those that wait for a worker: as somebody changed it, for the task or the run, or as defined. */
export function priorityOf(context: WorkflowInstanceContext, planned: PlannedTask): Priority {
  const { definition, item } = planned;
  const ofMap = item === undefined ? null : at(context.tasks, item.map).context.priority;
  return stateOf(context, planned)?.context.priority ?? ofMap ?? context.priority ?? definition.priority;
}

/** The status as users know it. */
export function runStatusOf(status: WorkflowInstanceStatus): RunStatus {
  switch (status) {
    case 'submitted':
    case 'active':
      return 'running';
    case 'stopping':
    case 'ending':
      return 'stopping';
    case 'queued':
    case 'pausing':
    case 'paused':
    case 'succeeded':
    case 'failed':
    case 'stopped':
      return status;
  }
}

export function taskSummaries(plan: Plan, context: WorkflowInstanceContext): TaskSummary[] {
  return plan.tasks.map((task) => summaryOf(plan, context, { planned: task, state: at(context.tasks, task.index) }));
}

/** The items of a map; none while it has not been expanded. Undefined when the run has no such map. */
export function itemSummaries(plan: Plan, context: WorkflowInstanceContext, { map, from, limit }: ItemPage) {
  const planned = plan.tasks[plan.indexOf(map) ?? -1];
  if (planned?.definition.settings.type !== 'map') return undefined;
  const items = at(context.tasks, planned.index).context.expansion?.items;
  const summaries: TaskSummary[] = [];
  for (let item = from; item < Math.min(from + limit, items?.length ?? 0); item += 1) {
    const found = findTask(plan, context, itemNameOf(map, item));
    if (found !== undefined) summaries.push(summaryOf(plan, context, found));
  }
  return { items: summaries, count: items?.length ?? 0 };
}

const applicationsShownMax = 20;

type ItemPage = { map: TaskName; from: number; limit: number };

function summaryOf(
  plan: Plan,
  context: WorkflowInstanceContext,
  { planned: task, state: found }: FoundTask,
): TaskSummary {
  const { status, context: state } = found;
  const note = noteOf(plan, context, { planned: task, state: found });
  const dueAt = status === 'absent' ? (state.absence?.dueAt ?? null) : state.dueAt;
  return {
    task: task.definition.name,
    status,
    needs: task.definition.needs,
    attempts: state.attempt,
    ...(state.last === null ? {} : { attemptId: state.last.attemptId, worker: state.last.worker }),
    ...(state.startedAt === null ? {} : { startedAt: state.startedAt }),
    ...(state.finishedAt === null ? {} : { finishedAt: state.finishedAt }),
    ...(state.outputs === null ? {} : { outputs: shownOutputs(state) }),
    ...(state.expansion === null ? {} : { items: itemCounts(state.expansion) }),
    ...(state.child === null ? {} : { child: state.child }),
    ...(state.applications.length === 0 ? {} : { applications: state.applications.slice(-applicationsShownMax) }),
    ...(dueAt === null ? {} : { dueAt }),
    ...(note === undefined ? {} : { note }),
  };
}

/** The results of a map may be many: who wants them asks for its items. */
function shownOutputs({ expansion, outputs }: TaskState['context']): JsonRecord {
  const { results: _, ...rest } = outputs ?? {};
  return expansion === null ? (outputs ?? {}) : rest;
}

function itemCounts({ items, counts }: Expansion): { count: number; counts: Record<string, number> } {
  return { count: items.length, counts: { ...counts } };
}

/** One sentence on why the task is not running, or how it failed. */
function noteOf(
  plan: Plan,
  context: WorkflowInstanceContext,
  { planned: task, state: found }: FoundTask,
): string | undefined {
  const { status, context: state } = found;
  switch (status) {
    case 'waiting':
      if (task.item !== undefined) return 'waits for its turn among the items';
      return `waits for ${openNeeds(plan, context, task)}`;
    case 'ready':
      return readyNoteOf(context, state);
    case 'delayed':
      return 'waits for the delay before its first attempt to be over';
    case 'awaiting':
      return awaitedBy(state);
    case 'expanded':
      return expandedNote(state);
    case 'skipped':
      return skippedBy(state);
    case 'backingOff':
      return `failed (${state.fault?.message ?? 'no reason given'}); attempt ${state.attempt + 1} follows`;
    case 'absent':
      return (
        tendedNote(state) ??
        `${state.absence?.reason.message ?? 'its worker is absent'}; waits for ${absenceEndOf(state)}`
      );
    case 'cancelling':
      return [
        state.cancelReason === 'timeout' ? 'ran longer than its timeout; is being cancelled' : 'is being stopped',
        tendedNote(state),
      ]
        .filter((part) => part !== undefined)
        .join('; ');
    case 'failed':
      return state.fault?.message;
    case 'blocked':
      return `not run: ${openNeeds(plan, context, task)} did not succeed`;
    case 'stopped':
      return 'stopped';
    case 'assigned':
    case 'accepted':
    case 'running':
      return undefined;
    case 'succeeded':
      if (state.branch !== null) return wayTaken(state.branch);
      return state.cached === null ? undefined : cachedFrom(state.cached);
  }
}

function wayTaken({ choice, next }: { choice: string; next: readonly TaskName[] }): string {
  const more = next.length > needsNamed ? ` and ${next.length - needsNamed} more` : '';
  return next.length === 0
    ? `took ${choice}, to nothing`
    : `took ${choice}, to ${next.slice(0, needsNamed).join(', ')}${more}`;
}

function readyNoteOf({ pause }: WorkflowInstanceContext, { isolations, held }: TaskState['context']): string {
  if (pause !== null) return `the run was paused by ${pause.by}`;
  if (isolations > 0) return 'isolated; rejoin it to let it run';
  return held?.message ?? 'waits for a worker';
}

function expandedNote({ expansion }: TaskState['context']): string {
  if (expansion === null) return 'has no items';
  const { items, counts } = expansion;
  const named = shownStatuses.filter((status) => counts[status] > 0).map((status) => `${counts[status]} ${status}`);
  return `${items.length} items: ${named.join(', ')}`;
}

const shownStatuses = [
  'succeeded',
  'failed',
  'stopped',
  'skipped',
  'running',
  'ready',
  'backingOff',
  'waiting',
] as const;

/** What is known of applications that the owner sees to. */
function tendedNote(state: TaskState['context']): string | undefined {
  const [fact] = tendedFacts(state);
  return fact === undefined ? undefined : tendedClause(fact);
}

function absenceEndOf({ absence }: TaskState['context']): string {
  return absence?.dueAt === null ? 'a decision: resolve it with retry or fail' : 'the return of the worker';
}

function cachedFrom({ task, instance, finishedAt }: ResultSource): string {
  return `not run: has the result of ${task} in the run ${instance}, of ${utcText(finishedAt)}`;
}

function awaitedBy({ awaiting }: TaskState['context']): string {
  const awaits = awaiting?.awaits;
  switch (awaits?.kind) {
    case 'signal':
      return `waits for the signal ${awaits.name}`;
    case 'approval':
      return awaits.question === undefined ? 'waits for an approval' : `waits for an approval: ${awaits.question}`;
    case 'workflow':
      return `waits for the run ${awaits.child} of ${awaits.workflow}`;
    default:
      return 'waits for runs of other workflows';
  }
}

function skippedBy({ skip }: TaskState['context']): string {
  switch (skip?.why) {
    case 'disabled':
      return 'skipped: it is disabled';
    case 'notSelected':
      return 'skipped: the run was started without it';
    case 'person':
      return `skipped by ${skip.by}${skip.reason === null ? '' : `: ${skip.reason}`}`;
    default:
      return 'skipped: no way that was taken leads here';
  }
}

const needsNamed = 3;

const isSettledWell = (status: TaskState['status']) => status === 'succeeded' || status === 'skipped';

function openNeeds(plan: Plan, context: WorkflowInstanceContext, task: PlannedTask): string {
  const open = task.needs.filter((need) => !isSettledWell(at(context.tasks, need).status));
  const named = open.slice(0, needsNamed).map((need) => plan.tasks[need]?.definition.name);
  return open.length > needsNamed ? `${named.join(', ')} and ${open.length - needsNamed} more` : named.join(', ');
}
