/**
 * Who is here: masters and workers that renew their entry in the members bucket.
 *
 * M1 A member is known by id and incarnation: a restarted process is another one.
 * M2 A member counts as gone when it removes its entry, when another incarnation takes its place, or when no renewal has
 *    been seen for `ttlMs` by this process's own clock. Clocks of other machines are never compared. Time in which this
 *    process stood still does not count: it could not have seen one.
 * M3 Whoever asked a member and found nobody may declare it gone; a later renewal brings it back.
 * M4 Before a life that was never seen counts as gone, the entries are read again: after a freeze or a cut the watch lags
 *    behind, and a master that was restarted meanwhile lives.
 */
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
import {
  type MasterMember,
  type Member,
  memberSchema,
  type WorkerMember,
} from '../../schemas/messages/membership.messages.ts';
import type { Bucket } from '../buckets/bucket.port.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';

export type MemberChange =
  | { kind: 'renewed'; member: Member }
  /** First seen, or seen again after it was gone. */
  | { kind: 'joined'; member: Member }
  | { kind: 'gone'; member: Member; why: GoneReason; evidence: string };

export type GoneReason = 'removed' | 'expired' | 'restarted' | 'crashed';

export type MemberDirectoryOptions = { bucket: Bucket; clock: Clock; ttlMs: number; log: Log };

type Seen = { member: Member; seenAt: number };

const absencesMax = 1_000;
const sweepIntervalMinMs = 50;

export class MemberDirectory {
  readonly #options: MemberDirectoryOptions;
  readonly #seen = new Map<string, Seen>();
  readonly #listeners: ((change: MemberChange) => void)[] = [];
  /** Evidence on members that went, by key and incarnation; bounded. */
  readonly #absences = new Map<string, string>();
  readonly #abort = new AbortController();
  #sweep: Timer | undefined;
  #sweepDueAt = 0;
  #look: Promise<void> | undefined;
  #markCurrent: () => void = () => {};
  readonly #current = new Promise<void>((resolve) => {
    this.#markCurrent = resolve;
  });

  constructor(options: MemberDirectoryOptions) {
    this.#options = options;
  }

  *workers(): Generator<WorkerMember> {
    for (const { member } of this.#seen.values()) if (member.kind === 'worker') yield member;
  }

  *masters(): Generator<MasterMember> {
    for (const { member } of this.#seen.values()) if (member.kind === 'master') yield member;
  }

  isMasterAlive(id: MasterId, incarnation: Incarnation): boolean {
    return this.#seen.get(`master.${id}`)?.member.incarnation === incarnation;
  }

  /** M4. */
  async isMasterGone(id: MasterId, incarnation: Incarnation): Promise<boolean> {
    const life = `master.${id}@${incarnation}`;
    if (!this.isMasterAlive(id, incarnation) && !this.#absences.has(life)) {
      this.#look ??= this.#lookAgain().finally(() => {
        this.#look = undefined;
      });
      await this.#look;
    }
    return !this.isMasterAlive(id, incarnation);
  }

  /** M3. Does nothing when another life of the member has been seen since. */
  declareGone(member: Member, evidence: string): void {
    const key = `${member.kind}.${member.id}`;
    if (this.#seen.get(key)?.member.incarnation === member.incarnation) this.#drop(key, 'crashed', evidence);
  }

  /** Why the master of that life is not here, for the record. */
  absenceOf(id: MasterId, incarnation: Incarnation): string {
    return this.#absences.get(`master.${id}@${incarnation}`) ?? 'it is not a member';
  }

  onChange(listener: (change: MemberChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves when all entries of now have been read. */
  whenCurrent(): Promise<void> {
    return this.#current;
  }

  start(): void {
    this.#options.bucket.watch(
      (change) => {
        if (change.kind === 'put') this.#take(change.entry.key, change.entry.value);
        else this.#drop(change.key, 'removed');
      },
      { signal: this.#abort.signal, onCurrent: () => this.#markCurrent() },
    );
    this.#sweepLater();
  }

  stop(): void {
    this.#abort.abort();
    this.#sweep?.cancel();
  }

  /** Takes lives that were never seen; those that are known are not renewed by it (M2). */
  async #lookAgain(): Promise<void> {
    const entries = await this.#options.bucket.entries().catch(() => []);
    for (const { key, value } of entries) {
      const parsed = memberSchema.safeParse(value);
      if (parsed.success && !this.#wasSeen(key, parsed.data.incarnation)) this.#take(key, value);
    }
  }

  #wasSeen(key: string, incarnation: Incarnation): boolean {
    return this.#seen.get(key)?.member.incarnation === incarnation || this.#absences.has(`${key}@${incarnation}`);
  }

  #take(key: string, value: unknown): void {
    const parsed = memberSchema.safeParse(value);
    if (!parsed.success) {
      this.#options.log.warn({ key, problem: parsed.error.message }, 'member entry cannot be read');
      return;
    }
    const member = parsed.data;
    const before = this.#seen.get(key)?.member;
    this.#seen.set(key, { member, seenAt: this.#options.clock.now() });
    if (before !== undefined && before.incarnation !== member.incarnation) {
      const evidence = `incarnation ${member.incarnation} took its place`;
      this.#tell({ kind: 'gone', member: before, why: 'restarted', evidence });
    }
    this.#tell({ kind: before?.incarnation === member.incarnation ? 'renewed' : 'joined', member });
  }

  #drop(key: string, why: GoneReason, told?: string): void {
    const entry = this.#seen.get(key);
    if (entry === undefined) return;
    this.#seen.delete(key);
    const silence = `last heartbeat ${this.#options.clock.now() - entry.seenAt} ms ago`;
    const evidence = told === undefined ? silence : `${told}, ${silence}`;
    this.#tell({ kind: 'gone', member: entry.member, why, evidence });
  }

  #sweepLater(): void {
    const { clock, ttlMs } = this.#options;
    const delayMs = Math.max(sweepIntervalMinMs, ttlMs / 4);
    this.#sweepDueAt = clock.now() + delayMs;
    this.#sweep = clock.after(delayMs, () => this.#sweepExpired());
  }

  #sweepExpired(): void {
    const { clock, ttlMs } = this.#options;
    const now = clock.now();
    // M2: after a freeze the renewals of that time are still to be read.
    if (now - this.#sweepDueAt > ttlMs / 2) for (const entry of this.#seen.values()) entry.seenAt = now;
    for (const [key, entry] of [...this.#seen]) if (entry.seenAt < now - ttlMs) this.#drop(key, 'expired');
    this.#sweepLater();
  }

  #tell(change: MemberChange): void {
    if (change.kind === 'gone') this.#rememberAbsence(change.member, `${change.why}: ${change.evidence}`);
    for (const listener of this.#listeners) listener(change);
  }

  #rememberAbsence({ kind, id, incarnation }: Member, evidence: string): void {
    this.#absences.set(`${kind}.${id}@${incarnation}`, evidence);
    if (this.#absences.size > absencesMax) this.#absences.delete(this.#absences.keys().next().value ?? '');
  }
}
