/** The commands behind what became of an attempt: a worker's report, a loss, a begin at the owner, an answer from outside. */

import { findTask } from '../../actors/workflow-instance/task-lookup.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { RetryPolicy } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, InstanceId, TaskName } from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import type { Decided } from './decided-events.ts';

type EventOf<T extends WorkflowInstanceEvent['type']> = Extract<WorkflowInstanceEvent, { type: T }>;
type Retry = { delayMs: number; dueAt: number };

/** Ids that a command needs and that leave no trace in what it decides. */
const anyInstance = '00000000-0000-4000-8000-000000000000' as InstanceId;
const anyAttempt = '00000000-0000-4000-8000-000000000000' as AttemptId;
/** No ceiling of losses, where the event does not tell of one. */
const noCeiling = Number.MAX_SAFE_INTEGER;

export function reportCommand(
  event: EventOf<'TaskAccepted' | 'TaskStarted' | 'TaskSucceeded' | 'TaskStopped'>,
  decided: Decided,
): WorkflowInstanceCommand {
  switch (event.type) {
    case 'TaskAccepted':
      return report({ kind: 'accepted', ...event.data }, decided.decidedAt);
    case 'TaskStarted': {
      const { timeoutAt, ...started } = event.data;
      const { timeoutMs } = definitionOf(decided, started.task);
      // The limit counts from when the owner heard of the start.
      const now = timeoutAt === undefined || timeoutMs === undefined ? decided.decidedAt : timeoutAt - timeoutMs;
      return report({ kind: 'started', ...started }, now);
    }
    case 'TaskSucceeded':
      return report({ kind: 'succeeded', ...event.data }, decided.decidedAt);
    case 'TaskStopped':
      return report({ kind: 'cancelled', ...event.data }, decided.decidedAt);
  }
}

export function failureCommand(data: EventOf<'TaskFailed'>['data'], decided: Decided): WorkflowInstanceCommand {
  const { task, attemptId, startedAt, finishedAt, fault, exitCode, retry } = data;
  const state = taskStateOf(decided.plan, decided.snapshot.context, task);
  const [, refusal] = /^refused \d+ times; last: ([\s\S]*)$/.exec(fault.message) ?? [];
  if (refusal !== undefined && state?.status === 'assigned') {
    const reason = { code: fault.code, message: refusal };
    return { type: 'RejectAttempt', now: finishedAt, task, attemptId, reason };
  }
  const { now, random } = chanceOf(decided, task, retry);
  const begun = startedAt === undefined ? {} : { startedAt };
  if (state?.context.cancelReason === 'timeout' && fault.code === 'TASK_TIMED_OUT') {
    return report({ kind: 'cancelled', task, attemptId, ...begun, finishedAt }, now, random);
  }
  const code = exitCode === undefined ? {} : { exitCode };
  return report({ kind: 'failed', task, attemptId, ...begun, finishedAt, fault, ...code }, now, random);
}

export function lossCommand(
  event: EventOf<'TaskLost' | 'TaskWorkerAbsent'>,
  decided: Decided,
): WorkflowInstanceCommand {
  if (event.type === 'TaskWorkerAbsent') {
    const { task, attemptId, since, reason, evidence } = event.data;
    const noted = evidence === undefined ? {} : { evidence };
    const told = { task, attemptId, reason, ...noted };
    return { type: 'LoseAttempt', now: since, ...told, lossesMax: noCeiling, mayReturn: true };
  }
  const { task, attemptId, lostAt: now, reason, evidence, givenUp, decidedBy } = event.data;
  if (decidedBy !== undefined) {
    const { key, by, reason: why } = decidedBy;
    const told = why === undefined ? {} : { reason: why };
    return { type: 'ResolveLost', now, task, decision: givenUp ? 'fail' : 'retry', key, by, ...told };
  }
  const ceiling = ceilingOf(event.data);
  const absence = taskStateOf(decided.plan, decided.snapshot.context, task)?.context.absence ?? null;
  if (absence !== null && isEndOfWaiting(reason)) {
    const timerId = `return.${attemptId}.${absence.since}`;
    return { type: 'FireTimer', now, random: 0.5, timerId, task, lossesMax: ceiling.lossesMax };
  }
  const told = {
    reason: { code: reason.code, message: ceiling.message },
    ...(evidence === undefined ? {} : { evidence }),
  };
  return { type: 'LoseAttempt', now, task, attemptId, ...told, lossesMax: ceiling.lossesMax, mayReturn: false };
}

/** A worker was waited for in vain: a timer has told of the loss. */
export const isEndOfWaiting = ({ message }: { message: string }): boolean =>
  message.includes('it did not return within its limit');

/** What was told of the loss, before the machine added to it. */
function ceilingOf({ reason, givenUp }: EventOf<'TaskLost'>['data']): { message: string; lossesMax: number } {
  const [, count, last] = /^lost (\d+) times; last: ([\s\S]*)$/.exec(reason.message) ?? [];
  if (givenUp && count !== undefined && last !== undefined) return { message: last, lossesMax: Number(count) - 1 };
  return { message: reason.message.replace(/; the task fails when its worker is lost$/, ''), lossesMax: noCeiling };
}

export function startCommand(
  event: EventOf<'TaskDelayed' | 'TaskBranchChosen' | 'TaskUnstartable' | 'TaskAwaits' | 'TaskDryRun' | 'TaskExpanded'>,
  decided: Decided,
): WorkflowInstanceCommand {
  const { task } = event.data;
  const start = { type: 'StartTask', task, attemptId: anyAttempt } as const;
  switch (event.type) {
    case 'TaskDelayed':
      return { ...start, now: event.data.dueAt - (definitionOf(decided, task).delayMs ?? 0) };
    case 'TaskBranchChosen':
      return { ...start, now: event.data.decidedAt };
    case 'TaskUnstartable':
      return { ...start, now: event.data.failedAt };
    case 'TaskDryRun':
      return { ...start, now: event.data.finishedAt };
    case 'TaskExpanded':
      return { ...start, now: event.data.expandedAt, attemptId: event.data.attemptId };
    case 'TaskAwaits': {
      const { attemptId, since, awaits } = event.data;
      return { ...start, now: since, attemptId, ...(awaits.kind === 'workflow' ? { child: awaits.child } : {}) };
    }
  }
}

export function conclusionCommand(data: EventOf<'TaskConcluded'>['data'], decided: Decided): WorkflowInstanceCommand {
  const { task, attemptId, finishedAt, result, outputs, fault, retry, decidedBy, evidence } = data;
  if (decidedBy !== undefined) {
    const { key, by, reason } = decidedBy;
    const told = reason === undefined ? {} : { reason };
    return { type: 'ApproveTask', now: finishedAt, task, approved: result === 'succeeded', key, by, ...told };
  }
  const { random } = chanceOf(decided, task, retry);
  if (fault?.code === 'AWAIT_TIMED_OUT' && evidence === undefined) {
    return { type: 'FireTimer', now: finishedAt, random, timerId: `await.${attemptId}`, task, lossesMax: noCeiling };
  }
  return {
    type: 'ConcludeTask',
    now: finishedAt,
    random,
    task,
    attemptId,
    result,
    ...(outputs === undefined ? {} : { outputs }),
    ...(fault === undefined ? {} : { fault }),
    ...(evidence === undefined ? {} : { evidence }),
  };
}

type Told<Report = AttemptReport> = Report extends unknown ? Omit<Report, 'instance' | 'sequence'> : never;

function report(told: Told, now: number, random = 0.5): WorkflowInstanceCommand {
  const full = { ...told, instance: anyInstance, sequence: 1 } as AttemptReport;
  return { type: 'RecordReport', now, random, report: full, lossesMax: noCeiling };
}

/** The time and the number that led to the delay of the next attempt. */
function chanceOf(decided: Decided, task: TaskName, retry: Retry | undefined): { now: number; random: number } {
  if (retry === undefined) return { now: decided.decidedAt, random: 0.5 };
  const failures = taskStateOf(decided.plan, decided.snapshot.context, task)?.context.failures ?? 0;
  const random = randomBehind(definitionOf(decided, task).retry, failures + 1, retry.delayMs);
  return { now: retry.dueAt - retry.delayMs, random };
}

function randomBehind(
  { delayMs, backoff, delayMaxMs, jitter }: RetryPolicy,
  failures: number,
  waitedMs: number,
): number {
  const fullMs = Math.min(delayMs * backoff ** (failures - 1), delayMaxMs);
  if (jitter === 0 || fullMs === 0) return 0.5;
  return Math.min(1, Math.max(0, ((waitedMs / fullMs - 1) / jitter + 1) / 2));
}

function definitionOf({ plan, snapshot }: Decided, task: TaskName) {
  const definition = findTask(plan, snapshot.context, task)?.planned.definition;
  if (definition === undefined) throw new Error(`the run has no task ${task}`);
  return definition;
}
