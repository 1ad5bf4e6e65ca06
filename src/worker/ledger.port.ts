/**
 * What a worker must not forget when its process is killed: which attempts it took, the report of each that no master
 * has acked, the highest epoch and the owner of each instance, and the ids of attempts that must never (again) start.
 */
import type { AttemptId, InstanceId, MasterId, TaskName } from '../../schemas/ids.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { ProcessIdentity } from '../tasks/process-table.port.ts';

/** `queued`: taken, not started. `revoked`: never seen, and never to be started here. */
export type LedgerAttemptState = 'queued' | 'running' | 'ended' | 'revoked';

export type AttemptRow = {
  attemptId: AttemptId;
  instance: InstanceId;
  /** Undefined for a revoked attempt: its task was never named. */
  task: TaskName | undefined;
  state: LedgerAttemptState;
  /** While it has not ended; a later worker adopts or buries the attempt by it. */
  offer: Offer | undefined;
  process: ProcessIdentity | undefined;
  startedAt: number | undefined;
  /** When it ended or was revoked; retention counts from here. */
  endedAt: number | undefined;
  /** Of the newest report. */
  sequence: number;
  /** JSON of the newest report, until it is acked. It implies the earlier ones. */
  reportText: string | undefined;
  /** True when the attempt has a folder on disk. */
  hasFolder: boolean;
  /** Bytes of output that were kept. */
  logSizeBytes: number;
};

export type InstanceRow = {
  instance: InstanceId;
  /** Highest seen: lower ones are refused. */
  epoch: number;
  owner: MasterId | undefined;
  ownerHost: string | undefined;
  touchedAt: number;
};

export type LedgerChanges = {
  /** New or changed, whole. */
  attempts: AttemptRow[];
  /** Ended attempts whose last report was acked. */
  settled: AttemptId[];
  instances: InstanceRow[];
};

export interface Ledger {
  /** All or nothing; durable over the death of the process when it returns. Throws when it cannot be written. */
  commit(changes: LedgerChanges): void;
  findAttempt(attemptId: AttemptId): AttemptRow | undefined;
  findInstance(instance: InstanceId): InstanceRow | undefined;
  /** Attempts that have not ended, or whose report is not acked; in the order in which they came. */
  unsettled(): AttemptRow[];
  /** Settled attempts that ended before a time, or exceed the number to be kept; the oldest, a bounded number. */
  expired(endedBefore: number): AttemptRow[];
  forgetAttempts(attemptIds: AttemptId[]): void;
  /** Forgets a bounded number of instances that were not touched since a time, except those to be kept. */
  forgetInstances(touchedBefore: number, isKept: (instance: InstanceId) => boolean): void;
  close(): void;
}
