/**
 * The way between one life and one server (NATS or the event store). It may be slow, lose messages, hang, or break.
 *
 * K1 While it hangs nobody has noticed: what is sent is kept until it goes on, or lost with the connection.
 * K2 While it is away both sides know: nothing is sent.
 */
import type { Life, SimWorld } from './sim-world.ts';

export type LinkState = 'up' | 'hung' | 'away';

/** How a server and the ways to it behave now. Faults change it while the world runs. */
export type Service = {
  readonly name: 'nats' | 'store';
  /** The server is down. */
  isAway: boolean;
  latencyMs: number;
  /** Share of messages that take much longer. */
  spikeRate: number;
  spikeMs: number;
  lossRate: number;
};

export class Link {
  readonly life: Life;
  readonly service: Service;
  state: LinkState = 'up';
  /** Called when the state becomes `away`, or `up` again after that. */
  readonly #listeners: ((status: 'connected' | 'away') => void)[] = [];
  readonly #held: (() => void)[] = [];
  readonly #world: SimWorld;

  constructor(life: Life, service: Service) {
    this.life = life;
    this.service = service;
    this.#world = life.process.world;
    if (service.isAway) this.state = 'away';
  }

  get status(): 'connected' | 'away' {
    return this.state === 'away' ? 'away' : 'connected';
  }

  onStatus(listener: (status: 'connected' | 'away') => void): void {
    this.#listeners.push(listener);
  }

  delay(): number {
    const { random } = this.#world;
    const { latencyMs, spikeRate, spikeMs } = this.service;
    const usual = latencyMs * (0.5 + random.next());
    return random.chance(spikeRate) ? usual + random.next() * spikeMs : usual;
  }

  isLost(): boolean {
    return this.#world.random.chance(this.service.lossRate);
  }

  /** Runs at the server, unless it is lost on the way. The life may be over by then. */
  toServer(run: () => void): void {
    if (this.state === 'hung') this.#held.push(() => this.toServer(run));
    if (this.state !== 'up' || this.isLost()) return;
    this.#world.post(this.delay(), undefined, () => {
      if (!this.service.isAway) run();
    });
  }

  /** Runs in the life, unless it is lost on the way. @param earliestAt keeps an order of messages. Returns the arrival. */
  toLife(run: () => void, earliestAt = 0): number {
    return this.isLost() ? earliestAt : this.toLifeSafely(run, earliestAt);
  }

  /** The same for what is lost only with the connection. */
  toLifeSafely(run: () => void, earliestAt = 0): number {
    if (this.life.isDead || this.state === 'away' || this.service.isAway) return earliestAt;
    const { now } = this.#world;
    const arrivalAt = Math.max(now + this.delay(), earliestAt);
    this.#world.post(arrivalAt - now, this.life, () => this.#arrive(run));
    return arrivalAt;
  }

  #arrive(run: () => void): void {
    if (this.state === 'up') run();
    else if (this.state === 'hung') this.#held.push(run);
  }

  hang(): void {
    if (this.state === 'up') this.state = 'hung';
  }

  /** Both sides notice; what was held is lost. */
  break(): void {
    if (this.state === 'away') return;
    this.state = 'away';
    this.#held.length = 0;
    this.#tell('away');
  }

  /** The same connection goes on, or a new one is made. */
  heal(): void {
    if (this.state === 'up' || this.service.isAway) return;
    const wasAway = this.state === 'away';
    this.state = 'up';
    if (wasAway) this.#tell('connected');
    for (const run of this.#held.splice(0)) this.#world.post(this.delay(), this.life, run);
  }

  #tell(status: 'connected' | 'away'): void {
    this.#world.post(0, this.life, () => {
      for (const listener of this.#listeners) listener(status);
    });
  }
}
