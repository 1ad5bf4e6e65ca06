/** Folds one event into one task. The only place that turns stored task states into XState snapshots and back. */
import type { SnapshotFrom } from 'xstate';
import type { TaskName } from '../../schemas/ids.ts';
import { pureMachine } from '../kit/machine-fold.ts';
import type { TaskEffect } from './task-instance.effects.ts';
import { taskInstanceMachine } from './task-instance.machine.ts';
import { type TaskMachineEvent, type TaskState, type TaskStatus, waitingTask } from './task-instance.state.ts';

type TaskSnapshot = SnapshotFrom<typeof taskInstanceMachine>;

const machine = pureMachine<TaskSnapshot>(taskInstanceMachine, waitingTask('none' as TaskName, 0).context);

export type FoldedTask = { state: TaskState; effects: TaskEffect[] };

/**
 * One event passes here up to three times: for its decision, for the run's guard, and for the fold. The function is pure,
 * so the last answer serves all three.
 */
let last: { state: TaskState; event: TaskMachineEvent; folded: FoldedTask } | undefined;

/** Whether the task can take the event in this state: taking one always makes a new state. */
export function canTaskTake(state: TaskState, event: TaskMachineEvent): boolean {
  const { status, context } = foldTask(state, event).state;
  return status !== state.status || context !== state.context;
}

/** The task after the event, and what is owed because of it. An event that it cannot take changes nothing. */
export function foldTask(state: TaskState, event: TaskMachineEvent): FoldedTask {
  if (last !== undefined && last.state === state && last.event === event) return last.folded;
  const folded = transition(state, event);
  last = { state, event, folded };
  return folded;
}

function transition(state: TaskState, event: TaskMachineEvent): FoldedTask {
  const { snapshot, actions } = machine.transition(machine.at(state.status, state.context), event);
  const task = state.context.task;
  return {
    state: { status: snapshot.value as TaskStatus, context: snapshot.context },
    // Reason for the cast: the machine's setup types each action's params as the effect of that name has them.
    effects: actions.map(({ type, params }) => ({ type, task, ...(params as object | undefined) }) as TaskEffect),
  };
}
