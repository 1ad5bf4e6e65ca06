/**
 * The virtual world: one clock, one queue of events, and processes that live and die in it.
 *
 * W1 One event at a time, in the order of time, then of a seeded tie-break; all microtasks of an event run before the next.
 * W2 What belongs to a life that has ended never runs, whatever promises it still has: its ports are dead.
 * W3 Nothing here reads the real clock or real randomness: the same seed is the same run, to the last bit of the trace.
 */
import type { Clock, IdSource, Timer } from '../../src/clock/clock.port.ts';
import { drainMicrotasks } from './drain-microtasks.ts';
import { SimRandom } from './sim-random.ts';
import { SimTrace } from './sim-trace.ts';

/** When the world begins, milliseconds since 1970. */
const beginsAt = 1_750_000_000_000;

export type SimEvent = {
  at: number;
  order: number;
  life: Life | undefined;
  isTimer: boolean;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
};

export class SimWorld {
  readonly random: SimRandom;
  readonly ids: SimRandom;
  readonly trace: SimTrace;
  /** Milliseconds since the world began. */
  now = 0;
  eventCount = 0;
  /** Called after each event. */
  afterEvent: () => void = () => {};
  /** What escaped from simulated code. */
  onFault: (fault: unknown, life: Life | undefined) => void = () => {};
  /** The life whose event ran last. */
  lastActive: Life | undefined;
  readonly #heap: SimEvent[] = [];
  #lifeCount = 0;

  constructor(seed: number, options: { isRecording: boolean }) {
    this.random = new SimRandom(seed, 'world');
    this.ids = new SimRandom(seed, 'ids');
    this.trace = new SimTrace(() => this.now, options.isRecording);
  }

  /** @param life whose event it is; without one it is the world's own and always happens. */
  post(delayMs: number, life: Life | undefined, run: () => void, isTimer = false): SimEvent {
    const event = { at: this.now + delayMs, order: this.random.bits(), life, isTimer, run };
    this.#push(event);
    return event;
  }

  nextLifeNumber(): number {
    this.#lifeCount += 1;
    return this.#lifeCount;
  }

  /** Runs events until nothing is left, the time is over, or the answer is true after an event. */
  runUntil(isDone: () => boolean, limitMs: number): void {
    while (!isDone()) {
      const event = this.#heap[0];
      if (event === undefined || event.at > limitMs) return;
      this.#pop();
      if (event.run !== undefined && !(event.life?.isDead ?? false)) this.#execute(event, event.run);
    }
  }

  /** Events that came while a process was frozen, all at once, in the order given. */
  release(events: readonly SimEvent[]): void {
    const first = -events.length;
    for (const [index, event] of events.entries()) {
      event.at = this.now;
      event.order = first + index;
      this.#push(event);
    }
  }

  #execute(event: SimEvent, run: () => void): void {
    this.now = event.at;
    const { life } = event;
    if (life?.process.isFrozen === true) {
      life.process.backlog.push(event);
      return;
    }
    this.eventCount += 1;
    if (life !== undefined) this.lastActive = life;
    this.trace.step(life?.number ?? 0);
    try {
      run();
    } catch (fault) {
      this.onFault(fault, life);
    }
    drainMicrotasks();
    this.afterEvent();
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as SimEvent;
      if (!isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as SimEvent;
    if (heap.length === 0) return;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as SimEvent, heap[child] as SimEvent)) child = right;
      const below = heap[child] as SimEvent;
      if (!isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A machine with one process on it. It goes through lives; its clock and its disk outlive them. */
export class SimProcess {
  readonly name: string;
  readonly world: SimWorld;
  life: Life | undefined;
  /** Its events wait in the backlog. */
  isFrozen = false;
  backlog: SimEvent[] = [];
  /** How far its clock is from the world's. */
  clockOffsetMs = 0;
  /** How fast its clock goes. */
  clockRate = 1;

  constructor(name: string, world: SimWorld) {
    this.name = name;
    this.world = world;
  }

  freeze(): void {
    this.isFrozen = true;
    this.world.trace.note('freeze', this.name);
  }

  /** What waited comes at once: as it came, or first what timers brought, or first what others sent. */
  thaw(): void {
    if (!this.isFrozen) return;
    this.isFrozen = false;
    const order = this.world.random.pick(['asItCame', 'timersFirst', 'messagesFirst'] as const);
    const waiting = this.backlog;
    this.backlog = [];
    const rank = ({ isTimer }: SimEvent) => Number(isTimer === (order === 'messagesFirst'));
    if (order !== 'asItCame') waiting.sort((a, b) => rank(a) - rank(b));
    this.world.trace.note('thaw', this.name);
    this.world.release(waiting);
  }
}

/** One process from its start to its end, and the clock and ids that it is given. */
export class Life {
  readonly process: SimProcess;
  /** Tells lives apart; the same in each run of a seed. */
  readonly number: number;
  readonly incarnation: string;
  isDead = false;
  /** So many more calls reach the outside; then the process is killed in the middle of what it does. */
  callsLeft = Number.POSITIVE_INFINITY;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly #onEnd: (() => void)[] = [];

  constructor(process: SimProcess) {
    const { world } = process;
    this.process = process;
    this.number = world.nextLifeNumber();
    this.incarnation = world.ids.uuid();
    this.clock = { now: () => this.#now(), after: (delayMs, callback) => this.after(delayMs, callback) };
    this.ids = { uuid: () => world.ids.uuid(), random: () => world.ids.next() };
  }

  /** True when the process is still there to act on the outside. */
  acts(): boolean {
    if (this.isDead) return false;
    if (this.callsLeft <= 0) {
      this.end('killed in the middle of an event');
      return false;
    }
    this.callsLeft -= 1;
    return true;
  }

  after(delayMs: number, callback: () => void): Timer {
    const { world, clockRate } = this.process;
    const event = world.post(Math.max(0, delayMs) / clockRate, this, callback, true);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  /** Goes on through jumps of the clock, as a machine's uptime does. */
  monotonicNow(): number {
    const { world, clockRate } = this.process;
    return world.now * clockRate;
  }

  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  end(why: string): void {
    if (this.isDead) return;
    this.isDead = true;
    this.process.life = undefined;
    this.process.isFrozen = false;
    this.process.backlog = [];
    this.process.world.trace.note('end', `${this.process.name}: ${why}`);
    for (const listener of this.#onEnd) listener();
  }

  #now(): number {
    const { world, clockOffsetMs, clockRate } = this.process;
    return Math.floor(beginsAt + clockOffsetMs + world.now * clockRate);
  }
}

/** A promise of a dead port. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
