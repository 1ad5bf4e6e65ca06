/** The load as the operating system counts it. Memory that can be had without swapping counts as free. */
import { readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import type { MachineLoad } from './machine-load.port.ts';

type CpuTimes = { busyMs: number; totalMs: number };

export function createOsMachineLoad(): MachineLoad {
  let last = cpuTimes();
  return {
    measure: () => {
      const now = cpuTimes();
      const totalMs = now.totalMs - last.totalMs;
      const cpu = totalMs <= 0 ? 0 : (now.busyMs - last.busyMs) / totalMs;
      last = now;
      return { cpu: share(cpu), memory: share(1 - availableMemory() / totalmem()) };
    },
  };
}

function cpuTimes(): CpuTimes {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    totalMs += busy + times.idle;
  }
  return { busyMs, totalMs };
}

/** `freemem` leaves the page cache out, which makes any machine that reads files look full. */
function availableMemory(): number {
  try {
    const [, kibibytes] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
    return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
  } catch {
    return freemem(); // Not Linux.
  }
}

function share(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1_000) / 1_000;
}
