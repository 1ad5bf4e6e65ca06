/**
 * Tests of workflows without servers: a run in memory, with virtual time and results that the test says. The decisions are
 * those of a master; only the outside is played. For any test runner: what is not as expected is thrown.
 *
 *     given(workflow, { results: { fetch: fails({ times: 2 }) } })
 *       .when()
 *       .thenEnds('succeeded')
 *       .thenTask('fetch', { attempts: 3 });
 */
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { VirtualWorker } from '../virtual/virtual-workers.ts';
import type { EventPattern } from './event-patterns.ts';
import { Happened } from './happened.ts';
import {
  type Asker,
  asking,
  type Command,
  type Happening,
  masterDying,
  passing,
  reaching,
  workerJoining,
  workerLeaving,
} from './happenings.ts';
import { PlayedRun } from './played-run.ts';
import { readWorkflow } from './read-workflow.ts';
import type { Result } from './results.ts';
import { type Duration, durationMs, type Scenario } from './scenario.ts';

export type Given = {
  /** The run is submitted, the happenings happen in order, and then it goes on until it ends or nothing more happens by itself. */
  when(...happenings: Happening[]): Happened;
};

/**
 * @param workflow YAML or JSON text, the same as an object, or a stored definition
 * @throws AppError DEFINITION_INVALID, or whatever the submission would be refused for
 */
export function given(workflow: string | object, scenario: Scenario = {}): Given {
  const definition = readWorkflow(workflow);
  return { when: (...happenings) => new Happened(new PlayedRun(definition, scenario), happenings) };
}

type Timed = { readonly after?: Duration; readonly times?: number };

/** The attempt succeeds. `after`: by default a second. */
export function succeeds(outputs: JsonRecord = {}, { after = 1_000, times }: Timed = {}): Result {
  return { kind: 'succeeds', outputs, afterMs: durationMs(after), ...counted(times) };
}

/** The attempt fails; without `times` each one that follows too. */
export function fails(
  options: Timed & { readonly message?: string; readonly code?: string; readonly exitCode?: number } = {},
): Result {
  const { message = 'it fails in the test', code = 'TASK_FAILED', exitCode, after = 1_000, times } = options;
  const told = exitCode === undefined ? {} : { exitCode };
  return { kind: 'fails', fault: { code, message }, afterMs: durationMs(after), ...told, ...counted(times) };
}

/** The attempt succeeds, after so long. */
export const takes = (after: Duration, outputs: JsonRecord = {}): Result => succeeds(outputs, { after });

/** The worker refuses the offer: the task gets another one. */
export function isRefused({ message = 'it is refused in the test', times = 1 } = {}): Result {
  return { kind: 'refused', fault: { code: 'WORKER_BUSY', message }, times };
}

/** The attempt starts, and nothing more is ever heard of it; it heeds a cancel. */
export const neverReports = ({ times }: Pick<Timed, 'times'> = {}): Result => ({ kind: 'silent', ...counted(times) });

/** The worker dies under the attempt. `back`: so long later it is here again, by default a second; false: never. */
export function losesWorker(
  options: Timed & { readonly back?: Duration | false; readonly withAttempt?: boolean } = {},
): Result {
  const { after = 500, back = 1_000, withAttempt = false, times = 1 } = options;
  const returns = back === false ? undefined : { afterMs: durationMs(back), hasAttempt: withAttempt };
  return { kind: 'losesWorker', afterMs: durationMs(after), back: returns, times };
}

/** So much time passes, and the run stays there. */
export const passes = (duration: Duration): Happening => passing(duration);

/** The run goes on until there is such an event, and stays there. */
export const until = (pattern: EventPattern): Happening => reaching(pattern);

/** The owner dies; another one folds the stream anew and goes on. */
export const masterDies = (): Happening => masterDying;

export const workerLeaves = (worker: string): Happening => workerLeaving(worker);
export const workerJoins = (worker: string, set: VirtualWorker): Happening => workerJoining(worker, set);

/** Any command of people: `asks({ type: 'skipTask', task: 'load' })`. */
export const asks = (command: Command): Happening => asking(command);
export const pause = (asker: Asker = {}): Happening => asking({ type: 'pause', ...asker });
export const resume = (asker: Asker = {}): Happening => asking({ type: 'resume', ...asker });
export const stop = (asker: Asker = {}): Happening => asking({ type: 'stop', ...asker });

export function signal(name: string, payload: JsonValue = null, asker: Asker = {}): Happening {
  return asking({ type: 'sendSignal', name, payload, ...asker });
}

export const approve = (task: string, asker: Asker = {}): Happening => answer(task, true, asker);
export const decline = (task: string, asker: Asker = {}): Happening => answer(task, false, asker);

const answer = (task: string, approved: boolean, asker: Asker): Happening =>
  asking({ type: 'approveTask', task, approved, ...asker });

const counted = (times: number | undefined) => (times === undefined ? {} : { times });
