/** Processor time and memory of other processes, from /proc. */
import { readFileSync } from 'node:fs';

const ticksPerSecond = 100;
const pageSizeBytes = 4_096;

/** Seconds of user and system time that a process has used. */
export function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function residentBytesOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageSizeBytes;
}
