/** What a worker's report, a rejection, a loss or a timer means for one task: the events of it, or none. Never throws. */

import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Fault, WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { nextDelayMs } from '../retry/next-delay.ts';
import { canTaskTake } from './task-instance.fold.ts';
import { type TaskState, timerIds } from './task-instance.machine.ts';

type CommandOf<T extends WorkflowInstanceCommand['type']> = Extract<WorkflowInstanceCommand, { type: T }>;
export type TaskEvent = Extract<WorkflowInstanceEvent, { type: `Task${string}` }>;

/** A report as events. A report that the task cannot take is old or repeated: no event, but it may be acked (T1). */
export function decideReport(
  definition: TaskDefinition,
  state: TaskState,
  command: CommandOf<'RecordReport'>,
): TaskEvent[] {
  return legal(state, reportEvent(definition, state, command));
}

export function decideTimer(state: TaskState, { timerId, task, now }: CommandOf<'FireTimer'>): TaskEvent[] {
  const { context } = state;
  if (timerId === timerIds.retry(task, context.failures)) return legal(state, { type: 'TaskRetryDue', data: { task } });
  const attemptId = context.current?.attemptId;
  if (attemptId === undefined || timerId !== timerIds.timeout(attemptId)) return [];
  return legal(state, { type: 'TaskTimedOut', data: { task, attemptId, timedOutAt: now } });
}

export function decideLoss(state: TaskState, command: CommandOf<'LoseAttempt'>): TaskEvent[] {
  return legal(state, lossOf(state, command));
}

function reportEvent(definition: TaskDefinition, state: TaskState, command: CommandOf<'RecordReport'>): TaskEvent {
  const { report, now } = command;
  const { task, attemptId } = report;
  const attempt = { task, attemptId };
  switch (report.kind) {
    case 'accepted':
      return { type: 'TaskAccepted', data: attempt };
    case 'started': {
      const timeout = definition.timeoutMs === undefined ? {} : { timeoutAt: now + definition.timeoutMs };
      return { type: 'TaskStarted', data: { ...attempt, startedAt: report.startedAt, ...timeout } };
    }
    case 'succeeded': {
      const { startedAt, finishedAt, outputs } = report;
      return { type: 'TaskSucceeded', data: { ...attempt, startedAt, finishedAt, outputs } };
    }
    case 'failed':
      return failure(definition, state, command, report);
    case 'cancelled':
      return cancellation(definition, state, command, report);
    case 'lost':
      return reportedLoss(state, command, report.fault);
  }
}

function cancellation(
  definition: TaskDefinition,
  state: TaskState,
  command: CommandOf<'RecordReport'>,
  report: { startedAt?: number | undefined; finishedAt: number },
): TaskEvent {
  const { task, attemptId } = command.report;
  switch (state.context.cancelReason) {
    case 'stop':
      return { type: 'TaskStopped', data: { task, attemptId, finishedAt: report.finishedAt } };
    case 'timeout': {
      const limit = definition.timeoutMs === undefined ? 'its timeout' : `its timeout of ${definition.timeoutMs} ms`;
      const fault = { code: 'TASK_TIMED_OUT', message: `the attempt ran longer than ${limit} and was cancelled` };
      return failure(definition, state, command, { ...report, fault });
    }
    case null:
      return reportedLoss(state, command, {
        code: 'TASK_CANCELLED',
        message: 'the worker stopped and cancelled the attempt',
      });
  }
}

function failure(
  definition: TaskDefinition,
  state: TaskState,
  command: CommandOf<'RecordReport'>,
  report: { startedAt?: number | undefined; finishedAt: number; fault: Fault; exitCode?: number | undefined },
): TaskEvent {
  const { now, random } = command;
  const { task, attemptId } = command.report;
  const { startedAt, finishedAt, fault, exitCode } = report;
  const isStopping = state.context.cancelReason === 'stop';
  const delayMs = isStopping ? undefined : nextDelayMs(definition.retry, state.context.failures + 1, random);
  return {
    type: 'TaskFailed',
    data: {
      task,
      attemptId,
      ...(startedAt === undefined ? {} : { startedAt }),
      finishedAt,
      fault,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(delayMs === undefined ? {} : { retry: { delayMs, dueAt: now + delayMs } }),
    },
  };
}

function reportedLoss(state: TaskState, command: CommandOf<'RecordReport'>, reason: Fault): TaskEvent {
  const { now, lossesMax, report } = command;
  return lossOf(state, { task: report.task, attemptId: report.attemptId, now, lossesMax, reason });
}

type Loss = Omit<CommandOf<'LoseAttempt'>, 'type'>;

/** A loss above the ceiling ends the task. */
function lossOf(state: TaskState, { task, attemptId, now, reason, evidence, lossesMax }: Loss): TaskEvent {
  const givenUp = state.context.losses >= lossesMax;
  const fault: Fault = givenUp
    ? { code: 'TASK_LOST_TOO_OFTEN', message: `lost ${lossesMax + 1} times; last: ${reason.message}` }
    : reason;
  const noted = evidence === undefined ? {} : { evidence };
  return { type: 'TaskLost', data: { task, attemptId, lostAt: now, reason: fault, givenUp, ...noted } };
}

function legal(state: TaskState, event: TaskEvent): TaskEvent[] {
  return canTaskTake(state, event) ? [event] : [];
}
