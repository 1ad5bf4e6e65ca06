/** Tasks that wait for an answer from outside: how they begin, and what the answer means. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Awaited, Fault, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import { nextDelayMs } from '../retry/next-delay.ts';
import { legal } from './task-instance.decide.ts';
import type { TaskEvent, TaskState } from './task-instance.state.ts';

type ConcludeTask = Extract<WorkflowInstanceCommand, { type: 'ConcludeTask' }>;
type Begin = { now: number; attemptId: AttemptId };
type Concluded = WorkflowInstanceEventOf<'TaskConcluded'>;

export function awaitsOf(
  { name: task, timeoutMs }: TaskDefinition,
  state: TaskState,
  awaits: Awaited,
  { now, attemptId }: Begin,
): WorkflowInstanceEventOf<'TaskAwaits'> {
  const due = timeoutMs === undefined ? {} : { dueAt: now + timeoutMs };
  const attempt = state.context.attempt + 1;
  return { type: 'TaskAwaits', data: { task, attemptId, attempt, since: now, ...due, awaits } };
}

export function decideConclusion(definition: TaskDefinition, state: TaskState, command: ConcludeTask): TaskEvent[] {
  const { task, attemptId, now, result, outputs, fault, evidence } = command;
  const noted = evidence === undefined ? {} : { evidence };
  const common = { task, attemptId, finishedAt: now, ...noted };
  if (result === 'succeeded') {
    return legal(state, { type: 'TaskConcluded', data: { ...common, result, outputs: outputs ?? {} } });
  }
  if (result === 'stopped' && state.context.cancelReason === 'stop') {
    return legal(state, { type: 'TaskConcluded', data: { ...common, result } });
  }
  return legal(
    state,
    concludedBadly(definition, state, { ...command, fault: faultOf(definition, state, fault), ...noted }),
  );
}

/** What was stopped from elsewhere, or because it took too long, has failed. */
function faultOf({ timeoutMs }: TaskDefinition, { context }: TaskState, fault: Fault | undefined): Fault {
  if (context.cancelReason === 'timeout') {
    return { code: 'TASK_TIMED_OUT', message: `took longer than its timeout of ${timeoutMs ?? 0} ms` };
  }
  return fault ?? { code: 'TASK_CANCELLED', message: 'what it waited for was stopped' };
}

/** A failure, with the next attempt if there is one. */
export function concludedBadly(
  definition: TaskDefinition,
  { context }: TaskState,
  end: { task: TaskName; attemptId: AttemptId; now: number; random: number; fault: Fault; evidence?: string },
): Concluded {
  const { task, attemptId, now, random, fault, evidence } = end;
  const isFinal = context.cancelReason === 'stop';
  const delayMs = isFinal ? undefined : nextDelayMs(definition.retry, context.failures + 1, random);
  return {
    type: 'TaskConcluded',
    data: {
      task,
      attemptId,
      finishedAt: now,
      result: 'failed',
      fault,
      ...(delayMs === undefined ? {} : { retry: { delayMs, dueAt: now + delayMs } }),
      ...(evidence === undefined ? {} : { evidence }),
    },
  };
}
