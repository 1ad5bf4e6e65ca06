/**
 * Takes over the actors of masters that are gone: each falls to one master first, the same by everyone's reckoning; what
 * that one has not taken within a grace time, any takes. Whoever asks for an ownerless actor takes it at once.
 */
import type { MasterId } from '../../schemas/ids.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import { preferredOwner } from '../membership/rendezvous.ts';
import type { Log } from '../telemetry/log.ts';

/** The part of an actor host that recovery needs. */
export type Recoverable = {
  readonly kind: string;
  ownerless(): Promise<string[]>;
  locate(id: string): Promise<unknown>;
};

export type ActorRecoveryOptions = {
  master: MasterId;
  hosts: readonly Recoverable[];
  members: MemberDirectory;
  clock: Clock;
  log: Log;
  graceMs: number;
};

/** A sweep that failed is made again this soon. */
const retryDelayMs = 1_000;

export class ActorRecovery {
  readonly #options: ActorRecoveryOptions;
  #timer: Timer | undefined;
  #sweep: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: ActorRecoveryOptions) {
    this.#options = options;
  }

  /** Takes what falls to this master now, and after the grace time what nobody took. */
  trigger(): void {
    this.#sweep = this.#sweep.then(() => this.#run(false));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#sweep;
  }

  async #run(isGraceOver: boolean): Promise<void> {
    const { hosts, log, graceMs } = this.#options;
    if (this.#isStopped) return;
    try {
      let leftCount = 0;
      for (const host of hosts) leftCount += await this.#takeFrom(host, isGraceOver);
      if (leftCount > 0) this.#after(graceMs, true);
    } catch (fault) {
      log.warn({ fault }, 'ownerless actors cannot be looked for now; trying again');
      this.#after(retryDelayMs, isGraceOver);
    }
  }

  /** How many were left to others. */
  async #takeFrom(host: Recoverable, isGraceOver: boolean): Promise<number> {
    const { master, members } = this.#options;
    const others = [...members.masters()].filter(({ state }) => state === 'active').map(({ id }) => id);
    const masters = [...new Set([...others, master])];
    let leftCount = 0;
    for (const id of await host.ownerless()) {
      if (isGraceOver || preferredOwner(`${host.kind}.${id}`, masters) === master) await host.locate(id);
      else leftCount += 1;
    }
    return leftCount;
  }

  #after(delayMs: number, isGraceOver: boolean): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#sweep = this.#sweep.then(() => this.#run(isGraceOver));
    });
  }
}
