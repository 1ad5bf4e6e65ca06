/** One run of the nats-server program: start it, wait until it serves, end it. It knows nothing of restarts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NatsLogLine, parseNatsLogLine } from './nats-log-line.ts';
import { NatsServerError } from './nats-server.error.ts';
import { type ProbeResult, probeNatsServer } from './probe-nats-server.ts';

export interface NatsServerChild {
  /** Undefined when the program could not be started at all. */
  readonly pid: number | undefined;
  /** Resolves with the reason once the process is gone and its output is read; never rejects. */
  readonly exited: Promise<string>;
  readonly hasExited: () => boolean;
  /** The end of what it printed, for error messages. */
  readonly lastLines: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface ServingExpectation {
  host: string;
  port: number;
  serverName: string;
  timeoutMs: number;
}

const lastLineCountMax = 8;
const probeIntervalMs = 10;
const probeTimeoutMs = 1_000;
const killGraceMs = 5_000;
const remedy = 'Look at the log lines above; if the program itself is at fault, install another nats-server.';

export function spawnNatsServer(
  binaryPath: string,
  confPath: string,
  onLine: (line: NatsLogLine) => void,
): NatsServerChild {
  // A process group of its own: Ctrl+C in the terminal must reach the launcher only, which then stops in order.
  const child = spawn(binaryPath, ['--config', confPath], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      const parsed = parseNatsLogLine(line);
      lines.push(parsed.message);
      lines.splice(0, lines.length - lastLineCountMax);
      onLine(parsed);
    });
  }
  let isGone = false;
  const exited = exitReason(child).then((reason) => {
    isGone = true;
    return reason;
  });
  return {
    pid: child.pid,
    exited,
    hasExited: () => isGone,
    lastLines: () => lines.join(' | '),
    kill: (signal) => void child.kill(signal),
  };
}

/** Throws `nats-port-taken` or `nats-server-not-ready` when the server ends or does not serve in time. */
export async function waitUntilServing(child: NatsServerChild, expected: ServingExpectation): Promise<void> {
  const deadlineAt = performance.now() + expected.timeoutMs;
  let lastReason = 'it was not asked yet';
  while (performance.now() < deadlineAt) {
    if (child.hasExited()) throw endedEarly(await child.exited, child.lastLines(), expected);
    const probe = await Promise.race([probeNatsServer({ ...expected, timeoutMs: probeTimeoutMs }), gone(child)]);
    if (probe.status === 'silent') lastReason = probe.reason;
    else if (probe.serverName !== expected.serverName) lastReason = `a foreign server (${probe.serverName}) answers`;
    else if (!probe.isJetStreamEnabled) lastReason = 'it runs without JetStream';
    else return;
    await exitsWithin(child, probeIntervalMs);
  }
  const problem = `nats-server did not serve on port ${expected.port} within ${expected.timeoutMs} ms: ${lastReason}.`;
  throw new NatsServerError('nats-server-not-ready', problem, { remedy });
}

async function gone(child: NatsServerChild): Promise<ProbeResult> {
  return { status: 'silent', reason: await child.exited };
}

/** SIGTERM, then SIGKILL after the deadline. Harmless for a child that is gone. */
export async function endNatsServer(child: NatsServerChild, deadlineMs: number): Promise<void> {
  if (child.hasExited()) return;
  child.kill('SIGTERM');
  if (await exitsWithin(child, deadlineMs)) return;
  child.kill('SIGKILL');
  await exitsWithin(child, killGraceMs);
}

async function exitsWithin(child: NatsServerChild, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const timeUp = sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([child.exited, timeUp]);
  timer.abort();
  return child.hasExited();
}

function exitReason(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(`it could not be started (${error.message})`);
    });
    child.on('close', (exitCode, signal) => resolve(signal === null ? `exit code ${exitCode}` : `signal ${signal}`));
  });
}

function endedEarly(reason: string, lastLines: string, expected: ServingExpectation): NatsServerError {
  const said = lastLines === '' ? 'It printed nothing.' : `It said: ${lastLines}`;
  if (lastLines.includes('address already in use')) {
    return new NatsServerError('nats-port-taken', `Port ${expected.port} on ${expected.host} is taken.`, {
      remedy: 'Choose another port, or port 0 for any free one.',
    });
  }
  return new NatsServerError('nats-server-not-ready', `nats-server ended before it served: ${reason}. ${said}`, {
    remedy,
  });
}
