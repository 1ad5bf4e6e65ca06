/** Time, ids and randomness: everything in the runtime that is not decided by messages comes through here. */

export type Timer = { cancel(): void };

export interface Clock {
  /** Milliseconds since 1970 by this machine's clock. */
  now(): number;
  /** Calls back once after the delay, unless cancelled. */
  after(delayMs: number, callback: () => void): Timer;
}

export interface IdSource {
  /** A new random UUID. */
  uuid(): string;
  /** A number in [0, 1). */
  random(): number;
}
