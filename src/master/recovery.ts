/**
 * Finds runs without a living owner and takes them over: when this master starts, when another one goes, and now and then.
 * It goes by the list of unfinished runs, not by one watched event or one field.
 */
import type { InstanceId } from '../../schemas/ids.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { InstanceHost } from './instance-host.ts';

export type RecoveryOptions = { index: RunIndex; host: InstanceHost; clock: Clock; log: Log; intervalMs: number };

const concurrencyMax = 32;

export class Recovery {
  readonly #options: RecoveryOptions;
  #timer: Timer | undefined;
  #sweep: Promise<void> | undefined;
  #isAgain = false;
  #isStopped = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Looks for ownerless runs soon; calls during a sweep make one more after it. */
  trigger(): void {
    if (this.#isStopped) return;
    if (this.#sweep !== undefined) {
      this.#isAgain = true;
      return;
    }
    this.#timer?.cancel();
    this.#sweep = this.#run().finally(() => {
      this.#sweep = undefined;
      if (this.#isStopped) return;
      if (this.#isAgain) {
        this.#isAgain = false;
        this.trigger();
      } else {
        this.#timer = this.#options.clock.after(this.#options.intervalMs, () => this.trigger());
      }
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#sweep;
  }

  async #run(): Promise<void> {
    const { index, host, log } = this.#options;
    const waiting = index.unfinished().filter((id) => host.find(id) === undefined);
    let takenCount = 0;
    const next = async (): Promise<void> => {
      for (let id = waiting.pop(); id !== undefined && !this.#isStopped; id = waiting.pop()) {
        if (await this.#recover(id)) takenCount += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrencyMax }, next));
    if (takenCount > 0) log.info({ takenCount }, 'runs taken over');
  }

  async #recover(id: InstanceId): Promise<boolean> {
    try {
      return (await this.#options.host.locate(id)).kind === 'live';
    } catch (fault) {
      this.#options.log.error({ instanceId: id, fault }, 'run cannot be taken over');
      return false;
    }
  }
}
