/**
 * What a worker and its supervisor say to each other: one JSON object per line over a Unix socket that only their user can
 * open. Both ends come from the same installation, and the supervisor must start quickly and stay small: so each line is
 * checked by the few functions below instead of a schema library.
 */
import { type ClientName, clientNames } from '../../schemas/clusters/application-ids.ts';
import type { CommandEnd, CommandOrder } from '../tasks/command-host.port.ts';
import type { ProcessIdentity } from '../tasks/process-table.port.ts';
import { type CancelReason, type CancelUrgency, cancelReasons } from '../tasks/task-type.port.ts';

/** Raised when an older end would misunderstand; a supervisor may be older than its worker. */
export const protocolVersion = 2;

export type ToSupervisor =
  /** First on each connection; answered with `welcome`. */
  | { kind: 'hello'; version: number }
  | { kind: 'start'; order: CommandOrder }
  | { kind: 'openGate'; attemptId: string }
  | { kind: 'cancel'; attemptId: string; urgency: CancelUrgency; reason: CancelReason }
  | { kind: 'forget'; attemptId: string }
  /** All commands are ended unless this comes again within the time. Never sent: they run on. */
  | { kind: 'lease'; validForMs: number }
  /** The worker stops for good: the supervisor ends as soon as nothing runs. */
  | { kind: 'endWhenIdle' };

export type RunState = {
  attemptId: string;
  process?: ProcessIdentity;
  isGateOpen: boolean;
  outputSizeBytes: number;
  /** What its client has said to submit. */
  applications?: string[];
  end?: CommandEnd;
  endedAt?: number;
};

export type FromSupervisor =
  | { kind: 'welcome'; version: number; process: ProcessIdentity; runs: RunState[] }
  | { kind: 'spawned'; attemptId: string; process: ProcessIdentity }
  | { kind: 'wrote'; attemptId: string; sizeBytes: number }
  | { kind: 'found'; attemptId: string; application: string }
  | { kind: 'ended'; attemptId: string; end: CommandEnd; endedAt: number };

type Check<T> = (value: unknown) => value is T;
type Fields<T> = { [Key in keyof T]-?: Check<T[Key]> };

const text = (value: unknown): value is string => typeof value === 'string';
const flag = (value: unknown): value is boolean => typeof value === 'boolean';
const count = (value: unknown): value is number => typeof value === 'number' && value >= 0;
const oneOf =
  <T extends string>(...allowed: readonly T[]): Check<T> =>
  (value): value is T =>
    allowed.includes(value as T);
/** Becomes a file name. */
const id = (value: unknown): value is string => text(value) && /^[A-Za-z0-9-]{1,64}$/.test(value);
const texts = (value: unknown): value is Record<string, string> => isRecord(value) && Object.values(value).every(text);
const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || check(value);
const listOf =
  <T>(check: Check<T>): Check<T[]> =>
  (value): value is T[] =>
    Array.isArray(value) && value.every(check);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shape<T>(fields: Fields<T>): Check<T> {
  const checks = Object.entries(fields) as [string, Check<unknown>][];
  return (value): value is T => isRecord(value) && checks.every(([name, check]) => check(value[name]));
}

function union<T extends { kind: string }>(
  variants: {
    [Kind in T['kind']]: Fields<Omit<Extract<T, { kind: Kind }>, 'kind'>>;
  },
): Check<T> {
  const entries = Object.entries<Fields<unknown>>(variants);
  const checks = new Map<unknown, Check<unknown>>(entries.map(([kind, fields]) => [kind, shape(fields)]));
  return (value): value is T => isRecord(value) && (checks.get(value.kind)?.(value) ?? false);
}

const processIdentity = shape<ProcessIdentity>({ pid: count, startMark: text });
const urgency = oneOf<CancelUrgency>('graceful', 'now');
const reason = oneOf<CancelReason>(...cancelReasons);
const order = shape<CommandOrder>({
  attemptId: id,
  command: text,
  folder: text,
  environment: texts,
  graceMs: count,
  output: shape({ path: text, sizeBytesMax: count }),
  masked: optional(listOf(text)) as Check<readonly string[]>,
  client: optional(oneOf(...clientNames)) as Check<ClientName>,
});
const commandEnd = union<CommandEnd>({
  exited: { exitCode: count, lastLine: text },
  killed: { signal: text, lastLine: text },
  cancelled: { reason },
  startFailed: { message: text },
  lost: { message: text },
});
const runStateFields: Fields<RunState> = {
  attemptId: id,
  process: optional(processIdentity) as Check<ProcessIdentity>,
  isGateOpen: flag,
  outputSizeBytes: count,
  applications: optional(listOf(text)) as Check<string[]>,
  end: optional(commandEnd) as Check<CommandEnd>,
  endedAt: optional(count) as Check<number>,
};

export const isRunState: Check<RunState> = shape(runStateFields);
export const isProcessIdentity = processIdentity;

export const isToSupervisor = union<ToSupervisor>({
  hello: { version: count },
  start: { order },
  openGate: { attemptId: id },
  cancel: { attemptId: id, urgency, reason },
  forget: { attemptId: id },
  lease: { validForMs: count },
  endWhenIdle: {},
});

export const isFromSupervisor = union<FromSupervisor>({
  welcome: { version: count, process: processIdentity, runs: listOf(isRunState) },
  spawned: { attemptId: id, process: processIdentity },
  wrote: { attemptId: id, sizeBytes: count },
  found: { attemptId: id, application: text },
  ended: { attemptId: id, end: commandEnd, endedAt: count },
});
