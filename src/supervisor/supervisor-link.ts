/**
 * The worker's way to its supervisor: finds the one that is there, starts one when there is none.
 *
 * K1 A supervisor that takes the connection and does not say a word within the deadline hangs: it is killed, and what it
 *    ran counts as left behind.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { ProcessIdentity, ProcessTable } from '../tasks/process-table.port.ts';
import type { Log } from '../telemetry/log.ts';
import { createLineChannel, type LineChannel } from './line-channel.ts';
import {
  type FromSupervisor,
  isFromSupervisor,
  isProcessIdentity,
  protocolVersion,
  type RunState,
  type ToSupervisor,
} from './supervisor.messages.ts';
import { fileMode, folderMode, reachableSocket, type SupervisorPlace } from './supervisor-place.ts';

/** Masters give a returning worker's attempts away after 5 s by default: it must have found out by then. */
const welcomeDeadlineMs = 3_000;
const startDeadlineMs = 15_000;
const logSizeBytesMax = 1_048_576;

/** How a supervisor is started: its arguments end with the idle time. */
export type SupervisorProgram = { file: string; args: readonly string[]; environment: Record<string, string> };

export type SupervisorLinkOptions = {
  dataDir: string;
  place: SupervisorPlace;
  program: SupervisorProgram;
  processes: ProcessTable;
  clock: Clock;
  log: Log;
  /** Called before any other message of the connection is handed on. */
  onWelcome: (link: OpenLink) => void;
  onMessage: (message: FromSupervisor) => void;
  /** The connection of a welcomed worker is gone. */
  onLost: () => void;
};

export type OpenLink = {
  send(message: ToSupervisor): void;
  close(): void;
  /** What the supervisor knew when the connection was made. */
  runs: RunState[];
  process: ProcessIdentity;
  /** Resolves when the supervisor's process is gone, or to false at the deadline. */
  whenGone(deadlineMs: number): Promise<boolean>;
};

/** Connects to the supervisor that is there; false when there is none. */
export async function openExisting(options: SupervisorLinkOptions): Promise<boolean> {
  const socket = await tryToConnect(options.place);
  if (socket === undefined) return false;
  const greeting = await exchangeGreetings(socket, options);
  if (greeting === 'hanging') await killHanging(options);
  return greeting === 'welcome';
}

/** Connects to the supervisor that is there, else to a new one. */
export async function openOrStart(options: SupervisorLinkOptions): Promise<void> {
  if (await openExisting(options)) return;
  await startSupervisor(options);
  if (!(await openExisting(options))) throw cannotStart(options, 'it does not answer');
}

function tryToConnect(place: SupervisorPlace): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    let address: ReturnType<typeof reachableSocket>;
    try {
      address = reachableSocket(place);
    } catch {
      resolve(undefined); // There is no such folder yet.
      return;
    }
    const socket = connect(address.path);
    socket.once('connect', () => {
      address.release();
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => {
      address.release();
      resolve(undefined); // No file, or one that a dead supervisor left behind.
    });
  });
}

type Greeting = 'welcome' | 'gone' | 'hanging';

function exchangeGreetings(socket: Socket, options: SupervisorLinkOptions): Promise<Greeting> {
  const { clock, onWelcome, onMessage, onLost } = options;
  return new Promise((resolve) => {
    let isWelcome = false;
    const greeted = (message: Extract<FromSupervisor, { kind: 'welcome' }>): void => {
      deadline.cancel();
      isWelcome = message.version === protocolVersion;
      if (isWelcome) onWelcome(linkOf(channel, message, options));
      resolve(isWelcome ? 'welcome' : 'hanging');
    };
    const channel = createLineChannel<FromSupervisor, ToSupervisor>({
      socket,
      isMessage: isFromSupervisor,
      onMessage: (message) => (message.kind === 'welcome' ? greeted(message) : onMessage(message)),
      onClose: () => {
        deadline.cancel();
        if (isWelcome) onLost();
        resolve('gone'); // It was just about to end.
      },
    });
    const deadline = clock.after(welcomeDeadlineMs, () => {
      resolve('hanging');
      channel.close();
    });
    channel.send({ kind: 'hello', version: protocolVersion });
  });
}

function linkOf(
  channel: LineChannel<ToSupervisor>,
  { process, runs }: Extract<FromSupervisor, { kind: 'welcome' }>,
  { processes, clock }: SupervisorLinkOptions,
): OpenLink {
  return {
    send: channel.send,
    close: channel.close,
    runs,
    process,
    whenGone: (deadlineMs) => whenGone(process, { deadlineMs, processes, clock }),
  };
}

const lookIntervalMs = 10;

/** It is no child of a restarted worker: nothing but looking tells. */
async function whenGone(
  process: ProcessIdentity,
  { deadlineMs, processes, clock }: { deadlineMs: number; processes: ProcessTable; clock: Clock },
): Promise<boolean> {
  const endAt = clock.now() + deadlineMs;
  while (processes.isStillRunning(process)) {
    if (clock.now() >= endAt) return false;
    await new Promise<void>((resolve) => {
      clock.after(lookIntervalMs, resolve);
    });
  }
  return true;
}

/** K1. It leads a process group of its own, which has no other member. */
async function killHanging({ place, processes, clock, log }: SupervisorLinkOptions): Promise<void> {
  const process = identityIn(place);
  log.error({ pid: process?.pid }, 'the supervisor of shell attempts does not answer; it is killed');
  if (process === undefined || !processes.isStillRunning(process)) return;
  processes.signalGroup(process.pid, 'SIGKILL');
  await whenGone(process, { deadlineMs: welcomeDeadlineMs, processes, clock });
}

function identityIn(place: SupervisorPlace): ProcessIdentity | undefined {
  try {
    const identity: unknown = JSON.parse(readFileSync(place.identity, 'utf8'));
    return isProcessIdentity(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}

/** Resolves when it listens, or when it found another one that does. */
async function startSupervisor(options: SupervisorLinkOptions): Promise<void> {
  const { dataDir, place, program, clock } = options;
  mkdirSync(place.folder, { recursive: true, mode: folderMode });
  const log = openLog(place);
  try {
    // A session of its own: neither the worker's end nor a key of its terminal reaches it.
    const child = spawn(program.file, program.args, {
      cwd: dataDir,
      env: program.environment,
      detached: true,
      stdio: ['ignore', 'pipe', log],
    });
    await new Promise<void>((resolve, reject) => {
      const deadline = clock.after(startDeadlineMs, () => {
        child.kill('SIGKILL');
        reject(cannotStart(options, `it was not ready within ${startDeadlineMs} ms`));
      });
      const settle = (fault?: Error): void => {
        deadline.cancel();
        child.stdout?.destroy();
        child.unref();
        if (fault === undefined) resolve();
        else reject(fault);
      };
      child.stdout?.once('data', () => settle());
      child.once('error', (fault) => settle(cannotStart(options, fault.message)));
      child.once('exit', (code) => settle(code === 0 ? undefined : cannotStart(options, `it ended with ${code}`)));
    });
  } finally {
    closeSync(log);
  }
}

/** A supervisor says little; a log that has grown all the same begins anew. */
function openLog({ log }: SupervisorPlace): number {
  const sizeBytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  return openSync(log, sizeBytes > logSizeBytesMax ? 'w' : 'a', fileMode);
}

function cannotStart({ place }: SupervisorLinkOptions, why: string): AppError {
  return new AppError('TASK_START_FAILED', `the supervisor of shell attempts cannot start: ${why}; see ${place.log}`);
}
