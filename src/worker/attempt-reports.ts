/** Puts the result of an attempt into the words of a report. */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import type { AttemptResult } from '../tasks/task-type.port.ts';
import type { AttemptRecord } from './attempt-record.ts';

/** Takes the next sequence number of the attempt. */
function identityOf(record: AttemptRecord) {
  record.sequence += 1;
  const { attemptId, task, sequence } = record;
  return { instance: record.instance.id, task, attemptId, sequence };
}

export function startedReport(record: AttemptRecord, startedAt: number): AttemptReport {
  return { kind: 'started', ...identityOf(record), startedAt };
}

export function lostReport(record: AttemptRecord, finishedAt: number, fault: Fault): AttemptReport {
  return { kind: 'lost', ...identityOf(record), finishedAt, fault };
}

export function finishedReport(record: AttemptRecord, finishedAt: number, result: AttemptResult): AttemptReport {
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
