/** How attempts go in a test, in place of a worker that runs them. */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord } from '../../schemas/json.ts';

export type Result = { readonly times?: number } & (
  | { readonly kind: 'succeeds'; readonly outputs: JsonRecord; readonly afterMs: number }
  | { readonly kind: 'fails'; readonly fault: Fault; readonly exitCode?: number; readonly afterMs: number }
  | { readonly kind: 'refused'; readonly fault: Fault }
  /** It starts, and nothing more is ever heard of it unless it is cancelled. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'losesWorker'; readonly afterMs: number; readonly back: WorkerBack | undefined }
);

/** The worker comes back so long after it was lost; with the attempt still running, or without. */
export type WorkerBack = { readonly afterMs: number; readonly hasAttempt: boolean };

/** What a script may look at: the attempt, and what its task was given. */
export type PlayedAttempt = {
  readonly task: string;
  /** 1 for the first one. */
  readonly attempt: number;
  /** Of an item of a map: its number, from 0. */
  readonly item: number | undefined;
  readonly worker: string | undefined;
  /** The parameters of the task, with their values. */
  readonly params: JsonRecord;
  /** Outputs of the tasks that it needs, by task. */
  readonly needs: Readonly<Record<string, JsonRecord>>;
};

/** One result, several in the order of the attempts, or a function that says it of each attempt. */
export type Script = Result | readonly Result[] | ((attempt: PlayedAttempt) => Result);

const defaultResult: Result = { kind: 'succeeds', outputs: {}, afterMs: 1_000 };

/**
 * A list is gone through in order: each counts for as many attempts as its `times` says, else for one; the last one, without
 * `times`, for all that follow. What nothing is said of succeeds after a second, without outputs.
 */
export function resultOf(script: Script | undefined, attempt: PlayedAttempt): Result {
  if (script === undefined) return defaultResult;
  if (typeof script === 'function') return script(attempt);
  const results = Array.isArray(script) ? (script as readonly Result[]) : [script as Result];
  let left = attempt.attempt;
  for (const [index, result] of results.entries()) {
    const isLast = index === results.length - 1;
    left -= result.times ?? (isLast ? left : 1);
    if (left <= 0) return result;
  }
  return defaultResult;
}
