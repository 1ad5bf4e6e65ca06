/** Lets a limited number of holders in at once; the others wait in order. */
export class Turns {
  private freeCount: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.freeCount = count;
  }

  /** Resolves to the call that gives the turn back. Whoever is aborted gets a turn too, and is to give it back. */
  async take(): Promise<() => void> {
    if (this.freeCount > 0) this.freeCount -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    return () => this.giveBack();
  }

  private giveBack(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.freeCount += 1;
    else next();
  }
}
