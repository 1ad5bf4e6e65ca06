/**
 * Time that passes at once: what is due next happens, and the clock stands there. Things due at the same time happen in the
 * order in which they were planned, so that the same plans give the same run everywhere.
 */
import type { Clock, Timer } from '../clock/clock.port.ts';

type Due = { readonly atMs: number; readonly order: number; readonly isBackground: boolean; act: (() => void) | null };

export class VirtualTime implements Clock {
  #now: number;
  #orderCount = 0;
  #openCount = 0;
  /** A heap: the next one first. */
  readonly #heap: Due[] = [];
  readonly #byName = new Map<string, Set<Due>>();

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** For those who look around now and then: such a look alone keeps nothing going. */
  after(delayMs: number, callback: () => void): Timer {
    const due = this.#push(this.#now + delayMs, callback, true);
    return { cancel: () => void this.#cancel(due) };
  }

  /** @param name by which it can be given up; several may have the same */
  plan(atMs: number, act: () => void, name?: string): void {
    const due = this.#push(atMs, act, false);
    if (name === undefined) return;
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, new Set([due]));
    else known.add(due);
  }

  forget(name: string): void {
    for (const due of this.#byName.get(name) ?? []) this.#cancel(due);
    this.#byName.delete(name);
  }

  /** False when nothing is planned: only looks around are left, or nothing at all. */
  get isOpen(): boolean {
    return this.#openCount > 0;
  }

  /** When the next thing is due, looks around included. */
  nextAtMs(): number | undefined {
    while (this.#heap[0]?.act === null) this.#pop();
    return this.#heap[0]?.atMs;
  }

  /** Lets the next thing happen. False when there is none. */
  step(): boolean {
    if (this.nextAtMs() === undefined) return false;
    const due = this.#pop();
    const act = due?.act;
    if (due === undefined || act === null || act === undefined) return false;
    this.#cancel(due);
    this.#now = Math.max(this.#now, due.atMs);
    act();
    return true;
  }

  /** Lets everything happen that is due until then. */
  passTo(atMs: number): void {
    for (let next = this.nextAtMs(); next !== undefined && next <= atMs; next = this.nextAtMs()) this.step();
    this.#now = Math.max(this.#now, atMs);
  }

  #cancel(due: Due): void {
    if (due.act === null) return;
    due.act = null;
    if (!due.isBackground) this.#openCount -= 1;
  }

  #push(atMs: number, act: () => void, isBackground: boolean): Due {
    this.#orderCount += 1;
    const due: Due = { atMs, order: this.#orderCount, isBackground, act };
    if (!isBackground) this.#openCount += 1;
    this.#heap.push(due);
    for (let index = this.#heap.length - 1; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
    return due;
  }

  #pop(): Due | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || this.#heap.length === 0) return first;
    this.#heap[0] = last;
    for (let index = 0; ; ) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let next = index;
      if (left < this.#heap.length && this.#isBefore(left, next)) next = left;
      if (right < this.#heap.length && this.#isBefore(right, next)) next = right;
      if (next === index) return first;
      this.#swap(index, next);
      index = next;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one] as Due, this.#heap[other] as Due];
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const kept = this.#heap[one] as Due;
    this.#heap[one] = this.#heap[other] as Due;
    this.#heap[other] = kept;
  }
}
