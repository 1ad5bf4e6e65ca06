/**
 * The supervisor as a process: `<this> <idle ms>`, in the data folder of its worker. It says `ready` on its output, or ends
 * at once when another one is there. Little is imported: it is to start quickly and to stay small.
 */
import type { Clock } from '../clock/clock.port.ts';
import { Supervisor } from '../supervisor/supervisor.ts';
import { supervisorPlace } from '../supervisor/supervisor-place.ts';
import { systemProcessTable } from '../tasks/system-process-table.adapter.ts';
import type { Log, LogFields } from '../telemetry/log.ts';

const clock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Few lines in a life: they go to a file as they come. */
function lineLog(bound: LogFields): Log {
  const write = (level: string) => (fields: LogFields, message: string) => {
    const { fault, ...others } = fields;
    const told = fault instanceof Error ? { fault: fault.message } : {};
    const at = new Date().toISOString();
    process.stderr.write(`${JSON.stringify({ at, level, ...bound, ...others, ...told, message })}\n`);
  };
  const quiet = (): void => {};
  const child = (fields: LogFields) => lineLog({ ...bound, ...fields });
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: quiet, child };
}

async function run(): Promise<void> {
  const log = lineLog({ pid: process.pid });
  const supervisor = new Supervisor({
    place: supervisorPlace('.'),
    process: systemProcessTable.identify(process.pid) ?? { pid: process.pid, startMark: '' },
    idleMs: Number(process.argv.at(-1)),
    processes: systemProcessTable,
    clock,
    log,
    onEnd: () => {
      log.info({}, 'supervisor ended');
      process.exit(0);
    },
  });
  // It outlives terminals and shells; who wants it gone waits until its commands have ended.
  process.on('SIGHUP', () => {});
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => supervisor.endWhenIdle());
  if (!(await supervisor.listen())) process.exit(0);
  log.info({}, 'supervisor started');
  process.stdout.write('ready\n');
}

// No `await` at the top: from source this file is loaded as CommonJS, which starts without a second thread.
run().catch((fault: unknown) => {
  process.stderr.write(`${fault instanceof Error ? fault.stack : String(fault)}\n`);
  process.exit(1);
});
