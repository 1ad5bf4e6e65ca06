/**
 * Finds runs without a living owner and takes them over: when this master starts, when another one goes, and now and then.
 * It goes by the list of unfinished runs, not by one watched event or one field.
 *
 * R1 A run whose claimer lives is left alone.
 * R2 An ownerless run falls to one master first, the same by everyone's reckoning; what that one has not taken within a
 *    grace time, any may take. Compare-and-set on the claim and the fence keep two from both having it.
 * R3 A master may make a run, or open one again, and die before the others have listed it: a run that comes to the
 *    list while its taker is not here is looked for at once.
 * R4 What the journal has told of an owner stands for its claim: if the claim is another one by now, it is read, and R1 holds.
 * R5 A claim and the journal may name two masters that both live, and neither has the run: one had claimed it and could not
 *    write, or the bucket has lost writes. So the claims themselves are listed now and then, and once soon after somebody has
 *    died, when the takeovers are over; who finds its own takes the run.
 */
import type { Incarnation, InstanceId, MasterId } from '../../schemas/ids.ts';
import type { Claim } from '../../schemas/messages/membership.messages.ts';
import type { ClaimBook, Claimed } from '../claims/claim-book.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import { preferredOwner } from '../membership/rendezvous.ts';
import type { RunChange, RunIndex } from '../runs/run-index.port.ts';
import type { OwnershipTaken } from '../runs/run-projection.ts';
import type { Log } from '../telemetry/log.ts';
import type { InstanceHost } from './instance-host.ts';
import { KnownOwners } from './known-owners.ts';

export type RecoveryOptions = {
  master: MasterId;
  incarnation: Incarnation;
  index: RunIndex;
  host: InstanceHost;
  claims: ClaimBook;
  members: MemberDirectory;
  clock: Clock;
  log: Log;
  intervalMs: number;
  graceMs: number;
};

const concurrencyMax = 64;
/** Runs that a sweep could not deal with are tried again this soon. */
const retryDelayMs = 1_000;
/** R5. From a death to the list of the claims. */
const listDelayMs = 3_000;

/** A run that is to be taken, with the claim of its former owner as it was read. */
type Ownerless = { id: InstanceId; held: Claimed | undefined };

export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #owners = new KnownOwners();
  /** When each ownerless run of another master was first seen, for the grace time. */
  readonly #firstSeenAt = new Map<InstanceId, number>();
  #timer: Timer | undefined;
  #sweep: Promise<void> | undefined;
  #isAgain = false;
  /** When the claims were listed last, or none was needed; before the first look: undefined. */
  #listedAt: number | undefined;
  #isStopped = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Looks for ownerless runs now; calls during a sweep make one more after it. */
  trigger(): void {
    if (this.#isStopped) return;
    const { clock, intervalMs } = this.#options;
    const soon = clock.now() + listDelayMs - intervalMs;
    this.#listedAt = Math.min(this.#listedAt ?? clock.now(), soon);
    if (this.#sweep === undefined) this.#begin(false);
    else this.#isAgain = true;
  }

  /** R4, for the projection: somebody has taken the run, now or long ago. */
  taken(id: InstanceId, by: OwnershipTaken): void {
    this.#owners.taken(id, by);
  }

  /** R4, for the projection: the list shows these changes. */
  applied(changes: readonly RunChange[]): void {
    this.#owners.applied(changes);
  }

  /** R3, for the projection. What is listed before the first look is looked at then. */
  listed(takers: Iterable<Pick<Claim, 'master' | 'incarnation'>>): void {
    if (this.#listedAt === undefined) return;
    const { members, master: self } = this.#options;
    const isLost = ({ master, incarnation }: Pick<Claim, 'master' | 'incarnation'>): boolean =>
      master !== self && !members.isMasterAlive(master, incarnation);
    if ([...takers].some(isLost)) this.trigger();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#sweep;
  }

  #begin(isListing: boolean): void {
    this.#timer?.cancel();
    this.#sweep = this.#run(isListing).finally(() => {
      this.#sweep = undefined;
    });
  }

  async #run(isListing: boolean): Promise<void> {
    const { log, intervalMs, graceMs } = this.#options;
    let nextDelayMs = intervalMs;
    try {
      const { mine, deferredCount } = await this.#ownerless(isListing);
      const takenCount = await this.#takeAll(mine);
      if (mine.length > 0) log.info({ ownerlessCount: mine.length, takenCount }, 'ownerless runs taken over');
      if (deferredCount > 0) nextDelayMs = graceMs;
      if (takenCount < mine.length) nextDelayMs = retryDelayMs;
    } catch (fault) {
      log.warn({ fault }, 'ownerless runs cannot be looked for now; trying again');
      nextDelayMs = retryDelayMs;
    }
    if (this.#isStopped) return;
    const delayMs = this.#isAgain ? 0 : Math.min(nextDelayMs, Math.max(retryDelayMs, this.#untilListingMs()));
    this.#isAgain = false;
    this.#timer = this.#options.clock.after(delayMs, () => this.#begin(this.#untilListingMs() <= 0));
  }

  /** R5. */
  #untilListingMs(): number {
    const { clock, intervalMs } = this.#options;
    return (this.#listedAt ?? 0) + intervalMs - clock.now();
  }

  /** R1, R2. */
  async #ownerless(isListing: boolean): Promise<{ mine: Ownerless[]; deferredCount: number }> {
    const { index, host, clock, graceMs, master } = this.#options;
    const candidates = index.unfinished().filter((id) => host.find(id) === undefined);
    if (candidates.length === 0) {
      this.#listedAt = clock.now();
      return { mine: [], deferredCount: 0 };
    }
    const claimed = await this.#claimsOf(candidates, isListing);
    const masters = this.#livingMasters();
    const now = clock.now();
    const mine: Ownerless[] = [];
    let deferredCount = 0;
    for (const id of candidates) {
      const held = claimed.get(id);
      if (held !== undefined && this.#isOwned(held.claim)) continue;
      const seenAt = this.#firstSeenAt.get(id) ?? now;
      if (preferredOwner(id, masters) === master || now - seenAt >= graceMs) mine.push({ id, held });
      else {
        this.#firstSeenAt.set(id, seenAt);
        deferredCount += 1;
      }
    }
    if (deferredCount === 0) this.#firstSeenAt.clear();
    return { mine, deferredCount };
  }

  /** R4, R5. The journal may have told of some owners before this process was. */
  async #claimsOf(candidates: readonly InstanceId[], isListing: boolean): Promise<ReadonlyMap<InstanceId, Claimed>> {
    const { claims, clock } = this.#options;
    const known = new Map<InstanceId, Claimed>();
    for (const id of candidates) {
      const held = this.#owners.find(id);
      if (held !== undefined) known.set(id, held);
    }
    if (!isListing && known.size === candidates.length) return known;
    const askedAt = clock.now();
    const listed = await claims.all();
    this.#listedAt = askedAt;
    for (const [id, { revision }] of known) if (listed.get(id)?.revision !== revision) this.#owners.forget(id);
    return listed;
  }

  async #takeAll(runs: readonly Ownerless[]): Promise<number> {
    const waiting = [...runs];
    let dealtWithCount = 0;
    const next = async (): Promise<void> => {
      for (let run = waiting.pop(); run !== undefined && !this.#isStopped; run = waiting.pop()) {
        if (await this.#take(run)) dealtWithCount += 1;
      }
    };
    await Promise.all(Array.from({ length: concurrencyMax }, next));
    return dealtWithCount;
  }

  /** True when nothing is left to do for the run: it is ours, it has ended, a living master has it, or it cannot be folded. */
  async #take({ id, held }: Ownerless): Promise<boolean> {
    const { host } = this.#options;
    try {
      let found = await host.takeOver(id, held);
      if (found.kind === 'elsewhere' && found.owner === undefined && this.#owners.forget(id)) {
        found = await host.locate(id); // R4.
      }
      return found.kind !== 'elsewhere' || found.owner !== undefined;
    } catch (fault) {
      const isPassing = fault instanceof AppError && fault.isRetryable;
      this.#options.log.error({ instanceId: id, fault }, 'run cannot be taken over');
      return !isPassing;
    }
  }

  #isOwned({ master, incarnation }: Claim): boolean {
    // A claim of this very process whose run is not in memory was dropped: it is to be taken again.
    if (master === this.#options.master) return false;
    return this.#options.members.isMasterAlive(master, incarnation);
  }

  #livingMasters(): MasterId[] {
    const others = [...this.#options.members.masters()].filter(({ state }) => state === 'active').map(({ id }) => id);
    return [...new Set([...others, this.#options.master])];
  }
}
