/** What a worker holds in memory of each attempt that has not ended or whose report is not acked, and of its instance. */
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import type { AttemptId, InstanceId, MasterId, TaskName } from '../../schemas/ids.ts';
import type { AttemptReport, AttemptState, Offer } from '../../schemas/messages/attempt.messages.ts';
import type { ProcessIdentity } from '../tasks/process-table.port.ts';
import type { CancelReason, RunningAttempt } from '../tasks/task-type.port.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { AttemptRow, InstanceRow } from './ledger.port.ts';

export type InstanceRecord = {
  readonly id: InstanceId;
  /** Highest seen: a message with a lower one is refused. */
  epoch: number;
  /** Where its reports go. */
  owner: MasterId | undefined;
  ownerHost: string | undefined;
  /** "Not owner" answers that were followed at once since the last ack. */
  redirectCount: number;
  readonly attempts: Set<AttemptRecord>;
};

export type AttemptRecord = {
  readonly attemptId: AttemptId;
  readonly instance: InstanceRecord;
  readonly task: TaskName;
  state: 'queued' | 'running' | 'ended';
  offer: Offer | undefined;
  running: RunningAttempt | undefined;
  process: ProcessIdentity | undefined;
  startedAt: number | undefined;
  endedAt: number | undefined;
  ending: CancelReason | undefined;
  sequence: number;
  /** The newest report, until it is acked. */
  report: PendingReport | undefined;
  hasFolder: boolean;
  /** What it has started on clusters, as far as this life of the worker knows. */
  applications: FoundApplication[];
  /** Of these, the first so many are covered by an ack. */
  ackedApplicationCount: number;
  log: AttemptLog | undefined;
};

export type PendingReport = {
  report: AttemptReport;
  text: string;
  /** The outbox's round in which it was sent last; undefined before the first time. */
  sentRound: number | undefined;
};

export function stateForMasters(record: AttemptRecord): AttemptState {
  return record.state === 'ended' ? 'finished' : record.state;
}

export function toAttemptRow(record: AttemptRecord): AttemptRow {
  return {
    attemptId: record.attemptId,
    instance: record.instance.id,
    task: record.task,
    state: record.state,
    offer: record.state === 'ended' ? undefined : record.offer,
    process: record.process,
    startedAt: record.startedAt,
    endedAt: record.endedAt,
    sequence: record.sequence,
    reportText: record.report?.text,
    hasFolder: record.hasFolder,
    logSizeBytes: record.log?.sizeBytes() ?? 0,
  };
}

export function toInstanceRow(record: InstanceRecord, touchedAt: number): InstanceRow {
  const { id, epoch, owner, ownerHost } = record;
  return { instance: id, epoch, owner, ownerHost, touchedAt };
}
