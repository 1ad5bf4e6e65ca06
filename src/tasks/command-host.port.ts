/** Where the commands of shell attempts run: in this very process, or under a supervisor that outlives it. */
import type { ClientName } from '../../schemas/clusters/application-ids.ts';
import type { ProcessIdentity } from './process-table.port.ts';
import type { CancelReason, CancelUrgency, OutputPlace } from './task-type.port.ts';

export type CommandOrder = {
  attemptId: string;
  /** For `/bin/sh -c`. */
  command: string;
  /** Its current directory, which exists. */
  folder: string;
  /** All that it sees; nothing is inherited. */
  environment: Record<string, string>;
  /** Time between SIGTERM and SIGKILL when it is cancelled. */
  graceMs: number;
  output: OutputPlace;
  /** Texts that are replaced in its output before anybody sees it. Absent: none. */
  masked?: readonly string[];
  /** In whose words its output tells of applications that it starts on clusters. Absent: in no one's. */
  client?: ClientName;
};

export type CommandEnd =
  | { kind: 'exited'; exitCode: number; lastLine: string }
  | { kind: 'killed'; signal: string; lastLine: string }
  /** Its whole group is gone because of `cancel`. */
  | { kind: 'cancelled'; reason: CancelReason }
  | { kind: 'startFailed'; message: string }
  /** What ran it is gone without a word; no process of it runs any more. */
  | { kind: 'lost'; message: string };

/** Never called before the call that it was given to has returned, or its promise has resolved. */
export interface CommandListener {
  /** Its process exists and waits at the gate. Not told when it ended before that could be seen. */
  spawned(process: ProcessIdentity): void;
  /** The file of its output has so many bytes. */
  wrote(sizeBytes: number): void;
  /** Its client has said that it submits this application. Perhaps again when it was adopted. */
  found(applicationId: string): void;
  /** Called once, last, with the whole output in its file; `endedAt` when that was before anybody listened. */
  ended(end: CommandEnd, endedAt?: number): void;
}

export interface RunningCommand {
  /** Lets the command run: only now, for the first time. */
  openGate(): void;
  /** Ends its process group. May be called again, with more urgency; harmless after the end. */
  cancel(urgency: CancelUrgency, reason: CancelReason): void;
  /** Its end is kept elsewhere: what the host remembers of it may go. */
  forget(): void;
}

export type EarlierCommand = Pick<CommandOrder, 'attemptId' | 'graceMs'>;

export interface CommandHost {
  start(order: CommandOrder, listener: CommandListener): RunningCommand;
  /** A command that an earlier life of this process had started; undefined when nothing is known of it. */
  adopt(earlier: EarlierCommand, listener: CommandListener): Promise<RunningCommand | undefined>;
}
