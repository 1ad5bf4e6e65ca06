/** What a recorded report of an attempt asks of the run, told again of that attempt or of another one, at another time. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { AttemptId, InstanceId } from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import { isEndOfWaiting } from './command-of-attempt.ts';
import type { AttemptReportEvent, RecordedAttempt } from './what-if-script.ts';

type Told<Report = AttemptReport> = Report extends unknown ? Omit<Report, 'instance' | 'sequence'> : never;

/** Where the event does not tell of one. */
const noCeiling = Number.MAX_SAFE_INTEGER;
const anyInstance = 'ffffffff-0000-4000-8000-000000000000' as InstanceId;

export function reportCommand(told: Told): WorkflowInstanceCommand {
  const report = { ...told, instance: anyInstance, sequence: 1 } as AttemptReport;
  return { type: 'RecordReport', now: 0, random: 0.5, report, lossesMax: noCeiling };
}

/** Whether the record says how the attempt ended by itself: what was cancelled has no result of its own. */
export function endsIn({ reports }: RecordedAttempt): boolean {
  const last = reports.at(-1)?.event;
  switch (last?.type) {
    case 'TaskSucceeded':
    case 'TaskLost':
    case 'TaskRejected':
      return true;
    case 'TaskFailed':
      return last.data.fault.code !== 'TASK_TIMED_OUT';
    default:
      return false;
  }
}

/** Whether it was the worker's end, and not the attempt's own: another worker would have made something else of it. */
export function endedWithWorker({ reports }: RecordedAttempt): boolean {
  const last = reports.at(-1)?.event.type;
  return last === 'TaskLost' || last === 'TaskRejected';
}

export type Retold = { attemptId: AttemptId; shiftMs: number; lossesMax: number };

/** Undefined for what follows from the run itself, as the end of a timer does. */
export function retold(event: AttemptReportEvent, told: Retold): WorkflowInstanceCommand | undefined {
  const { attemptId, shiftMs, lossesMax } = told;
  const { task } = event.data;
  switch (event.type) {
    case 'TaskAccepted':
      return reportCommand({ kind: 'accepted', task, attemptId });
    case 'TaskStarted':
      return reportCommand({ kind: 'started', task, attemptId, startedAt: event.data.startedAt + shiftMs });
    case 'TaskSucceeded': {
      const { startedAt, finishedAt, outputs } = event.data;
      const times = { startedAt: startedAt + shiftMs, finishedAt: finishedAt + shiftMs };
      return reportCommand({ kind: 'succeeded', task, attemptId, ...times, outputs });
    }
    case 'TaskFailed': {
      const { startedAt, finishedAt, fault, exitCode } = event.data;
      // Its end is that of the timer, which runs here too.
      if (fault.code === 'TASK_TIMED_OUT') return undefined;
      const begun = startedAt === undefined ? {} : { startedAt: startedAt + shiftMs };
      const code = exitCode === undefined ? {} : { exitCode };
      const ended = { ...begun, finishedAt: finishedAt + shiftMs, fault, ...code };
      return reportCommand({ kind: 'failed', task, attemptId, ...ended });
    }
    case 'TaskLost': {
      const { reason, decidedBy, givenUp } = event.data;
      if (decidedBy !== undefined) {
        const { key, by } = decidedBy;
        const decision = givenUp ? ('fail' as const) : ('retry' as const);
        return { type: 'ResolveLost', now: 0, task, decision, key, by };
      }
      if (isEndOfWaiting(reason)) return undefined;
      return { type: 'LoseAttempt', now: 0, task, attemptId, reason, lossesMax, mayReturn: false };
    }
    case 'TaskWorkerAbsent':
      return {
        type: 'LoseAttempt',
        now: 0,
        task,
        attemptId,
        reason: event.data.reason,
        lossesMax,
        mayReturn: true,
      };
    case 'TaskWorkerReturned':
      return { type: 'ReturnAttempt', now: 0, task, attemptId };
    case 'TaskRejected':
      return { type: 'RejectAttempt', now: 0, task, attemptId, reason: event.data.reason };
    case 'TaskStopped':
      return undefined;
  }
}
