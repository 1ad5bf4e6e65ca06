/**
 * Gathers what one turn of the event loop changes, commits it as one transaction, and then does what waited for it.
 *
 * T1 Nothing that depends on a change (a reply, a report, the start of a process) happens before its commit.
 * T2 What waits is done in the order in which it was asked for; then the listeners of the turn are called.
 * T3 When the ledger cannot be written, everything waits and is tried again; `isFailing` lets new work be refused.
 * T4 What nothing depends on goes with the next commit that is due anyway, at the latest after a short delay. If it is lost
 *    with the process, a report is repeated that the journal has: harmless.
 */
import type { AttemptId } from '../../schemas/ids.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { EndOfTurn } from '../clock/end-of-turn.ts';
import type { Log } from '../telemetry/log.ts';
import { type AttemptRecord, type InstanceRecord, toAttemptRow, toInstanceRow } from './attempt-record.ts';
import type { AttemptRow, Ledger } from './ledger.port.ts';

export type Turn = {
  attemptChanged(record: AttemptRecord): void;
  /** Its last report was acked. Nothing waits for this change: it goes with a later commit (T4). */
  attemptSettled(record: AttemptRecord): void;
  attemptRevoked(row: AttemptRow): void;
  /** True while the record has changes that the ledger does not know. */
  isUncommitted(record: AttemptRecord): boolean;
  /** A revocation of this turn, which the ledger does not know yet. */
  isRevoking(attemptId: AttemptId): boolean;
  instanceChanged(record: InstanceRecord): void;
  afterCommit(action: () => void): void;
  /** Like `afterCommit`, for a reply: dropped when too many wait. */
  answerAfterCommit(answer: () => void): void;
  /** Called after each commit and its actions. */
  onCommitted(listener: () => void): void;
  /** Asks for a commit, changes or not: listeners are called. */
  request(): void;
  isFailing(): boolean;
  /** Commits now, if the ledger lets it; used at a stop. */
  flush(): void;
  stop(): void;
};

export type TurnOptions = { ledger: Ledger; endOfTurn: EndOfTurn; clock: Clock; log: Log };

const retryDelayMs = 500;
const settleDelayMs = 100;
const settledCountMax = 1_000;
/** While the ledger fails, answers beyond this number are dropped; who asked will ask again. */
const waitingCountMax = 50_000;

export function createTurn(options: TurnOptions): Turn {
  return new LedgerTurn(options);
}

class LedgerTurn implements Turn {
  private readonly options: TurnOptions;
  private readonly attempts = new Set<AttemptRecord>();
  private readonly settled = new Set<AttemptRecord>();
  private readonly revoked = new Map<AttemptId, AttemptRow>();
  private readonly instances = new Set<InstanceRecord>();
  private readonly listeners: (() => void)[] = [];
  private actions: (() => void)[] = [];
  private isRequested = false;
  private isStopped = false;
  private retry: Timer | undefined;
  private settling: Timer | undefined;

  constructor(options: TurnOptions) {
    this.options = options;
  }

  attemptChanged(record: AttemptRecord): void {
    this.attempts.add(record);
    this.request();
  }

  /** T4. */
  attemptSettled(record: AttemptRecord): void {
    this.settled.add(record);
    if (this.settled.size >= settledCountMax) this.request();
    this.settling ??= this.options.clock.after(settleDelayMs, () => {
      this.settling = undefined;
      if (this.settled.size > 0) this.request();
    });
  }

  attemptRevoked(row: AttemptRow): void {
    this.revoked.set(row.attemptId, row);
    this.request();
  }

  isUncommitted(record: AttemptRecord): boolean {
    return this.attempts.has(record);
  }

  isRevoking(attemptId: AttemptId): boolean {
    return this.revoked.has(attemptId);
  }

  instanceChanged(record: InstanceRecord): void {
    this.instances.add(record);
    this.request();
  }

  afterCommit(action: () => void): void {
    this.actions.push(action);
    this.request();
  }

  answerAfterCommit(answer: () => void): void {
    if (this.actions.length < waitingCountMax) this.afterCommit(answer);
  }

  onCommitted(listener: () => void): void {
    this.listeners.push(listener);
  }

  request(): void {
    if (this.isRequested || this.isStopped) return;
    this.isRequested = true;
    this.options.endOfTurn(() => this.act());
  }

  isFailing(): boolean {
    return this.retry !== undefined;
  }

  flush(): void {
    this.retry?.cancel();
    this.retry = undefined;
    this.act();
  }

  stop(): void {
    this.isStopped = true;
    this.retry?.cancel();
    this.settling?.cancel();
  }

  private act(): void {
    this.isRequested = false;
    if (this.isStopped || this.retry !== undefined) return;
    if (!this.commit()) {
      this.retry = this.options.clock.after(retryDelayMs, () => this.flush()); // T3.
      return;
    }
    const waiting = this.actions;
    this.actions = [];
    for (const action of waiting) this.perform(action);
    for (const listener of this.listeners) this.perform(listener);
  }

  private commit(): boolean {
    const { attempts, settled, revoked, instances } = this;
    if (attempts.size + settled.size + revoked.size + instances.size === 0) return true;
    const now = this.options.clock.now();
    try {
      this.options.ledger.commit({
        attempts: [...Array.from(attempts, toAttemptRow), ...revoked.values()],
        settled: Array.from(settled, (record) => record.attemptId),
        instances: Array.from(instances, (record) => toInstanceRow(record, now)),
      });
    } catch (fault) {
      this.options.log.error({ fault, attemptCount: attempts.size }, 'the ledger cannot be written; trying again');
      return false;
    }
    for (const changes of [attempts, settled, revoked, instances]) changes.clear();
    return true;
  }

  /** One action that fails must not keep the others from being done. */
  private perform(action: () => void): void {
    try {
      action();
    } catch (fault) {
      this.options.log.error({ fault }, 'an action after a commit failed');
    }
  }
}
