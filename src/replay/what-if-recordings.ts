/**
 * What was recorded of the attempts of a run, for a what-if to play again: each is given out once, in its order. A task can
 * have had the same number twice, as an item of a map has that is expanded anew; an attempt id is never given twice (I4).
 */
import type { AttemptId, TaskName } from '../../schemas/ids.ts';

export type Recording = {
  task: TaskName;
  /** The number of the attempt, from 1. */
  attempt: number;
  attemptId: AttemptId;
  /** Of the event that gave the attempt its id. */
  revision: number;
};

export class Recordings<Kept extends Recording> {
  readonly #byNumber = new Map<string, Kept[]>();
  readonly #byId = new Map<AttemptId, Kept>();
  readonly #lastOfTask = new Map<TaskName, Kept>();
  readonly #given = new Set<AttemptId>();

  /** @param revision up to which the recordings have been played: the last event that both runs share */
  constructor(recorded: readonly Kept[], revision: number) {
    for (const one of recorded) {
      const key = keyOf(one.task, one.attempt);
      const sameNumber = this.#byNumber.get(key);
      if (sameNumber === undefined) this.#byNumber.set(key, [one]);
      else sameNumber.push(one);
      this.#byId.set(one.attemptId, one);
      this.#lastOfTask.set(one.task, one);
      if (one.revision <= revision) this.give(one.attemptId);
    }
  }

  /** From now on the attempt of that id is under way: no other one gets its recording. */
  give(attemptId: AttemptId): void {
    this.#given.add(attemptId);
  }

  /** The first one of that number that was not given out yet. */
  next(task: TaskName, attempt: number): Kept | undefined {
    return this.#byNumber.get(keyOf(task, attempt))?.find(({ attemptId }) => !this.#given.has(attemptId));
  }

  /** How an attempt goes: as the one of its id, else as the last one of its number. */
  of({ task, attempt, attemptId }: Omit<Recording, 'revision'>): Kept | undefined {
    return this.#byId.get(attemptId) ?? this.#byNumber.get(keyOf(task, attempt))?.at(-1);
  }

  lastOf(task: TaskName): Kept | undefined {
    return this.#lastOfTask.get(task);
  }
}

const keyOf = (task: TaskName, attempt: number) => `${task}#${attempt}`;
