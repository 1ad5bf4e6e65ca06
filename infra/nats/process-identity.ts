/**
 * Tells whether a recorded process is still that process: a pid alone is given away again, a pid together with its
 * start time is not.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const ProcessIdentitySchema = z.object({
  pid: z.number().int().positive(),
  /** Opaque: on Linux the boot id and the start in clock ticks since boot, elsewhere what `ps` prints. */
  startMark: z.string().min(1),
});

export type ProcessIdentity = z.infer<typeof ProcessIdentitySchema>;

/** The identity of a running process, or undefined if it has ended (a zombie has ended). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startMark = process.platform === 'linux' ? startMarkFromProc(pid) : startMarkFromPs(pid);
  return startMark === undefined ? undefined : { pid, startMark };
}

/** True while the very process that was recorded still runs. */
export function isStillRunning(recorded: ProcessIdentity): boolean {
  return identifyProcess(recorded.pid)?.startMark === recorded.startMark;
}

function startMarkFromProc(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // No such process.
  }
  // The command name is in parentheses and may hold spaces and parentheses itself: count fields after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || startTicks === undefined) return undefined;
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${bootId}:${startTicks}`;
}

function startMarkFromPs(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [state = '', ...start] = line.split(/\s+/);
    return line === '' || state.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return undefined; // `ps` ends with 1 when there is no such process.
  }
}
