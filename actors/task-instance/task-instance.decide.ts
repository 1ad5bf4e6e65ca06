/** What a worker's report, a rejection, a loss or a timer means for one task: the events of it, or none. Never throws. */

import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { OnWorkerLost, TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import { nextDelayMs } from '../retry/next-delay.ts';
import { finalRefusalsMax, isFinalRefusal } from './final-refusals.ts';
import { isOrphaned, isPastReport, orphanedBy, orphanOf } from './orphan.decide.ts';
import { canTaskTake } from './task-instance.fold.ts';
import type { TaskEvent, TaskState } from './task-instance.state.ts';
import { hasKill } from './tended.state.ts';

type CommandOf<T extends WorkflowInstanceCommand['type']> = Extract<WorkflowInstanceCommand, { type: T }>;

/** A report as events. A report that the task cannot take is old or repeated: no event, but it may be acked (T1). */
export function decideReport(
  definition: TaskDefinition,
  state: TaskState,
  command: CommandOf<'RecordReport'>,
): TaskEvent[] {
  if (isPastReport(state, command.report)) return [];
  return legal(state, orphanedBy(definition, state, command) ?? reportEvent(definition, state, command));
}

/** Each application once for an attempt, also when the attempt has ended: it may live on. */
export function decideApplications(
  state: TaskState,
  { task, attemptId, applications }: CommandOf<'RecordApplications'>,
): TaskEvent[] {
  const named = new Map(applications.map((application) => [application.id, application]));
  return [...named.values()].flatMap((application) =>
    legal(state, { type: 'ApplicationFound', data: { task, attemptId, ...application } }),
  );
}

export function decideLoss(
  definition: TaskDefinition,
  state: TaskState,
  command: CommandOf<'LoseAttempt'>,
): TaskEvent[] {
  if (isOrphaned(state)) return [];
  if (isPersonAsked(state)) return legal(state, lossOf(definition, state, command));
  return legal(state, orphanOf(definition, state, { ...command, why: 'lost' }) ?? lossOf(definition, state, command));
}

/** On a loss: its applications were asked before, or nothing was known of any. */
const isPersonAsked = ({ status, context: { absence } }: TaskState): boolean =>
  status === 'absent' && absence !== null && absence.dueAt === null;

/** The worker still has the attempt. */
export function decideReturn(state: TaskState, { task, attemptId, now }: CommandOf<'ReturnAttempt'>): TaskEvent[] {
  const orphan = state.context.tended?.orphan ?? null;
  if (orphan !== null && (orphan.why !== 'lost' || hasKill(state.context))) return [];
  return legal(state, { type: 'TaskWorkerReturned', data: { task, attemptId, returnedAt: now } });
}

/** A person's decision on an absent worker; undefined when there is nothing to decide. A repeated one has been done already: no event. */
export function decideResolution(state: TaskState, command: CommandOf<'ResolveLost'>): TaskEvent[] | undefined {
  const { task, decision, key, by, reason: why, now } = command;
  const { absence, current, resolvedBy } = state.context;
  if (resolvedBy === key) return [];
  if (state.status !== 'absent' || absence === null || current === null || decision === 'adopt') return undefined;
  const { code, message } = absence.reason;
  const reason = { code, message: decision === 'fail' ? `${message}; ${by} decided that the task fails` : message };
  const decidedBy = { key, by, ...(why === undefined ? {} : { reason: why }) };
  const data = { task, attemptId: current.attemptId, lostAt: now, reason, givenUp: decision === 'fail', decidedBy };
  return legal(state, { type: 'TaskLost', data });
}

/** A refusal that will not pass fails the task after some repetitions; every other one lets it wait for another slot. */
export function decideRejection(
  definition: TaskDefinition,
  state: TaskState,
  { task, attemptId, reason, now, mayHaveBegun = false }: CommandOf<'RejectAttempt'>,
): TaskEvent {
  // What it may have started before its worker was lost decides.
  const about = { task, attemptId, now, why: 'lost', reason } as const;
  const orphan = mayHaveBegun && state.status === 'assigned' ? orphanOf(definition, state, about) : undefined;
  if (orphan !== undefined) return orphan;
  const isLast = isFinalRefusal(reason) && state.context.refusals + 1 >= finalRefusalsMax;
  if (!isLast || state.status !== 'assigned') return { type: 'TaskRejected', data: { task, attemptId, reason } };
  const fault = { code: reason.code, message: `refused ${finalRefusalsMax} times; last: ${reason.message}` };
  return { type: 'TaskFailed', data: { task, attemptId, finishedAt: now, fault } };
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
      return reportedLoss(definition, state, command, report.fault);
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
    case 'timeout':
      return failure(definition, state, command, { ...report, fault: timeoutFaultOf(definition) });
    case null:
      return reportedLoss(definition, state, command, {
        code: 'TASK_CANCELLED',
        message: 'the worker stopped and cancelled the attempt',
      });
  }
}

export function timeoutFaultOf({ timeoutMs }: TaskDefinition): Fault {
  const limit = timeoutMs === undefined ? 'its timeout' : `its timeout of ${timeoutMs} ms`;
  return { code: 'TASK_TIMED_OUT', message: `the attempt ran longer than ${limit} and was cancelled` };
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

/** The worker itself says that nothing more will come of the attempt. */
function reportedLoss(
  definition: TaskDefinition,
  state: TaskState,
  command: CommandOf<'RecordReport'>,
  reason: Fault,
): TaskEvent {
  const { now, lossesMax, report } = command;
  const { task, attemptId } = report;
  return lossOf(definition, state, { task, attemptId, now, lossesMax, reason, mayReturn: false });
}

type Loss = Omit<CommandOf<'LoseAttempt'>, 'type' | 'mayReturn'>;

/** By the task's policy. Whoever stops a run does not wait for an absent worker, nor asks a person. */
export function lossOf(definition: TaskDefinition, state: TaskState, loss: Loss & { mayReturn: boolean }): TaskEvent {
  const onLost = onWorkerLostOf(definition);
  if (state.context.cancelReason === 'stop') return finalLossOf(state, loss);
  switch (onLost.policy) {
    case 'retry':
      return finalLossOf(state, loss);
    case 'fail':
      return givenUpLossOf(loss);
    case 'wait':
      return loss.mayReturn ? absenceOf(loss, loss.now + onLost.returnLimitMs) : finalLossOf(state, loss);
    case 'ask':
      return absenceOf(loss, undefined);
  }
}

function absenceOf({ task, attemptId, now, reason, evidence }: Loss, dueAt: number | undefined): TaskEvent {
  const noted = evidence === undefined ? {} : { evidence };
  const due = dueAt === undefined ? {} : { dueAt };
  return { type: 'TaskWorkerAbsent', data: { task, attemptId, since: now, reason, ...noted, ...due } };
}

function givenUpLossOf({ task, attemptId, now, reason, evidence }: Loss): TaskEvent {
  const fault = { code: reason.code, message: `${reason.message}; the task fails when its worker is lost` };
  const noted = evidence === undefined ? {} : { evidence };
  return { type: 'TaskLost', data: { task, attemptId, lostAt: now, reason: fault, givenUp: true, ...noted } };
}

/** A loss above the ceiling ends the task. */
export function finalLossOf(state: TaskState, { task, attemptId, now, reason, evidence, lossesMax }: Loss): TaskEvent {
  const givenUp = state.context.losses >= lossesMax;
  const fault: Fault = givenUp
    ? { code: 'TASK_LOST_TOO_OFTEN', message: `lost ${lossesMax + 1} times; last: ${reason.message}` }
    : reason;
  const noted = evidence === undefined ? {} : { evidence };
  return { type: 'TaskLost', data: { task, attemptId, lostAt: now, reason: fault, givenUp, ...noted } };
}

/** Definitions from before there was a choice have none. */
function onWorkerLostOf({ onWorkerLost }: TaskDefinition): OnWorkerLost {
  return onWorkerLost ?? { policy: 'retry' };
}

/** The event, if the task can take it. */
export function legal(state: TaskState, event: TaskEvent): TaskEvent[] {
  return canTaskTake(state, event) ? [event] : [];
}
