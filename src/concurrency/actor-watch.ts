/** Looks after actors now and then, as long as each has something to look after: for what was missed, not for the usual way. */
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';

export type Watched = { readonly id: string; readonly isDropped: boolean };

export type ActorWatchOptions<Actor extends Watched> = {
  clock: Clock;
  log: Log;
  intervalMs: number;
  /** False when there is nothing more to look after. */
  isNeeded: (actor: Actor) => boolean;
  check: (actor: Actor) => Promise<void>;
};

export class ActorWatch<Actor extends Watched> {
  readonly #options: ActorWatchOptions<Actor>;
  readonly #timers = new Map<Actor, Timer>();
  #isStopped = false;

  constructor(options: ActorWatchOptions<Actor>) {
    this.#options = options;
  }

  /** Begins to look after the actor, unless it is looked after already. The first look is after one interval. */
  start(actor: Actor): void {
    if (this.#timers.has(actor) || this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    this.#timers.set(
      actor,
      clock.after(intervalMs, () => void this.#look(actor)),
    );
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  async #look(actor: Actor): Promise<void> {
    const { check, isNeeded, log } = this.#options;
    try {
      if (!actor.isDropped) await check(actor);
    } catch (fault) {
      log.warn({ actorId: actor.id, fault }, 'actor could not be looked after; trying again');
    }
    this.#timers.delete(actor);
    if (!actor.isDropped && isNeeded(actor)) this.start(actor);
  }
}
