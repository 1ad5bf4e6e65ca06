/**
 * A watch over the runs of this master: what one owes should be under way. A lost wake-up, whatever its cause, is found here,
 * counted as an incident and made good, so that no run stands still because a process forgot it.
 *
 * W1 Only a run that has not moved since the review before is looked at, and only while nothing is
 *    being decided or appended for it.
 * W2 Waiting for others is not overdue: for a worker, slots, a turn, an answer, a person. Doing it again is harmless (I7).
 */
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Log } from '../telemetry/log.ts';
import type { LiveInstance } from './live-instance.ts';
import type { RunEffects } from './run-effects.ts';

export type OverdueWorkOptions = {
  runs: () => Iterable<LiveInstance>;
  effects: Pick<RunEffects, 'waitsForSlots' | 'redo'>;
  dispatcher: () => Pick<Dispatcher, 'isWaiting' | 'fill'>;
  /** False while this master may not act for its runs. */
  mayAct: () => boolean;
  clock: Clock;
  log: Log;
  intervalMs: number;
};

export class OverdueWork {
  readonly #options: OverdueWorkOptions;
  readonly #seenAt = new WeakMap<LiveInstance, number>();
  #timer: Timer | undefined;
  #foundCount = 0;

  constructor(options: OverdueWorkOptions) {
    this.#options = options;
  }

  /** What was found and done again so far. */
  get foundCount(): number {
    return this.#foundCount;
  }

  start(): void {
    this.#timer = this.#options.clock.after(this.#options.intervalMs, () => {
      this.start();
      if (this.#options.mayAct()) this.#review();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #review(): void {
    this.#options.dispatcher().fill();
    for (const instance of [...this.#options.runs()]) {
      const { revision } = instance;
      const hasMoved = this.#seenAt.get(instance) !== revision;
      this.#seenAt.set(instance, revision);
      if (hasMoved || !instance.isIdle || !instance.isOwned) continue;
      for (const effect of instance.actor.pendingEffects(instance.snapshot)) {
        if (this.#isOverdue(instance, effect)) this.#makeGood(instance, effect);
      }
    }
  }

  /** W2. */
  #isOverdue(instance: LiveInstance, effect: WorkflowInstanceEffect): boolean {
    const { clock, intervalMs, dispatcher, effects } = this.#options;
    switch (effect.type) {
      case 'concludeWorkflow':
      case 'concludePause':
        return true;
      case 'armTimer':
      case 'armRunTimer':
        return effect.dueAt + intervalMs <= clock.now();
      case 'placeTask':
        return !effects.waitsForSlots(instance, effect.task) && !dispatcher().isWaiting(instance.id, effect.task);
      default:
        return false;
    }
  }

  #makeGood(instance: LiveInstance, effect: WorkflowInstanceEffect): void {
    this.#foundCount += 1;
    const { revision } = instance;
    this.#options.log.error({ instanceId: instance.id, revision, effect }, 'what a run owes was overdue; done again');
    this.#options.effects.redo(instance, effect);
  }
}
