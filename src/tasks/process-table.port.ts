/** The processes of this machine: who they are, and signals to whole groups. */

/** A pid alone is given away again; a pid together with its start is not. */
export type ProcessIdentity = {
  pid: number;
  /** Opaque: tells two processes apart that had the same pid. */
  startMark: string;
};

export interface ProcessTable {
  /** The identity of a running process; undefined when it has ended (a zombie has ended). */
  identify(pid: number): ProcessIdentity | undefined;
  isStillRunning(recorded: ProcessIdentity): boolean;
  /** Sends a signal to each process of the group. No error when it is gone. */
  signalGroup(groupId: number, signal: 'SIGTERM' | 'SIGKILL'): void;
  /** True while a process of the group runs; zombies do not count. */
  isGroupAlive(groupId: number): boolean;
  /** True when a process of the group was started with this environment variable (`NAME=value`). */
  groupHasVariable(groupId: number, assignment: string): boolean;
}
