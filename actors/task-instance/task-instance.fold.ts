/** Folds one event into one task. The only place that turns stored task states into XState snapshots and back. */
import type { SnapshotFrom } from 'xstate';
import type { TaskName } from '../../schemas/ids.ts';
import { pureMachine } from '../kit/machine-fold.ts';
import type { TaskEffect } from './task-instance.effects.ts';
import {
  type TaskMachineEvent,
  type TaskState,
  type TaskStatus,
  taskInstanceMachine,
  waitingTask,
} from './task-instance.machine.ts';

type TaskSnapshot = SnapshotFrom<typeof taskInstanceMachine>;

const machine = pureMachine<TaskSnapshot>(taskInstanceMachine, waitingTask('none' as TaskName, 0).context);

/** Whether the task can take the event in this state. */
export function canTaskTake(state: TaskState, event: TaskMachineEvent): boolean {
  return snapshotOf(state).can(event);
}

/** The task after the event, and what is owed because of it. An event that it cannot take changes nothing. */
export function foldTask(state: TaskState, event: TaskMachineEvent): { state: TaskState; effects: TaskEffect[] } {
  const next = machine.transition(snapshotOf(state), event);
  const task = state.context.task;
  return {
    state: { status: next.snapshot.value as TaskStatus, context: next.snapshot.context },
    // Reason for the cast: the machine's setup types each action's params as the effect of that name has them.
    effects: next.actions.map(({ type, params }) => ({ type, task, ...(params as object | undefined) }) as TaskEffect),
  };
}

function snapshotOf(state: TaskState): TaskSnapshot {
  return taskInstanceMachine.resolveState({ value: state.status, context: state.context });
}
