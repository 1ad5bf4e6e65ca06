/**
 * A run goes on by another version. What has begun or ended stays as it is; every other task waits as a task of the new
 * version, and hears at once of what had ended before. Visits all tasks, once.
 */
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { entries, vectorOf } from '../kit/persistent-vector.ts';
import { noTasks, type TaskState, waitingTask } from '../task-instance/task-instance.state.ts';
import { draftOf, finish, type Propagated } from './run-draft.ts';
import { hasTried, settleAnew, withDescendants } from './steering.ts';
import type { WorkflowInstanceContext, WorkflowInstanceStatus } from './workflow-instance.state.ts';

type Versions = { from: Plan; to: Plan };
type Run = { value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

/** Nothing has become of it since it last began to wait: it may be another task, or none. */
export function isUntouched({ status, context }: TaskState): boolean {
  return status === 'waiting' || (status === 'ready' && !hasTried(context) && !context.isDelayOver);
}

export function propagateMove(
  { from, to }: Versions,
  { value, context }: Run,
  { to: definition, definition: movedTo }: WorkflowInstanceEventOf<'WorkflowMoved'>['data'],
): Propagated {
  const isolated = context.isolated.filter(({ task }) => to.find(task) !== undefined);
  const tasks = tasksOf(to, { ...context, isolated }, isolationCounts(to, isolated));
  const params = movedParams(from.definition, to.definition, context);
  const base = { ...context, definition, movedTo, params, isolated, tasks: vectorOf(tasks), ...countsOf(to, tasks) };
  const draft = draftOf(to, base);
  // A run that was never admitted begins when it is.
  const begins = value !== 'queued' || context.round > 0;
  if (begins) settleAnew(draft, new Set([...tasks.keys()].filter((index) => tasks[index]?.status === 'waiting')));
  const moved = finish(base, draft, 0);
  return { ...moved, effects: moved.effects.filter(({ type }) => type === 'concludeWorkflow') };
}

/** The value that was given, or the default of the version. */
export function movedParams(
  from: WorkflowDefinition,
  to: WorkflowDefinition,
  context: Pick<WorkflowInstanceContext, 'params' | 'given'>,
): JsonRecord {
  const given = givenNames(from, context);
  const isKept = (name: string) => given.includes(name) && Object.hasOwn(context.params, name);
  const paramOf = (name: string) => (isKept(name) ? context.params[name] : to.params[name]) ?? null;
  return Object.fromEntries(Object.keys(to.params).map((name) => [name, paramOf(name)]));
}

/** Runs from before it was noted: what differs from the default was given. */
export function givenNames(
  { params: defaults }: WorkflowDefinition,
  { params, given }: Pick<WorkflowInstanceContext, 'params' | 'given'>,
): readonly string[] {
  if (given !== null) return given;
  return Object.keys(params).filter((name) => JSON.stringify(params[name]) !== JSON.stringify(defaults[name]));
}

function tasksOf(to: Plan, context: WorkflowInstanceContext, isolations: ReadonlyMap<number, number>): TaskState[] {
  const former = new Map<TaskName, TaskState>();
  for (const [, state] of entries(context.tasks)) former.set(state.context.task, state);
  return to.tasks.map((task) => {
    const state = stateOf(task, former.get(task.definition.name));
    return withIsolations(state, isolations.get(task.index) ?? 0, context.isolated);
  });
}

/** Items are held back with their map, and by their own names. */
function withIsolations(
  { status, context }: TaskState,
  isolations: number,
  isolated: WorkflowInstanceContext['isolated'],
): TaskState {
  const { expansion } = context;
  if (expansion === null) return { status, context: { ...context, isolations } };
  const items = [...entries(expansion.items)].map(([, item]) => {
    const isNamed = isolated.some(({ task }) => task === item.context.task);
    return { ...item, context: { ...item.context, isolations: isolations + Number(isNamed) } };
  });
  return { status, context: { ...context, isolations, expansion: { ...expansion, items: vectorOf(items) } } };
}

function stateOf({ definition, needs }: PlannedTask, former: TaskState | undefined): TaskState {
  const fresh = waitingTask(definition.name, needs.length, definition.enabled);
  if (former === undefined) return fresh;
  if (!isUntouched(former)) return former;
  const { round, attempt, last, priority } = former.context;
  return { status: 'waiting', context: { ...fresh.context, round, attempt, last, priority } };
}

function isolationCounts(to: Plan, isolated: WorkflowInstanceContext['isolated']): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { task } of isolated) {
    const index = to.indexOf(task);
    if (index === undefined) continue;
    for (const one of withDescendants(to, new Set([index]))) counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  return counts;
}

function countsOf(to: Plan, tasks: readonly TaskState[]): Pick<WorkflowInstanceContext, 'counts' | 'handledCount'> {
  const counts = { ...noTasks };
  for (const { status } of tasks) counts[status] += 1;
  return { counts, handledCount: tasks.filter((state, index) => isHandled(to, state, index)).length };
}

const isHandled = (to: Plan, { status }: TaskState, index: number) =>
  (status === 'failed' || status === 'stopped') && to.tasks[index]?.isFailureHandled === true;
