/** The run under change: private to one event, so that it may be written in place. */
import type { Plan } from '../graph/plan.ts';
import { at, type PersistentVector, withAt } from '../kit/persistent-vector.ts';
import type { TaskEffect } from '../task-instance/task-instance.effects.ts';
import { foldTask } from '../task-instance/task-instance.fold.ts';
import type { TaskMachineEvent, TaskState, TaskStatus } from '../task-instance/task-instance.state.ts';
import type { WorkflowInstanceEffect } from './workflow-instance.effects.ts';
import { isComplete, liveCount, type WorkflowInstanceContext } from './workflow-instance.state.ts';

export type Propagated = { context: WorkflowInstanceContext; effects: WorkflowInstanceEffect[] };

export type Draft = {
  plan: Plan;
  tasks: PersistentVector<TaskState>;
  counts: Record<TaskStatus, number>;
  handledCount: number;
  liveItemCount: number;
  failedTasks: WorkflowInstanceContext['failedTasks'];
  /** Nothing is placed while a run pauses. */
  isPaused: boolean;
  effects: WorkflowInstanceEffect[];
};

export function draftOf(plan: Plan, context: WorkflowInstanceContext): Draft {
  const { tasks, failedTasks, handledCount, liveItemCount, pause } = context;
  return {
    plan,
    tasks,
    counts: { ...context.counts },
    handledCount,
    liveItemCount,
    failedTasks,
    isPaused: pause !== null,
    effects: [],
  };
}

export const stateAt = (draft: Draft, index: number): TaskState => at(draft.tasks, index);

/** Folds one event into one task of the draft and answers its status after it. */
export function change(draft: Draft, index: number, event: TaskMachineEvent): TaskStatus {
  const before = at(draft.tasks, index);
  const { state, effects } = foldTask(before, event);
  draft.tasks = withAt(draft.tasks, index, state);
  if (before.status !== state.status) count(draft, index, before.status, state.status);
  addEffects(draft, state, effects);
  return state.status;
}

/** Nothing is placed that a person holds back. */
export function addEffects(draft: Draft, { context }: TaskState, effects: readonly TaskEffect[]): void {
  for (const effect of effects) {
    const isHeldBack = effect.type === 'placeTask' && (draft.isPaused || context.isolations > 0);
    if (!isHeldBack) draft.effects.push(effect);
  }
}

function count(draft: Draft, index: number, before: TaskStatus, after: TaskStatus): void {
  draft.counts[before] -= 1;
  draft.counts[after] += 1;
  if (draft.plan.tasks[index]?.isFailureHandled !== true) return;
  draft.handledCount += Number(isBad(after)) - Number(isBad(before));
}

const isBad = (status: TaskStatus) => status === 'failed' || status === 'stopped';

/** @param eventCount 1 where the event is counted here, 0 where another action of its transition counts it. */
export function finish(context: WorkflowInstanceContext, draft: Draft, eventCount: 0 | 1): Propagated {
  const { tasks, counts, handledCount, liveItemCount, failedTasks, effects } = draft;
  const next = {
    ...context,
    eventCount: context.eventCount + eventCount,
    tasks,
    counts,
    handledCount,
    liveItemCount,
    failedTasks,
  };
  if (isComplete(next)) effects.push({ type: 'concludeWorkflow' });
  else if (next.pause !== null && liveCount(next) === 0) effects.push({ type: 'concludePause' });
  return { context: next, effects };
}
