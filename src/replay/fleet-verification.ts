/** Many histories against one build: divergences that are alike are one class, with its smallest run as the example. */
import { type Divergence, type VerifyOptions, verifyHistory } from './divergence.ts';
import type { RunHistory } from './run-history.ts';

export type DivergenceClass = {
  signature: string;
  kind: Divergence['kind'];
  runCount: number;
  /** The run with the fewest events. */
  smallest: { run: string; eventCount: number; revision: number; message: string };
};

export type FleetResult = {
  format: 1;
  holds: boolean;
  runCount: number;
  eventCount: number;
  /** Events of decisions that were made again; the others were folded only. */
  redecidedCount: number;
  divergedCount: number;
  /** The most frequent one first. */
  classes: DivergenceClass[];
  /** Runs that could not be read at all. */
  unread: { run: string; message: string }[];
  elapsedMs: number;
  runsPerSecond: number;
  eventsPerSecond: number;
};

export class FleetVerification {
  readonly #options: VerifyOptions;
  readonly #classes = new Map<string, DivergenceClass>();
  readonly #unread: FleetResult['unread'] = [];
  #runCount = 0;
  #eventCount = 0;
  #redecidedCount = 0;
  #divergedCount = 0;

  constructor(options: VerifyOptions = {}) {
    this.#options = options;
  }

  add(run: string, history: RunHistory): void {
    const { eventCount, redecidedCount, divergence } = verifyHistory(history, this.#options);
    this.#runCount += 1;
    this.#eventCount += eventCount;
    this.#redecidedCount += redecidedCount;
    if (divergence !== undefined) this.#diverged(run, eventCount, divergence);
  }

  addUnread(run: string, message: string): void {
    this.#runCount += 1;
    this.#unread.push({ run, message });
  }

  result(elapsedMs: number): FleetResult {
    const seconds = Math.max(0.001, elapsedMs / 1_000);
    return {
      format: 1,
      holds: this.#divergedCount === 0 && this.#unread.length === 0,
      runCount: this.#runCount,
      eventCount: this.#eventCount,
      redecidedCount: this.#redecidedCount,
      divergedCount: this.#divergedCount,
      classes: [...this.#classes.values()].sort((a, b) => b.runCount - a.runCount),
      unread: [...this.#unread],
      elapsedMs: Math.round(elapsedMs),
      runsPerSecond: Math.round(this.#runCount / seconds),
      eventsPerSecond: Math.round(this.#eventCount / seconds),
    };
  }

  #diverged(run: string, eventCount: number, { signature, kind, revision, message }: Divergence): void {
    this.#divergedCount += 1;
    const known = this.#classes.get(signature);
    const example = { run, eventCount, revision, message };
    const smallest = known === undefined || eventCount < known.smallest.eventCount ? example : known.smallest;
    this.#classes.set(signature, { signature, kind, runCount: (known?.runCount ?? 0) + 1, smallest });
  }
}
