/**
 * Workers that did not return in time while tasks still wait for them (`onWorkerLost: wait` and `ask`). They are asked
 * again and again, until they answer or nothing waits for them any more. How long a task waits is a timer of its run.
 *
 * A1 One worker is asked by one loop, however often it went.
 */
import type { TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import type { AttemptId, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';

/** An attempt that a worker holds, or should. */
export type Held = { instance: InstanceId; task: TaskName; attemptId: AttemptId };

export type AbsentWorkersOptions = {
  clock: Clock;
  ids: IdSource;
  /** Status of the task while the attempt is its current one. */
  statusOf: (held: Held) => TaskStatus | undefined;
  /** True when the worker has answered, and what it said was noted. */
  ask: (worker: WorkerId, held: readonly Held[]) => Promise<boolean>;
  /** The attempt is being cancelled, and its worker is still absent: there is nothing to wait for. */
  lose: (worker: WorkerId, held: readonly Held[]) => void;
};

const askIntervalMs = 1_000;

export class AbsentWorkers {
  readonly #options: AbsentWorkersOptions;
  readonly #watched = new Map<WorkerId, Map<AttemptId, Held>>();
  #isStopped = false;

  constructor(options: AbsentWorkersOptions) {
    this.#options = options;
  }

  /** The losses of these attempts were told to their runs; those that wait for the worker are watched from now on. */
  watch(worker: WorkerId, held: readonly Held[]): void {
    const watched = this.#watched.get(worker);
    const all = watched ?? new Map<AttemptId, Held>();
    for (const one of held) all.set(one.attemptId, one);
    if (watched !== undefined) return;
    this.#watched.set(worker, all);
    void this.#askUntilAnswered(worker, all).finally(() => this.#watched.delete(worker));
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #askUntilAnswered(worker: WorkerId, watched: Map<AttemptId, Held>): Promise<void> {
    while (true) {
      await this.#pause();
      this.#forgetEnded(watched);
      if (this.#isStopped || watched.size === 0) return;
      const asked = [...watched.values()];
      if (await this.#options.ask(worker, asked)) {
        for (const { attemptId } of asked) watched.delete(attemptId);
        continue;
      }
      const cancelled = asked.filter((held) => this.#options.statusOf(held) === 'cancelling');
      if (cancelled.length > 0) this.#options.lose(worker, cancelled);
    }
  }

  #forgetEnded(watched: Map<AttemptId, Held>): void {
    for (const held of watched.values()) {
      if (this.#options.statusOf(held) === undefined) watched.delete(held.attemptId);
    }
  }

  #pause(): Promise<void> {
    const { clock, ids } = this.#options;
    return new Promise((resolve) => {
      clock.after(askIntervalMs * (0.5 + ids.random()), resolve);
    });
  }
}
