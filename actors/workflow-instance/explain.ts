/**
 * Why a task is where it is, from the state of its run alone: the facts. The sentence is made of the facts and of nothing
 * else (`explain-sentence.ts`), so what it says is as true as they are.
 */
import type { TaskName } from '../../schemas/ids.ts';
import type { Fact } from '../../schemas/messages/explanation.messages.ts';
import type { ItemPlace, Plan, PlannedTask } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import { hasEnded, type TaskContext, type TaskState, type TaskStatus } from '../task-instance/task-instance.state.ts';
import { beginsAtOwner } from './begin.decide.ts';
import { tendedFacts } from './explain-applications.ts';
import { blockingFact, otherWayFact } from './explain-causes.ts';
import { sentenceOf } from './explain-sentence.ts';
import { type FoundTask, findTask } from './task-lookup.ts';
import type { Asked, WorkflowInstanceContext, WorkflowInstanceStatus } from './workflow-instance.state.ts';

type Explanation = { task: TaskName; status: TaskStatus; sentence: string; facts: Fact[] };

/** Tasks that a fact names; a longer list is cut off. */
const tasksNamedMax = 20;

type Run = { value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

/** Undefined when the run has no task of that name. */
export function explain(plan: Plan, run: Run, name: TaskName): Explanation | undefined {
  const found = findTask(plan, run.context, name);
  if (found === undefined) return undefined;
  const { state } = found;
  const facts = [
    ...ownFacts(plan, run, found),
    ...pauseFacts(run.context, state),
    ...isolationFacts(plan, run.context, found),
    ...applicationFacts(state.context),
  ];
  const { status } = state;
  return { task: name, status, sentence: sentenceOf({ task: name, status, runStatus: run.value, facts }), facts };
}

function ownFacts(plan: Plan, run: Run, { planned: task, state }: FoundTask): Fact[] {
  const { context } = run;
  switch (state.status) {
    case 'waiting':
      if (task.item !== undefined) return turnFacts(plan, context, task.item);
      return [...(run.value === 'queued' ? [{ kind: 'queuedRun' } as const] : []), ...waitFacts(context, task)];
    case 'ready':
      return readyFacts(context, task, state.context);
    case 'delayed':
      return state.context.dueAt === null ? [] : [{ kind: 'delayed', dueAt: state.context.dueAt }];
    case 'assigned':
    case 'accepted':
    case 'running':
      return attemptFacts(state.context);
    case 'awaiting':
      return awaitFacts(state.context);
    case 'expanded':
      return itemsFacts(task, state.context);
    case 'absent':
      return [...absenceFacts(state.context), ...tendedFacts(state.context), ...attemptFacts(state.context)];
    case 'cancelling':
      return [
        ...endingFacts(run, state),
        ...tendedFacts(state.context),
        ...awaitFacts(state.context),
        ...itemsFacts(task, state.context),
        ...attemptFacts(state.context),
      ];
    case 'backingOff':
      return backOffFacts(task, state.context);
    case 'succeeded':
      return [...successFacts(context, task, state.context), ...endFacts(state.context)];
    case 'failed':
      return [...faultFacts(state.context), ...lastAttemptFacts(state.context), ...endFacts(state.context)];
    case 'stopped':
      return [...endingFacts(run, state), ...lastAttemptFacts(state.context), ...endFacts(state.context)];
    case 'blocked':
      return [blockingFact(plan, context, task)];
    case 'skipped':
      return skipFacts(plan, context, { planned: task, state });
  }
}

function waitFacts(context: WorkflowInstanceContext, task: PlannedTask): Fact[] {
  const open = task.needs.filter((need) => !hasEnded(at(context.tasks, need).status));
  if (open.length === 0) return [];
  const tasks = open.slice(0, tasksNamedMax).map((need) => {
    const { status, context: needed } = at(context.tasks, need);
    return { task: needed.task, status };
  });
  return [{ kind: 'waitsFor', tasks, count: open.length }];
}

function readyFacts(context: WorkflowInstanceContext, task: PlannedTask, state: TaskContext): Fact[] {
  const { workerGroup: group, priority: own } = task.definition;
  const limit = state.queue === null ? [] : [{ kind: 'queueLimit' as const, ...state.queue }];
  if (state.held !== null) return [{ kind: 'held', ...state.held }, ...limit];
  if (beginsAtOwner(task, context)) return [{ kind: 'waitsForDecision' }, ...limit];
  const priority = state.priority ?? context.priority ?? own;
  return [{ kind: 'waitsForWorker', group, priority }, ...limit];
}

/** Of an item that has not begun. */
function turnFacts(plan: Plan, { tasks }: WorkflowInstanceContext, { map }: ItemPlace): Fact[] {
  const { definition } = plan.tasks[map] as PlannedTask;
  const { status, context } = at(tasks, map);
  const limit = definition.settings.type === 'map' ? definition.settings.concurrency : undefined;
  const atATime = limit === undefined ? {} : { concurrency: limit };
  return [{ kind: 'itemTurn', map: definition.name, status, ...atATime, ...endsOf(context) }];
}

function itemsFacts({ definition }: PlannedTask, context: TaskContext): Fact[] {
  if (context.expansion === null) return [];
  const limit = definition.settings.type === 'map' ? definition.settings.concurrency : undefined;
  return [{ kind: 'items', ...(limit === undefined ? {} : { concurrency: limit }), ...endsOf(context) }];
}

function endsOf({ expansion }: TaskContext): { count: number; ended: number; failed: number } {
  if (expansion === null) return { count: 0, ended: 0, failed: 0 };
  const { succeeded, failed, stopped, skipped } = expansion.counts;
  return { count: expansion.items.length, ended: succeeded + failed + stopped + skipped, failed: failed + stopped };
}

function attemptFacts({ current, attempt, startedAt, timeoutAt }: TaskContext): Fact[] {
  if (current === null) return [];
  const { attemptId, worker } = current;
  const started = startedAt === null ? {} : { startedAt };
  return [{ kind: 'attempt', attempt, attemptId, worker, ...started, ...(timeoutAt === null ? {} : { timeoutAt }) }];
}

/** Of an ended task. An earlier round's attempt is not the reason of this end. */
function lastAttemptFacts({ last, attempt, startedAt }: TaskContext): Fact[] {
  if (last === null || startedAt === null) return [];
  return [{ kind: 'attempt', attempt, attemptId: last.attemptId, worker: last.worker, startedAt }];
}

function awaitFacts({ awaiting }: TaskContext): Fact[] {
  if (awaiting === null) return [];
  const { awaits, since, dueAt } = awaiting;
  return [{ kind: 'awaits', awaits, since, ...(dueAt === null ? {} : { dueAt }) }];
}

function absenceFacts({ absence }: TaskContext): Fact[] {
  if (absence === null) return [];
  const { since, dueAt, reason } = absence;
  return [{ kind: 'absent', since, ...(dueAt === null ? {} : { dueAt }), fault: reason }];
}

function backOffFacts({ definition }: PlannedTask, { failures, dueAt, fault }: TaskContext): Fact[] {
  if (dueAt === null) return [];
  const known = fault === null ? {} : { fault };
  return [{ kind: 'backsOff', failures, attemptsMax: definition.retry.attempts, dueAt, ...known }];
}

/** By whom or by what the task, or the run around it, is being ended or was. */
function endingFacts({ value, context }: Run, { context: state }: TaskState): Fact[] {
  if (state.cancelReason === 'timeout') return [{ kind: 'timedOut' }];
  if (state.stop !== null) return [{ kind: 'stoppedBy', scope: 'task', ...personOf(state.stop) }];
  if (context.timedOut === 'fail') return [{ kind: 'runEnded', cause: 'timeout', failedTasks: [] }];
  if (context.stop !== null) return [{ kind: 'stoppedBy', scope: 'run', ...personOf(context.stop) }];
  if (value !== 'ending' && value !== 'failed') return [];
  return [{ kind: 'runEnded', cause: 'failure', failedTasks: [...context.failedTasks] }];
}

function successFacts({ dryRun }: WorkflowInstanceContext, task: PlannedTask, state: TaskContext): Fact[] {
  if (state.forcedBy !== null) return [{ kind: 'forcedBy', ...personOf(state.forcedBy) }];
  if (state.branch !== null) return [{ kind: 'tookWay', choice: state.branch.choice, next: [...state.branch.next] }];
  if (state.cached !== null) return [{ kind: 'cached', source: state.cached }];
  return dryRun ? [{ kind: 'dryRun' }] : [...answerFacts(task, state), ...lastAttemptFacts(state)];
}

/** What the task waited for; who approved stands in its outputs. */
function answerFacts({ definition: { settings } }: PlannedTask, { outputs }: TaskContext): Fact[] {
  if (settings.type === 'signal') return [{ kind: 'signalCame', name: settings.name }];
  if (settings.type !== 'approval' || typeof outputs?.by !== 'string') return [];
  const { by, comment } = outputs;
  return [{ kind: 'approvedBy', by, ...(typeof comment === 'string' ? { reason: comment } : {}) }];
}

function faultFacts({ fault }: TaskContext): Fact[] {
  return fault === null ? [] : [{ kind: 'failedWith', fault }];
}

function endFacts({ finishedAt }: TaskContext): Fact[] {
  return finishedAt === null ? [] : [{ kind: 'ended', finishedAt }];
}

function skipFacts(plan: Plan, context: WorkflowInstanceContext, { planned: task, state }: FoundTask): Fact[] {
  const { skip } = state.context;
  switch (skip?.why) {
    case 'branch':
      return [otherWayFact(plan, context, task)];
    case 'disabled':
      return [{ kind: 'disabled' }];
    case 'notSelected':
      return [{ kind: 'notSelected' }];
    case 'person':
      return [{ kind: 'skippedBy', ...personOf(skip) }];
    case undefined:
      return [];
  }
}

function pauseFacts({ pause }: WorkflowInstanceContext, { status }: TaskState): Fact[] {
  return pause === null || hasEnded(status) ? [] : [{ kind: 'paused', ...personOf(pause) }];
}

/** The isolated ones among the task and all that it needs, near and far. */
function isolationFacts(plan: Plan, context: WorkflowInstanceContext, { planned, state: found }: FoundTask): Fact[] {
  const { status, context: state } = found;
  if (state.isolations === 0 || hasEnded(status)) return [];
  const needed = new Set([planned.item?.map ?? planned.index]);
  for (const index of needed) for (const need of plan.tasks[index]?.needs ?? []) needed.add(need);
  const tasks = context.isolated.filter(({ task }) => task === state.task || needed.has(plan.indexOf(task) ?? -1));
  return [
    {
      kind: 'isolated',
      tasks: tasks.slice(0, tasksNamedMax).map((asked) => ({ task: asked.task, ...personOf(asked) })),
    },
  ];
}

function applicationFacts({ applications }: TaskContext): Fact[] {
  if (applications.length === 0) return [];
  const newest = applications.slice(-tasksNamedMax);
  return [{ kind: 'applications', applications: newest, count: applications.length }];
}

function personOf({ by, reason }: Pick<Asked, 'by' | 'reason'>): { by: string; reason?: string } {
  return { by, ...(reason === null ? {} : { reason }) };
}
