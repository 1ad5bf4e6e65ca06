/**
 * Puts the result of an attempt into the words of a report. Cancelled is what a master asked for; when the worker ended an
 * attempt for reasons of its own, it is lost, and another worker may try.
 */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import type { AttemptResult, CancelReason } from '../tasks/task-type.port.ts';
import type { AttemptRecord } from './attempt-record.ts';

/** Takes the next sequence number of the attempt. */
function identityOf(record: AttemptRecord) {
  record.sequence += 1;
  const { attemptId, task, sequence } = record;
  const { id, epoch } = record.instance;
  const untold = record.applications.slice(record.ackedApplicationCount);
  const told = untold.length === 0 ? {} : { applications: untold };
  return { instance: id, task, attemptId, sequence, epoch, ...told };
}

export function startedReport(record: AttemptRecord, startedAt: number): AttemptReport {
  return { kind: 'started', ...identityOf(record), startedAt };
}

export function lostReport(record: AttemptRecord, finishedAt: number, fault: Fault): AttemptReport {
  return { kind: 'lost', ...identityOf(record), finishedAt, fault };
}

/** Of an attempt that ended: what came of it, or that it was lost. */
export function lastReport(record: AttemptRecord, finishedAt: number, result: AttemptResult): AttemptReport {
  const reason = record.ending ?? (result.kind === 'cancelled' ? result.reason : undefined);
  const ownFault = reason === undefined ? undefined : ownFaults[reason];
  switch (result.kind) {
    case 'succeeded':
    case 'failed':
      return finishedReport(record, finishedAt, result);
    case 'cancelled':
      if (ownFault !== undefined) return lostReport(record, finishedAt, ownFault);
      return finishedReport(record, finishedAt, result);
    case 'lost':
      // Its processes are gone: whoever wanted just that has it.
      if (reason === undefined || ownFault !== undefined) return lostReport(record, finishedAt, result.fault);
      return finishedReport(record, finishedAt, { kind: 'cancelled' });
  }
}

/** For which of the reasons no master asked. */
const ownFaults: Record<CancelReason, Fault | undefined> = {
  stop: undefined,
  timeout: undefined,
  revoked: undefined,
  drain: {
    code: 'WORKER_DRAINING',
    message: 'the worker was stopped and cancelled the attempt when its drain deadline was over',
  },
  leaseLost: {
    code: 'WORKER_UNREACHABLE',
    message: 'the worker could not renew its membership and ended the attempt before it could be given away',
  },
};

type Finished = Exclude<AttemptResult, { kind: 'lost' }>;

function finishedReport(record: AttemptRecord, finishedAt: number, result: Finished): AttemptReport {
  const identity = identityOf(record);
  const started = record.startedAt === undefined ? {} : { startedAt: record.startedAt };
  switch (result.kind) {
    case 'succeeded': {
      const startedAt = record.startedAt ?? finishedAt;
      return { kind: 'succeeded', ...identity, startedAt, finishedAt, outputs: result.outputs };
    }
    case 'failed': {
      const exitCode = result.exitCode === undefined ? {} : { exitCode: result.exitCode };
      return { kind: 'failed', ...identity, ...started, finishedAt, fault: result.fault, ...exitCode };
    }
    case 'cancelled':
      return { kind: 'cancelled', ...identity, ...started, finishedAt };
  }
}
