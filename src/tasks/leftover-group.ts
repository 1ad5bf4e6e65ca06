/** Ends the processes that an attempt has left behind, if they are its own. */
import type { Clock } from '../clock/clock.port.ts';
import { createGroupEnding } from './group-ending.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.port.ts';

export type Leftover = { attemptId: string; process: ProcessIdentity | undefined };

/** Resolves when none runs any more; true when there was one. */
export async function endLeftoverGroup(
  { attemptId, process }: Leftover,
  { processes, clock }: { processes: ProcessTable; clock: Clock },
): Promise<boolean> {
  if (process === undefined) return false;
  const groupId = process.pid;
  // The leader may be gone while its children run; they carry the attempt's id, a group that got the same number does not.
  const isOurs =
    processes.isStillRunning(process) || processes.groupHasVariable(groupId, `MILLRACE_ATTEMPT_ID=${attemptId}`);
  if (!isOurs) return false;
  await new Promise<void>((resolve) => {
    createGroupEnding({ processes, clock, groupId, onEnded: () => resolve() }).begin(0);
  });
  return true;
}
