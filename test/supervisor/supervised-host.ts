/** A host of commands with a real supervisor, in a folder of its own; nothing of it is left behind. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { supervisorProgram } from '../../src/main/supervisor-program.ts';
import {
  createSupervisedCommandHost,
  type SupervisedCommandHost,
} from '../../src/supervisor/supervised-command-host.adapter.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { killEverythingIn } from '../kit/processes.ts';

export type SupervisedHostFixture = { dataDir: string; host: SupervisedCommandHost; remove(): Promise<void> };

export function startSupervisedHost(options: { dataDir?: string; idleMs?: number } = {}): SupervisedHostFixture {
  const dataDir = options.dataDir ?? newDataDir();
  return {
    dataDir,
    host: newHost(dataDir, options.idleMs),
    remove: async () => {
      await killEverythingIn(dataDir);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function newDataDir(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'supervisor-test-')));
}

export function newHost(dataDir: string, idleMs = 60_000): SupervisedCommandHost {
  return createSupervisedCommandHost({
    dataDir,
    program: supervisorProgram(idleMs),
    processes: systemProcessTable,
    clock: systemClock,
    log: silentLog,
  });
}
