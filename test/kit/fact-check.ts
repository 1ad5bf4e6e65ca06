/** Whether a fact of an explanation is true in the state: looked up plainly, and apart from the code that found it. */
import type { Plan } from '../../actors/graph/plan.ts';
import { at, entries } from '../../actors/kit/persistent-vector.ts';
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceContext } from '../../actors/workflow-instance/workflow-instance.state.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { Fact } from '../../schemas/messages/explanation.messages.ts';

function isDelay(
  fact: Extract<Fact, { kind: 'delayed' | 'backsOff' }>,
  status: string,
  { failures }: TaskState['context'],
) {
  return fact.kind === 'delayed' ? status === 'delayed' : status === 'backingOff' && failures === fact.failures;
}

function isAbsence(fact: Tended | Extract<Fact, { kind: 'absent' }>, status: string, state: TaskState['context']) {
  return fact.kind === 'tended' ? isTended(fact, state) : status === 'absent' && state.absence?.since === fact.since;
}

type Tended = Extract<Fact, { kind: 'tended' }>;

function isTended({ applications, since }: Tended, { tended }: TaskState['context']): boolean {
  if (tended === undefined || since !== tended.orphan?.since) return false;
  const isSeen = ({ cluster, id, state }: Tended['applications'][number]) =>
    tended.seen.some((one) => one.cluster === cluster && (one.id ?? undefined) === id && one.state === state);
  return applications.length === tended.seen.length && applications.every(isSeen);
}

type Run = { plan: Plan; value: string; context: WorkflowInstanceContext };

const ends = ['succeeded', 'failed', 'stopped', 'blocked', 'skipped'];

export function isTrue(fact: Fact, run: Run, task: TaskName): boolean {
  const { context } = run;
  const { status, context: state } = stateOf(run, task);
  const definition = definitionOf(run, task);
  switch (fact.kind) {
    case 'waitsFor':
      return isOpen(fact, run, task);
    case 'queuedRun':
      return run.value === 'queued';
    case 'paused':
      return isBy(fact, context.pause);
    case 'isolated':
      return areIsolated(fact, run, task);
    case 'held':
      return status === 'ready' && state.held?.code === fact.code && state.held.message === fact.message;
    case 'waitsForWorker':
      return status === 'ready' && definition?.workerGroup === fact.group;
    case 'waitsForDecision':
      return status === 'ready';
    case 'queueLimit':
      return status === 'ready' && state.queue?.since === fact.since && state.queue.dueAt === fact.dueAt;
    case 'delayed':
    case 'backsOff':
      return state.dueAt === fact.dueAt && isDelay(fact, status, state);
    case 'attempt':
      return state.last?.attemptId === fact.attemptId && state.last.worker === fact.worker;
    case 'awaits':
      return state.awaiting?.since === fact.since && state.awaiting.awaits.kind === fact.awaits.kind;
    case 'itemTurn':
    case 'items':
      return areItemsNow(fact, run, task);
    case 'applications':
      return areApplications(fact, state.applications);
    case 'tended':
    case 'absent':
      return isAbsence(fact, status, state);
    case 'timedOut':
      return state.cancelReason === 'timeout';
    case 'stoppedBy':
      return isBy(fact, (fact.scope === 'task' ? state : context).stop);
    case 'runEnded':
      return isEndedBy(fact.cause, run);
    case 'blockedBy':
      return fact.causes.length > 0 && fact.causes.every((one) => isCause(run, one, task));
    case 'otherWay':
      return fact.taken.length > 0 && fact.taken.every((one) => isUpstream(run, one.task, task) && tookWay(run, one));
    case 'disabled':
      return definition?.enabled === false;
    case 'notSelected':
      return state.passOver === 'notSelected';
    case 'skippedBy':
      return status === 'skipped' && state.skip?.why === 'person' && state.skip.by === fact.by;
    case 'forcedBy':
      return status === 'succeeded' && isBy(fact, state.forcedBy);
    case 'tookWay':
      return state.branch?.choice === fact.choice;
    case 'approvedBy':
      return hasAnswer(run, task, 'approval', 'by');
    case 'signalCame':
      return hasAnswer(run, task, 'signal', 'payload');
    case 'dryRun':
      return context.dryRun;
    case 'cached':
      return status === 'succeeded' && state.cached?.attemptId === fact.source.attemptId;
    case 'failedWith':
      return status === 'failed' && state.fault?.message === fact.fault.message;
    case 'ended':
      return ends.includes(status) && state.finishedAt === fact.finishedAt;
  }
}

function areIsolated({ tasks }: Extract<Fact, { kind: 'isolated' }>, run: Run, task: TaskName): boolean {
  return tasks.length > 0 && tasks.every((one) => isUpstream(run, one.task, task) && isIsolated(run.context, one));
}

function areApplications(
  { applications, count }: Extract<Fact, { kind: 'applications' }>,
  known: TaskState['context']['applications'],
): boolean {
  return count === known.length && applications.every(({ id }) => known.some((one) => one.id === id));
}

function hasAnswer(run: Run, task: TaskName, type: string, output: string): boolean {
  const { status, context } = stateOf(run, task);
  const definition = run.plan.definition.tasks.find(({ name }) => name === task);
  return status === 'succeeded' && definition?.settings.type === type && Object.hasOwn(context.outputs ?? {}, output);
}

function definitionOf({ plan }: Run, task: TaskName) {
  const { tasks } = plan.definition;
  const settings = tasks.find(({ name }) => task.startsWith(`${name}[`))?.settings;
  if (settings?.type === 'map') return { ...settings.task, enabled: true };
  return tasks.find(({ name }) => name === task);
}

/** Counted anew. */
function areItemsNow(fact: Extract<Fact, { kind: 'items' | 'itemTurn' }>, run: Run, task: TaskName): boolean {
  const map = stateOf(run, fact.kind === 'items' ? task : fact.map);
  if (fact.kind === 'itemTurn' && (map.status !== fact.status || stateOf(run, task).status !== 'waiting')) return false;
  const { expansion } = map.context;
  const states = expansion === null ? [] : [...entries(expansion.items)].map(([, { status }]) => status);
  const failed = states.filter((status) => status === 'failed' || status === 'stopped');
  const ended = states.filter((status) => ends.includes(status));
  return fact.count === states.length && fact.failed === failed.length && fact.ended === ended.length;
}

function isOpen(fact: Extract<Fact, { kind: 'waitsFor' }>, run: Run, task: TaskName): boolean {
  const needs = run.plan.definition.tasks.find(({ name }) => name === task)?.needs ?? [];
  const open = needs.filter((need) => !ends.includes(stateOf(run, need).status));
  return fact.count === open.length && fact.tasks.every((named) => open.includes(named.task) && isNow(run, named));
}

function isEndedBy(cause: 'failure' | 'timeout', { value, context }: Run): boolean {
  return cause === 'timeout' ? context.timedOut === 'fail' : value === 'ending' || value === 'failed';
}

function stateOf({ plan, context }: Run, task: TaskName): TaskState {
  const [, map = '', item] = /^(.+)\[(\d+)\]$/.exec(task) ?? [];
  if (item === undefined) return at(context.tasks, plan.indexOf(task) ?? -1);
  const { expansion } = at(context.tasks, plan.indexOf(map as TaskName) ?? -1).context;
  if (expansion === null) throw new Error(`the map ${map} has no items`);
  return at(expansion.items, Number(item));
}

function isNow(run: Run, { task, status }: { task: TaskName; status: string }): boolean {
  return stateOf(run, task).status === status;
}

function isCause(run: Run, cause: { task: TaskName; status: string }, task: TaskName): boolean {
  return isUpstream(run, cause.task, task) && isNow(run, cause) && ['failed', 'stopped'].includes(cause.status);
}

function tookWay(run: Run, { task, choice }: { task: TaskName; choice: string }): boolean {
  return stateOf(run, task).context.branch?.choice === choice;
}

function isIsolated({ isolated }: WorkflowInstanceContext, { task, by }: { task: TaskName; by: string }): boolean {
  return isolated.some((one) => one.task === task && one.by === by);
}

function isBy(
  { by, reason }: { by: string; reason?: string | undefined },
  asked: { by: string; reason: string | null } | null,
): boolean {
  return asked !== null && asked.by === by && asked.reason === (reason ?? null);
}

/** The task itself, or something that it needs, near or far. */
function isUpstream(run: Pick<Run, 'plan'>, upstream: TaskName, task: TaskName): boolean {
  if (upstream === task) return true;
  const needs = run.plan.definition.tasks.find(({ name }) => name === task)?.needs ?? [];
  return needs.some((need) => isUpstream(run, upstream, need));
}
