/** What it means for a task that one of its timers fires: the events of it, or none if it no longer waits for that. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { AttemptId } from '../../schemas/ids.ts';
import { concludedBadly } from './awaiting.decide.ts';
import { orphanOf } from './orphan.decide.ts';
import { finalLossOf, legal } from './task-instance.decide.ts';
import { type TaskEvent, type TaskState, timerIds } from './task-instance.state.ts';
import { decideApplicationsDue } from './tended.decide.ts';

type FireTimer = Extract<WorkflowInstanceCommand, { type: 'FireTimer' }>;

export function decideTimer(definition: TaskDefinition, state: TaskState, command: FireTimer): TaskEvent[] {
  const { timerId, task } = command;
  const { context } = state;
  if (timerId === timerIds.retry(task, context.failures)) return legal(state, { type: 'TaskRetryDue', data: { task } });
  if (timerId === timerIds.delay(task, context.round)) return legal(state, { type: 'TaskDelayOver', data: { task } });
  if (context.queue !== null && timerId === timerIds.queue(task, context.queue.since)) {
    return queueTimeout(definition, state, command);
  }
  if (context.awaiting !== null && timerId === timerIds.awaited(context.awaiting.attemptId)) {
    return awaitTimeout(definition, state, command);
  }
  if (context.expansion !== null && timerId === timerIds.awaited(context.expansion.attemptId)) {
    return expansionTimeout(definition, state, command, context.expansion.attemptId);
  }
  return attemptTimer(definition, state, command);
}

function expansionTimeout(
  { timeoutPolicy }: TaskDefinition,
  state: TaskState,
  { task, now }: FireTimer,
  attemptId: AttemptId,
): TaskEvent[] {
  if (timeoutPolicy === 'warn') {
    return legal(state, { type: 'TaskTimeoutWarned', data: { task, attemptId, warnedAt: now } });
  }
  return legal(state, { type: 'TaskTimedOut', data: { task, attemptId, timedOutAt: now } });
}

function attemptTimer(definition: TaskDefinition, state: TaskState, command: FireTimer): TaskEvent[] {
  const { timeoutPolicy } = definition;
  const { timerId, task, now, lossesMax } = command;
  const { current, absence } = state.context;
  const attemptId = current?.attemptId;
  if (attemptId === undefined) return [];
  if (timerId === timerIds.timeout(attemptId)) {
    if (timeoutPolicy === 'warn')
      return legal(state, { type: 'TaskTimeoutWarned', data: { task, attemptId, warnedAt: now } });
    return legal(state, { type: 'TaskTimedOut', data: { task, attemptId, timedOutAt: now } });
  }
  if (timerId.startsWith(timerIds.applications(attemptId, 0).slice(0, -1))) {
    return decideApplicationsDue(definition, state, { ...command, attemptId });
  }
  if (absence === null || timerId !== timerIds.workerReturn(attemptId, absence.since)) return [];
  const { code, message } = absence.reason;
  const reason = { code, message: `${message}; it did not return within its limit of ${now - absence.since} ms` };
  const orphan = orphanOf(definition, state, { task, attemptId, now, why: 'lost', reason });
  return legal(state, orphan ?? finalLossOf(state, { task, attemptId, now, lossesMax, reason }));
}

function queueTimeout({ timeoutPolicy, queueTimeoutMs }: TaskDefinition, state: TaskState, command: FireTimer) {
  const { task, now } = command;
  const action = timeoutPolicy === 'warn' ? ('warn' as const) : ('fail' as const);
  const why = state.context.held?.message ?? 'no worker took it';
  const fault = { code: 'TASK_QUEUE_TIMED_OUT', message: `waited ${queueTimeoutMs ?? 0} ms for a worker: ${why}` };
  return legal(state, { type: 'TaskQueueTimedOut', data: { task, timedOutAt: now, action, fault } });
}

function awaitTimeout(definition: TaskDefinition, state: TaskState, command: FireTimer): TaskEvent[] {
  const { task, now, random } = command;
  const { awaiting } = state.context;
  if (awaiting === null || state.status !== 'awaiting') return [];
  const { attemptId, awaits } = awaiting;
  if (definition.timeoutPolicy === 'warn') {
    return legal(state, { type: 'TaskTimeoutWarned', data: { task, attemptId, warnedAt: now } });
  }
  if (awaits.kind === 'workflow') {
    return legal(state, { type: 'TaskTimedOut', data: { task, attemptId, timedOutAt: now } });
  }
  const fault = { code: 'AWAIT_TIMED_OUT', message: `waited ${now - awaiting.since} ms for its ${awaits.kind}` };
  return legal(state, concludedBadly(definition, state, { task, attemptId, now, random, fault }));
}
