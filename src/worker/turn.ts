/**
 * Gathers what one turn of the event loop changes, commits it as one transaction, and then does what waited for it.
 *
 * T1 Nothing that depends on a change (a reply, a report, the start of a process) happens before its commit.
 * T2 What waits is done in the order in which it was asked for; then the listeners of the turn are called.
 * T3 When the ledger cannot be written, everything waits and is tried again; `isFailing` lets new work be refused.
 */
import type { AttemptId } from '../../schemas/ids.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';
import { type AttemptRecord, type InstanceRecord, toAttemptRow, toInstanceRow } from './attempt-record.ts';
import type { AttemptRow, Ledger } from './ledger.port.ts';

/** Calls back when the messages of this turn have been handled. */
export type EndOfTurn = (callback: () => void) => void;

export const endOfTurn: EndOfTurn = (callback) => void setImmediate(callback);

export type Turn = {
  attemptChanged(record: AttemptRecord): void;
  /** Its last report was acked. */
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
/** While the ledger fails, answers beyond this number are dropped; who asked will ask again. */
const waitingCountMax = 50_000;

export function createTurn({ ledger, endOfTurn, clock, log }: TurnOptions): Turn {
  const attempts = new Set<AttemptRecord>();
  const settled = new Set<AttemptRecord>();
  const revoked = new Map<AttemptId, AttemptRow>();
  const instances = new Set<InstanceRecord>();
  const listeners: (() => void)[] = [];
  let actions: (() => void)[] = [];
  let isRequested = false;
  let retry: Timer | undefined;
  let isStopped = false;

  const request = (): void => {
    if (isRequested || isStopped) return;
    isRequested = true;
    endOfTurn(flush);
  };
  const commit = (): boolean => {
    if (attempts.size + settled.size + revoked.size + instances.size === 0) return true;
    const now = clock.now();
    try {
      ledger.commit({
        attempts: [...Array.from(attempts, toAttemptRow), ...revoked.values()],
        settled: Array.from(settled, (record) => record.attemptId),
        instances: Array.from(instances, (record) => toInstanceRow(record, now)),
      });
    } catch (fault) {
      log.error({ fault, attemptCount: attempts.size }, 'the ledger cannot be written; trying again');
      return false;
    }
    for (const changes of [attempts, settled, revoked, instances]) changes.clear();
    return true;
  };
  const flush = (): void => {
    isRequested = false;
    if (isStopped || retry !== undefined) return; // T3: the timer goes on.
    if (!commit()) {
      retry = clock.after(retryDelayMs, () => {
        retry = undefined;
        flush();
      });
      return;
    }
    const waiting = actions;
    actions = [];
    for (const action of waiting) attempt(action, log);
    for (const listener of listeners) attempt(listener, log);
  };

  return {
    attemptChanged: (record) => {
      attempts.add(record);
      request();
    },
    attemptSettled: (record) => {
      settled.add(record);
      request();
    },
    attemptRevoked: (row) => {
      revoked.set(row.attemptId, row);
      request();
    },
    isUncommitted: (record) => attempts.has(record),
    isRevoking: (attemptId) => revoked.has(attemptId),
    instanceChanged: (record) => {
      instances.add(record);
      request();
    },
    afterCommit: (action) => {
      actions.push(action);
      request();
    },
    answerAfterCommit: (answer) => {
      if (actions.length >= waitingCountMax) return;
      actions.push(answer);
      request();
    },
    onCommitted: (listener) => void listeners.push(listener),
    request,
    isFailing: () => retry !== undefined,
    flush: () => {
      retry?.cancel();
      retry = undefined;
      flush();
    },
    stop: () => {
      isStopped = true;
      retry?.cancel();
    },
  };
}

/** One action that fails must not keep the others from being done. */
function attempt(action: () => void, log: Log): void {
  try {
    action();
  } catch (fault) {
    log.error({ fault }, 'an action after a commit failed');
  }
}
