/** What a worker asks of a task type, and what it gives to each attempt. */
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import type { TaskType as TaskTypeName } from '../../schemas/definition/task-settings.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { AttemptSecrets } from '../secrets/attempt-secrets.ts';
import type { ProcessIdentity } from './process-table.port.ts';

export type AttemptResult =
  | { kind: 'succeeded'; outputs: JsonRecord }
  | { kind: 'failed'; fault: Fault; exitCode?: number }
  /** Ended because `cancel` was called, by an earlier life of the worker perhaps: that one's reason is told. */
  | { kind: 'cancelled'; reason?: CancelReason }
  /** What ran it is gone, and nobody knows how it ended. */
  | { kind: 'lost'; fault: Fault };

/** Why an attempt is made to end: a master's wish, the worker's own stop, or a lease that could not be renewed. */
export const cancelReasons = ['stop', 'timeout', 'revoked', 'drain', 'leaseLost'] as const;
export type CancelReason = (typeof cancelReasons)[number];

/** `graceful` lets the attempt clean up for as long as its settings allow; `now` does not. */
export type CancelUrgency = 'graceful' | 'now';

export interface RunningAttempt {
  /** Leads to `context.ended` within the grace period. May be called again, with more urgency; harmless after the end. */
  cancel(urgency: CancelUrgency, reason?: CancelReason): void;
}

export type AttemptFolder = {
  /** For files of the task type: inputs, outputs. */
  root: string;
  /** The task's own current directory, empty at the start. */
  work: string;
};

/** The file of the output that users read, for a process that writes it by itself. */
export type OutputPlace = { path: string; sizeBytesMax: number };

export type EndNote = {
  /** When it ended, if that was before it was told; milliseconds since 1970. */
  endedAt?: number;
  /** Called when a restarted worker would know of the end. */
  onDurable?: () => void;
};

export interface AttemptContext {
  readonly offer: Offer;
  readonly worker: WorkerId;
  readonly clock: Clock;
  readonly outputSizeBytesMax: number;
  /** Those that its parameters name. Logs and results are masked by whoever made the context. */
  readonly secrets: AttemptSecrets;
  /** Made at the first call: attempts that need no files cost none. Throws when it cannot be made. */
  folder(): AttemptFolder;
  /** Appends to the output that users read. Never throws; what exceeds the limit is dropped with a note. */
  writeLog(bytes: Uint8Array): void;
  /** Where another process may write that output; `noteOutput` then tells how far it has come. */
  outputPlace(): OutputPlace;
  /** The file of the output has so many bytes now; who waits for more is woken. */
  noteOutput(sizeBytes: number): void;
  /** Records a process of the attempt; `onDurable` is called when a restarted worker would know of it. */
  noteProcess(process: ProcessIdentity, onDurable: () => void): void;
  /** The attempt has started this on a cluster: told at once, and again at no harm. */
  foundApplication(application: FoundApplication): void;
  /** Says how the attempt ended: once, at any time, also before `start` returns. */
  ended(result: AttemptResult, note?: EndNote): void;
}

/** What the ledger knows of an attempt that an earlier life of the worker started. */
export type EarlierLife = { startedAt: number | undefined; process: ProcessIdentity | undefined };

export interface TaskType {
  readonly type: TaskTypeName;
  /** False when an attempt of these settings touches nothing but the worker's memory: it may start before it is noted. */
  hasOutsideEffects(offer: Offer): boolean;
  /** A throw counts as TASK_START_FAILED. */
  start(context: AttemptContext): RunningAttempt;
  /**
   * Takes an attempt up again that an earlier life of the worker had started, or says how it ended meanwhile. Resolves to
   * undefined when it is lost. Absent: attempts of this type do not survive their worker.
   */
  adopt?(context: AttemptContext, earlier: EarlierLife): Promise<RunningAttempt | undefined>;
}
