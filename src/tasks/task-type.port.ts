/** What a worker asks of a task type, and what it gives to each attempt. */
import type { TaskType as TaskTypeName } from '../../schemas/definition/task-settings.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { ProcessIdentity } from './process-table.port.ts';

export type AttemptResult =
  | { kind: 'succeeded'; outputs: JsonRecord }
  | { kind: 'failed'; fault: Fault; exitCode?: number }
  /** Ended because `cancel` was called. */
  | { kind: 'cancelled' };

/** `graceful` lets the attempt clean up for as long as its settings allow; `now` does not. */
export type CancelUrgency = 'graceful' | 'now';

export interface RunningAttempt {
  /** Leads to `context.ended` within the grace period. May be called again, with more urgency; harmless after the end. */
  cancel(urgency: CancelUrgency): void;
}

export type AttemptFolder = {
  /** For files of the task type: inputs, outputs. */
  root: string;
  /** The task's own current directory, empty at the start. */
  work: string;
};

export interface AttemptContext {
  readonly offer: Offer;
  readonly worker: WorkerId;
  readonly clock: Clock;
  readonly outputSizeBytesMax: number;
  /** Made at the first call: attempts that need no files cost none. Throws when it cannot be made. */
  folder(): AttemptFolder;
  /** Appends to the output that users read. Never throws; what exceeds the limit is dropped with a note. */
  writeLog(bytes: Uint8Array): void;
  /** Records a process of the attempt; `onDurable` is called when a restarted worker would know of it. */
  noteProcess(process: ProcessIdentity, onDurable: () => void): void;
  /** Says how the attempt ended: once, at any time, also before `start` returns. */
  ended(result: AttemptResult): void;
}

export interface TaskType {
  readonly type: TaskTypeName;
  /** False when an attempt of these settings touches nothing but the worker's memory: it may start before it is noted. */
  hasOutsideEffects(offer: Offer): boolean;
  /** A throw counts as TASK_START_FAILED. */
  start(context: AttemptContext): RunningAttempt;
}
