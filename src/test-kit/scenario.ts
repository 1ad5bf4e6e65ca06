/** What a test says of the world of a run before it begins. Everything has a default. */
import type { Priority, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { parseDurationMs } from '../../schemas/duration.ts';
import type { Start } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { nearestName } from '../definitions/nearest-name.ts';
import { AppError } from '../errors/app-error.ts';
import type { WorkerSet } from '../virtual/virtual-workers.ts';
import type { Script } from './results.ts';

/** Milliseconds, or a text such as `90s` or `1h`. */
export type Duration = number | string;

export type Scenario = {
  readonly params?: JsonRecord;
  /** Default: `test`. */
  readonly key?: string;
  /** The time that the run is about: milliseconds since 1970, or ISO 8601. Default: its submission. */
  readonly logicalAt?: number | string;
  readonly start?: { readonly tasks: readonly string[]; readonly mode: Start['mode'] };
  readonly dryRun?: boolean;
  readonly priority?: Priority;
  /** How attempts go, by task; of a map and of one of its items (`load[3]`). Else they succeed after a second. */
  readonly results?: Readonly<Record<string, Script>>;
  /** Default: one worker for each group, with 100 slots. */
  readonly workers?: WorkerSet;
  /** The owner dies when this event is durable, before it does anything of what follows. Several: one owner after the other. */
  readonly masterDiesAfter?: number | readonly number[];
  /** From the death of an owner to its successor. Default: one second. */
  readonly takeover?: Duration;
  /** Default: 2030-01-01T00:00:00Z. */
  readonly startsAt?: number | string;
  /** Losses of one task after which it fails. Default: 5. */
  readonly lossesMax?: number;
  /** The chance in the delays of retries, 0 to 1. Default: the middle. */
  readonly chance?: number;
};

export function durationMs(duration: Duration): number {
  const found = typeof duration === 'number' ? duration : parseDurationMs(duration);
  if (found !== undefined && Number.isFinite(found) && found >= 0) return found;
  throw new AppError('BAD_REQUEST', `"${duration}" is no duration: expected milliseconds, or a text such as 90s or 1h`);
}

export function timeMs(time: number | string): number {
  const found = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isInteger(found)) return found;
  throw new AppError(
    'BAD_REQUEST',
    `"${time}" is no time: expected milliseconds since 1970, or such as 2030-01-31T08:00:00Z`,
  );
}

const ownDecisions: readonly string[] = ['switch', 'conditions'];
const answered: Readonly<Record<string, string>> = { signal: 'signal(...)', approval: 'approve(...) or decline(...)' };

/** A name that is written wrong would let a test pass that tests nothing. @throws AppError BAD_REQUEST */
export function checkScripts({ tasks }: WorkflowDefinition, results: NonNullable<Scenario['results']>): void {
  for (const name of Object.keys(results)) {
    const task = tasks.find((one) => one.name === name.replace(/\[\d+\]$/, ''));
    if (task === undefined) {
      const names = tasks.map((one) => one.name);
      const nearest = nearestName(name, names);
      const hint = nearest === undefined ? `it has ${names.join(', ')}` : `did you mean ${nearest}?`;
      throw new AppError('BAD_REQUEST', `results are given for ${name}, which the workflow does not have; ${hint}`);
    }
    const { type } = task.settings;
    if (ownDecisions.includes(type)) {
      throw new AppError('BAD_REQUEST', `${name} is a ${type} task: it decides by itself and takes no results`);
    }
    const answer = answered[type];
    if (answer !== undefined) {
      throw new AppError('BAD_REQUEST', `${name} is a ${type} task: it takes no results, answer it with ${answer}`);
    }
  }
}

export function defaultWorkers({ tasks }: WorkflowDefinition): WorkerSet {
  const groups = tasks.map(({ settings, workerGroup }) =>
    settings.type === 'map' ? settings.task.workerGroup : workerGroup,
  );
  return { 'worker-1': { groups: [...new Set<string>(groups)], slots: 100 } };
}
