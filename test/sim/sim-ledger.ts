/** A worker's ledger on the disk of its machine: it outlives the process; a power loss may take its newest commits. */

import type { AttemptRow, Ledger, LedgerChanges } from '../../src/worker/ledger.port.ts';
import { createMemoryLedger } from '../../src/worker/memory-ledger.adapter.ts';
import type { Life } from './sim-world.ts';

export class SimLedgerDisk {
  /** Every commit since the last power loss that may still be lost, and the state that they led to. */
  #commits: LedgerChanges[] = [];
  #ledger = createMemoryLedger();
  /** While the disk is full or broken. */
  isFailing = false;

  open(life: Life): Ledger {
    return {
      commit: (changes) => this.#commit(life, changes),
      findAttempt: (id) => this.#ledger.findAttempt(id),
      findInstance: (id) => this.#ledger.findInstance(id),
      unsettled: () => this.#ledger.unsettled(),
      expired: (endedBefore) => this.#ledger.expired(endedBefore),
      forgetAttempts: () => {},
      forgetInstances: () => {},
      close: () => {},
    };
  }

  unsettled(): AttemptRow[] {
    return this.#ledger.unsettled();
  }

  losePower(lostCount: number): void {
    this.#commits.splice(Math.max(0, this.#commits.length - lostCount));
    this.#ledger = createMemoryLedger();
    for (const changes of this.#commits) this.#ledger.commit(changes);
  }

  #commit(life: Life, changes: LedgerChanges): void {
    if (!life.acts()) return;
    if (this.isFailing) throw new Error('the simulated disk takes no writes');
    this.#commits.push(changes);
    this.#ledger.commit(changes);
  }
}
