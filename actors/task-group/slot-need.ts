/** What a task of a run needs of a task group: derived from the state of the run alone (I8). */
import type { SlotHolder } from '../../schemas/events/task-group.events.ts';
import type { InstanceId, TaskGroupName, TaskName } from '../../schemas/ids.ts';
import type { Plan } from '../graph/plan.ts';
import { definedNameOf } from '../map/item-name.ts';
import { hasEnded, type TaskState, type TaskStatus } from '../task-instance/task-instance.state.ts';
import { allItems, findTask } from '../workflow-instance/task-lookup.ts';
import type { WorkflowInstanceContext, WorkflowInstanceStatus } from '../workflow-instance/workflow-instance.state.ts';

export type SlotNeed = { group: TaskGroupName; slots: number; holder: SlotHolder };

/** A run as far as its slots go. */
export type SlotRun = {
  instance: InstanceId;
  plan: Plan;
  value: WorkflowInstanceStatus;
  context: WorkflowInstanceContext;
};

const withAttempt: readonly TaskStatus[] = ['assigned', 'accepted', 'running', 'absent', 'cancelling'];

/** The slots that the task needs in this state; undefined when it needs none now, or never. */
export function slotNeedOf(run: SlotRun, task: TaskName): SlotNeed | undefined {
  const found = groupTask(run, task);
  if (found === undefined) return undefined;
  const { group, slots, state } = found;
  const mayBePlaced = state.status === 'ready' && run.value === 'active' && state.context.isolations === 0;
  if (!mayBePlaced && !withAttempt.includes(state.status)) return undefined;
  return { group, slots, holder: holderOf(run.instance, state) };
}

/** Turns of the task that may have held slots and are over: to be given back once more by an owner who cannot know. */
export function pastTurns(run: SlotRun, task: TaskName): SlotNeed[] {
  const found = groupTask(run, task);
  if (found === undefined) return [];
  const { group, slots, state } = found;
  const holder = holderOf(run.instance, state);
  const turns = slotNeedOf(run, task) === undefined ? [holder] : [];
  if (holder.turn > 0) turns.push({ ...holder, turn: holder.turn - 1 });
  return turns.map((turn) => ({ group, slots, holder: turn }));
}

/** True when the holder can never need its slots again, whatever becomes of the run. */
export function isTurnOver({ plan, context }: Pick<SlotRun, 'plan' | 'context'>, holder: SlotHolder): boolean {
  const found = findTask(plan, context, holder.task);
  if (found === undefined) return true;
  const { status, context: task } = found.state;
  if (task.round !== holder.round) return task.round > holder.round;
  return task.failures > holder.turn || hasEnded(status);
}

/** Whether the task, or the items of the map, ever need slots. */
export function usesGroup(plan: Plan, task: TaskName): boolean {
  return hasGroupTasks(plan) && groupTasksOf(plan).has(definedNameOf(task));
}

export function hasGroupTasks(plan: Plan): boolean {
  return groupTasksOf(plan).size > 0;
}

/** The tasks of the run that have a group, items included. */
export function groupTasksIn({ plan, context }: Pick<SlotRun, 'plan' | 'context'>): TaskName[] {
  const names: TaskName[] = [];
  for (const name of groupTasksOf(plan)) {
    const found = findTask(plan, context, name);
    if (found?.planned.definition.settings.type !== 'map') names.push(name);
    else for (const [, item] of allItems(found.state)) names.push(item.context.task);
  }
  return names;
}

/** The tasks of the plan that have a group, or whose items do. Found once for each plan: most have none. */
function groupTasksOf(plan: Plan): ReadonlySet<TaskName> {
  const known = groupTasks.get(plan);
  if (known !== undefined) return known;
  const names = new Set<TaskName>();
  for (const { definition } of plan.tasks) {
    const { settings } = definition;
    const { group } = settings.type === 'map' ? settings.task : definition;
    if (group !== undefined) names.add(definition.name);
  }
  groupTasks.set(plan, names);
  return names;
}

const groupTasks = new WeakMap<Plan, ReadonlySet<TaskName>>();

function groupTask({ plan, context }: SlotRun, task: TaskName) {
  if (!usesGroup(plan, task)) return undefined;
  const found = findTask(plan, context, task);
  const use = found?.planned.definition.group;
  if (found === undefined || use === undefined) return undefined;
  return { group: use.name, slots: use.slots ?? 1, state: found.state };
}

function holderOf(instance: InstanceId, { context: { task, round, failures } }: TaskState): SlotHolder {
  return { instance, task, round, turn: failures };
}
