/**
 * What a restarted worker owes for its earlier life: results that were not acked are sent again; attempts that had not
 * ended are adopted, if their task type can, else lost. A process of a lost one that still runs is ended first, so that
 * nothing runs which no master knows of.
 */
import { attemptReportSchema } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import { endLeftoverGroup } from '../tasks/leftover-group.ts';
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

/** Resolves when each attempt is adopted, or no process of it runs any more. */
export async function recover(options: RecoveryOptions): Promise<void> {
  const unfinished: AttemptRecord[] = [];
  for (const row of options.ledger.unsettled()) {
    const record = recordOf(row, options.instances);
    if (record === undefined) continue;
    options.attempts.add(record);
    if (record.report !== undefined) options.outbox.restore(record);
    if (record.state !== 'ended') unfinished.push(record);
  }
  await Promise.all(unfinished.map((record) => adoptOrBury(record, options)));
}

async function adoptOrBury(record: AttemptRecord, options: RecoveryOptions): Promise<void> {
  if (await options.attempts.adopt(record)) {
    options.log.info({ instanceId: record.instance.id, taskId: record.task }, 'attempt adopted at a restart');
    return;
  }
  await bury(record, options);
}

async function bury(record: AttemptRecord, options: RecoveryOptions): Promise<void> {
  const wasRunning = await endLeftoverGroup(record, options);
  options.log.warn({ instanceId: record.instance.id, taskId: record.task, wasRunning }, 'attempt lost at a restart');
  options.attempts.bury(record, {
    code: 'WORKER_INCARNATION_GONE',
    message: wasRunning
      ? 'the worker was restarted; the process of the attempt still ran and was ended'
      : 'the worker was restarted; the attempt had left no result',
  });
}

function recordOf(row: AttemptRow, instances: InstanceTable): AttemptRecord | undefined {
  if (row.task === undefined || row.state === 'revoked') return undefined;
  const report = pendingReport(row.reportText);
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
    report,
    hasFolder: row.hasFolder,
    applications: [...(report?.report.applications ?? [])],
    ackedApplicationCount: 0,
    log: undefined,
  };
}

function pendingReport(text: string | undefined): AttemptRecord['report'] {
  if (text === undefined) return undefined;
  return { report: attemptReportSchema.parse(JSON.parse(text)), text, sentRound: undefined };
}
