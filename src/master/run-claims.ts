/** Claims of runs as one master sees them: whose they are, why they may be taken, and taking them by compare-and-set. */
import type { OwnerClaim } from '../../schemas/commands/workflow-instance.commands.ts';
import type { OwnershipReason } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, InstanceId, MasterId } from '../../schemas/ids.ts';
import type { Claim } from '../../schemas/messages/membership.messages.ts';
import type { ClaimBook, Claimed } from '../claims/claim-book.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';

export type RunClaimsOptions = {
  master: MasterId;
  incarnation: Incarnation;
  host: string;
  claims: ClaimBook;
  members: MemberDirectory;
};

export type TakeoverWhy = { reason: OwnershipReason; evidence: string };

export type Taken =
  | { kind: 'claimed'; revision: number }
  /** A living master has it, or somebody was faster. */
  | { kind: 'elsewhere'; owner: MasterId | undefined };

export class RunClaims {
  readonly #options: RunClaimsOptions;

  constructor(options: RunClaimsOptions) {
    this.#options = options;
  }

  /** @param held the claim as it was just read */
  async take(id: InstanceId, held: Claimed | undefined): Promise<Taken> {
    const { claims } = this.#options;
    if (held !== undefined && !this.isOurs(held) && !(await this.isGone(held))) {
      return { kind: 'elsewhere', owner: held.claim.master };
    }
    const claim = this.claim((held?.claim.epoch ?? 0) + 1);
    const claimed =
      held === undefined ? await claims.create(id, claim) : await claims.takeOver(id, claim, held.revision);
    return claimed.kind === 'taken' ? { kind: 'elsewhere', owner: undefined } : claimed;
  }

  claim(epoch: number): Claim {
    const { master, incarnation, host } = this.#options;
    return { master, incarnation, host, epoch };
  }

  owner(claimRevision: number): OwnerClaim {
    const { master, incarnation, host } = this.#options;
    return { master, incarnation, host, claimRevision };
  }

  whyOf(former: Claimed | undefined): TakeoverWhy {
    if (former === undefined) return { reason: 'claimLost', evidence: 'nobody claimed the run' };
    if (this.isOurs(former)) return { reason: 'claimLost', evidence: 'this master had let go of the run' };
    const { master, incarnation, host } = former.claim;
    const absence = this.#options.members.absenceOf(master, incarnation);
    return { reason: 'masterLost', evidence: `${master} on ${host} (incarnation ${incarnation}): ${absence}` };
  }

  isOurs({ claim }: Claimed): boolean {
    const { master, incarnation } = this.#options;
    return claim.master === master && claim.incarnation === incarnation;
  }

  /** Of another life of this master, or of a master that is not here. */
  async isGone({ claim: { master, incarnation } }: Claimed): Promise<boolean> {
    return master === this.#options.master || this.#options.members.isMasterGone(master, incarnation);
  }
}
