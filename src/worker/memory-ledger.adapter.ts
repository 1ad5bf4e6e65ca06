/** A ledger in memory: it survives whoever uses it, so a simulated worker may crash and find it again. */
import type { AttemptId, InstanceId } from '../../schemas/ids.ts';
import type { AttemptRow, InstanceRow, Ledger } from './ledger.port.ts';

export function createMemoryLedger(): Ledger {
  const attempts = new Map<AttemptId, AttemptRow>();
  const instances = new Map<InstanceId, InstanceRow>();
  return {
    commit: (changes) => {
      for (const row of changes.attempts) attempts.set(row.attemptId, { ...row });
      for (const row of changes.instances) instances.set(row.instance, { ...row });
      for (const id of changes.settled) settle(attempts.get(id));
    },
    findAttempt: (id) => attempts.get(id),
    findInstance: (id) => instances.get(id),
    unsettled: () => [...attempts.values()].filter((row) => !isSettled(row)),
    expired: (endedBefore) =>
      [...attempts.values()].filter((row) => isSettled(row) && (row.endedAt ?? 0) < endedBefore),
    forgetAttempts: (ids) => {
      for (const id of ids) attempts.delete(id);
    },
    forgetInstances: (touchedBefore, isKept) => {
      for (const row of instances.values()) {
        if (row.touchedAt < touchedBefore && !isKept(row.instance)) instances.delete(row.instance);
      }
    },
    close: () => {},
  };
}

function settle(row: AttemptRow | undefined): void {
  if (row === undefined) return;
  row.reportText = undefined;
  row.offer = undefined;
}

function isSettled(row: AttemptRow): boolean {
  return (row.state === 'ended' || row.state === 'revoked') && row.reportText === undefined;
}
