/** Runs other programs: in the foreground of this terminal, or captured. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** As a shell says it. */
export const exitNoSuchProgram = 127;

const forwardedSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Resolves with the exit code (128 + n after signal n). Signals to this process are passed on to the child. */
export async function runInForeground(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const forwarders = forwardedSignals.map((signal) => [signal, () => forward(child, signal)]);
  for (const [signal, forwarder] of forwarders) process.on(signal, forwarder);
  try {
    return await exitCodeOf(child);
  } finally {
    for (const [signal, forwarder] of forwarders) process.off(signal, forwarder);
  }
}

/** Resolves with the exit code and all that was printed; `exitNoSuchProgram` when it cannot be started. */
export async function runCaptured(command, args, { timeoutMs, ...options } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  child.stderr?.on('data', (chunk) => chunks.push(chunk));
  // Not the option of spawn: its timer outlives a program that could not be started.
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), timeoutMs);
  const exitCode = await exitCodeOf(child).catch((error) => {
    chunks.push(Buffer.from(error.message));
    return exitNoSuchProgram;
  });
  clearTimeout(timer);
  return { exitCode, output: Buffer.concat(chunks).toString('utf8') };
}

function forward(child, signal) {
  // Ctrl+C reaches the whole foreground of a terminal: passing it on would make it two.
  if (signal === 'SIGINT' && process.stdin.isTTY) return;
  child.kill(signal);
}

function exitCodeOf(child) {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve(exitCode ?? 128 + constants.signals[signal]));
  });
}
