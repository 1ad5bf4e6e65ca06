/**
 * What a restarted worker owes for its earlier life: results that were not acked are sent again; attempts that had not
 * ended are lost. A process that still runs is ended first, so that nothing runs which no master knows of. Its row has all
 * that adopting it would take: the offer, the process, its start and the size of its log.
 */
import { attemptReportSchema } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import { createGroupEnding } from '../tasks/group-ending.ts';
import type { ProcessTable } from '../tasks/process-table.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { AttemptRecord } from './attempt-record.ts';
import type { AttemptTable } from './attempt-table.ts';
import type { InstanceTable } from './instance-table.ts';
import type { AttemptRow, Ledger } from './ledger.port.ts';
import type { Outbox } from './outbox.ts';

export type RecoveryOptions = {
  ledger: Ledger;
  attempts: AttemptTable;
  instances: InstanceTable;
  outbox: Outbox;
  processes: ProcessTable;
  clock: Clock;
  log: Log;
};

/** Resolves when no process of the earlier life runs any more. */
export async function recover(options: RecoveryOptions): Promise<void> {
  const unfinished: AttemptRecord[] = [];
  for (const row of options.ledger.unsettled()) {
    const record = recordOf(row, options.instances);
    if (record === undefined) continue;
    options.attempts.add(record);
    if (record.report !== undefined) options.outbox.restore(record);
    if (record.state !== 'ended') unfinished.push(record);
  }
  await Promise.all(unfinished.map((record) => bury(record, options)));
}

async function bury(record: AttemptRecord, options: RecoveryOptions): Promise<void> {
  const wasRunning = await endProcess(record, options);
  options.log.warn({ instanceId: record.instance.id, taskId: record.task, wasRunning }, 'attempt lost at a restart');
  options.attempts.bury(record, {
    code: 'WORKER_INCARNATION_GONE',
    message: wasRunning
      ? 'the worker was restarted; the process of the attempt still ran and was ended'
      : 'the worker was restarted; the attempt had left no result',
  });
}

async function endProcess(record: AttemptRecord, options: RecoveryOptions): Promise<boolean> {
  const { processes, clock } = options;
  if (record.process === undefined) return false;
  const groupId = record.process.pid;
  // The leader may be gone while its children run; they carry the attempt's id, a group that got the same number does not.
  const isOurs =
    processes.isStillRunning(record.process) ||
    processes.groupHasVariable(groupId, `MILLRACE_ATTEMPT_ID=${record.attemptId}`);
  if (!isOurs) return false;
  await new Promise<void>((resolve) => {
    createGroupEnding({ processes, clock, groupId, onEnded: () => resolve() }).begin(0);
  });
  return true;
}

function recordOf(row: AttemptRow, instances: InstanceTable): AttemptRecord | undefined {
  if (row.task === undefined || row.state === 'revoked') return undefined;
  return {
    attemptId: row.attemptId,
    instance: instances.findOrCreate(row.instance),
    task: row.task,
    state: row.state,
    offer: row.offer,
    running: undefined,
    process: row.process,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    ending: undefined,
    sequence: row.sequence,
    report: pendingReport(row.reportText),
    hasFolder: row.hasFolder,
    log: undefined,
  };
}

function pendingReport(text: string | undefined): AttemptRecord['report'] {
  if (text === undefined) return undefined;
  return { report: attemptReportSchema.parse(JSON.parse(text)), text, sentRound: undefined };
}
