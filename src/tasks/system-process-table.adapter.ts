/** The processes of this machine, from `/proc` where it exists, else from `ps`. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessIdentity, ProcessTable } from './process-table.port.ts';

const isLinux = process.platform === 'linux';
const psTimeoutMs = 2_000;

export const systemProcessTable: ProcessTable = {
  identify,
  isStillRunning: (recorded) => identify(recorded.pid)?.startMark === recorded.startMark,
  signalGroup: (groupId, signal) => void sendSignal(groupId, signal),
  isGroupAlive: (groupId) => sendSignal(groupId, 0) && (!isLinux || membersOf(groupId).length > 0),
  groupHasVariable: (groupId, assignment) =>
    isLinux && membersOf(groupId).some((pid) => environmentOf(pid).includes(assignment)),
};

function identify(pid: number): ProcessIdentity | undefined {
  const startMark = isLinux ? startMarkFromProc(pid) : startMarkFromPs(pid);
  return startMark === undefined ? undefined : { pid, startMark };
}

/** False when the group has no process, zombies included. */
function sendSignal(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Running processes of a group. A container without an init process keeps zombies for ever: they are left out. */
function membersOf(groupId: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const stat = readStat(pid);
    return stat !== undefined && stat.groupId === groupId && stat.isRunning;
  });
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // Ended meanwhile, or of another user.
  }
}

function startMarkFromProc(pid: number): string | undefined {
  const stat = readStat(pid);
  if (!stat?.isRunning) return undefined;
  return `${bootId()}:${stat.startTicks}`;
}

type Stat = { isRunning: boolean; groupId: number; startTicks: string };

function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // No such process.
  }
  // The command name is in parentheses and may hold spaces and parentheses itself: count fields after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? '';
  return { isRunning: state !== 'Z' && state !== 'X', groupId: Number(fields[2]), startTicks: fields[19] ?? '' };
}

let knownBootId: string | undefined;

function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return knownBootId;
}

function startMarkFromPs(pid: number): string | undefined {
  try {
    const options = { encoding: 'utf8', timeout: psTimeoutMs } as const;
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], options).trim();
    const [state = '', ...start] = line.split(/\s+/);
    return line === '' || state.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return undefined; // `ps` ends with 1 when there is no such process.
  }
}
