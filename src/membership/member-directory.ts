/**
 * Who is here: masters and workers that renew their entry in the members bucket.
 *
 * M1 A member is known by id and incarnation: a restarted process is another one.
 * M2 A member counts as gone when it removes its entry, when another incarnation takes its place, or when no renewal has
 *    been seen for `ttlMs` by this process's own clock. Clocks of other machines are never compared.
 * M3 Whoever asked a member and found nobody may declare it gone; a later renewal brings it back.
 */
import type { Incarnation, MasterId, WorkerId } from '../../schemas/ids.ts';
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

export type MemberDirectory = {
  workers(): Iterable<WorkerMember>;
  worker(id: WorkerId): WorkerMember | undefined;
  isMasterAlive(id: MasterId, incarnation: Incarnation): boolean;
  masters(): Iterable<MasterMember>;
  /** M3. Does nothing when another life of the member has been seen since. */
  declareGone(member: Member, evidence: string): void;
  /** Why the master of that life is not here, for the record. */
  absenceOf(id: MasterId, incarnation: Incarnation): string;
  onChange(listener: (change: MemberChange) => void): void;
  /** Resolves when all entries of now have been read. */
  whenCurrent(): Promise<void>;
  start(): void;
  stop(): void;
};

export type MemberDirectoryOptions = { bucket: Bucket; clock: Clock; ttlMs: number; log: Log };

const absencesMax = 1_000;

type Seen = { member: Member; seenAt: number };

export function createMemberDirectory({ bucket, clock, ttlMs, log }: MemberDirectoryOptions): MemberDirectory {
  const seen = new Map<string, Seen>();
  const listeners: ((change: MemberChange) => void)[] = [];
  /** Evidence on members that went, by key and incarnation; bounded. */
  const absences = new Map<string, string>();
  const abort = new AbortController();
  let sweep: Timer | undefined;
  let markCurrent: () => void = () => {};
  const current = new Promise<void>((resolve) => {
    markCurrent = resolve;
  });

  const tell = (change: MemberChange): void => {
    if (change.kind === 'gone') {
      const { kind, id, incarnation } = change.member;
      absences.set(`${kind}.${id}@${incarnation}`, `${change.why}: ${change.evidence}`);
      if (absences.size > absencesMax) absences.delete(absences.keys().next().value ?? '');
    }
    for (const listener of listeners) listener(change);
  };
  const take = (key: string, value: unknown): void => {
    const parsed = memberSchema.safeParse(value);
    if (!parsed.success) {
      log.warn({ key, problem: parsed.error.message }, 'member entry cannot be read');
      return;
    }
    const member = parsed.data;
    const before = seen.get(key)?.member;
    seen.set(key, { member, seenAt: clock.now() });
    if (before !== undefined && before.incarnation !== member.incarnation) {
      tell({
        kind: 'gone',
        member: before,
        why: 'restarted',
        evidence: `incarnation ${member.incarnation} took its place`,
      });
    }
    tell({ kind: before?.incarnation === member.incarnation ? 'renewed' : 'joined', member });
  };
  const drop = (key: string, why: GoneReason, evidence?: string): void => {
    const entry = seen.get(key);
    if (entry === undefined) return;
    seen.delete(key);
    const silence = `last heartbeat ${clock.now() - entry.seenAt} ms ago`;
    tell({
      kind: 'gone',
      member: entry.member,
      why,
      evidence: evidence === undefined ? silence : `${evidence}, ${silence}`,
    });
  };
  const sweepExpired = (): void => {
    const limit = clock.now() - ttlMs;
    for (const [key, entry] of [...seen]) if (entry.seenAt < limit) drop(key, 'expired');
    sweep = clock.after(Math.max(50, ttlMs / 4), sweepExpired);
  };
  const all = function* <K extends Member['kind']>(kind: K): Generator<Extract<Member, { kind: K }>> {
    for (const { member } of seen.values()) if (member.kind === kind) yield member as Extract<Member, { kind: K }>;
  };

  return {
    workers: () => all('worker'),
    masters: () => all('master'),
    worker: (id) => {
      const member = seen.get(`worker.${id}`)?.member;
      return member?.kind === 'worker' ? member : undefined;
    },
    isMasterAlive: (id, incarnation) => seen.get(`master.${id}`)?.member.incarnation === incarnation,
    declareGone: (member, evidence) => {
      const key = `${member.kind}.${member.id}`;
      if (seen.get(key)?.member.incarnation === member.incarnation) drop(key, 'crashed', evidence);
    },
    absenceOf: (id, incarnation) => absences.get(`master.${id}@${incarnation}`) ?? 'it is not a member',
    onChange: (listener) => listeners.push(listener),
    whenCurrent: () => current,
    start: () => {
      bucket.watch(
        (change) => (change.kind === 'put' ? take(change.entry.key, change.entry.value) : drop(change.key, 'removed')),
        { signal: abort.signal, onCurrent: markCurrent },
      );
      sweepExpired();
    },
    stop: () => {
      abort.abort();
      sweep?.cancel();
    },
  };
}
