/**
 * Whose the unfinished runs are, as the journal has told since this process started: so that a takeover need not list the claims
 * of the whole cluster first. What is known may be old. It has the revision of the claim at that time, and a claim that has
 * changed since is not taken over by it.
 */
import type { Incarnation, InstanceId } from '../../schemas/ids.ts';
import type { Claim } from '../../schemas/messages/membership.messages.ts';
import type { Claimed } from '../claims/claim-book.ts';
import type { RunChange } from '../runs/run-index.port.ts';
import type { OwnershipTaken } from '../runs/run-projection.ts';

type Life = Omit<Claim, 'epoch'>;
type Known = { life: Life; epoch: number; revision: number };

export class KnownOwners {
  readonly #runs = new Map<InstanceId, Known>();
  /** Shared by all runs of a life of a master. */
  readonly #lives = new Map<Incarnation, Life>();

  /** The journal tells it; of one run in its order. */
  taken(id: InstanceId, { master, incarnation, host, epoch, claimRevision }: OwnershipTaken): void {
    const life = this.#lives.get(incarnation) ?? { master, incarnation, host };
    this.#lives.set(incarnation, life);
    this.#runs.set(id, { life, epoch, revision: claimRevision });
  }

  /** The list of runs shows these changes. */
  applied(changes: readonly RunChange[]): void {
    for (const change of changes) {
      if (change.kind === 'status' && change.finishedAt !== undefined) this.#runs.delete(change.instance);
    }
  }

  /** The claim by which the last owner that is known has the run. */
  find(id: InstanceId): Claimed | undefined {
    const known = this.#runs.get(id);
    return known && { claim: { ...known.life, epoch: known.epoch }, revision: known.revision };
  }

  /** It is not so any more. True when something was known. */
  forget(id: InstanceId): boolean {
    return this.#runs.delete(id);
  }
}
