/**
 * Cancels attempts. One that is not known here will never start here; of one whose last report was acked nothing more
 * will come. Both are `unknown`: whoever still waits for the attempt need not.
 */
import type { Cancel, CancelReply } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import { stateForMasters } from './attempt-record.ts';
import type { AttemptTable } from './attempt-table.ts';
import type { InstanceTable } from './instance-table.ts';
import type { AttemptRow, Ledger } from './ledger.port.ts';
import { staleMessage } from './offers.handler.ts';
import type { Turn } from './turn.ts';

export type CancelContext = {
  attempts: AttemptTable;
  instances: InstanceTable;
  ledger: Ledger;
  turn: Turn;
  clock: Clock;
};

/** Answers the state before. To be sent after the commit of this turn. */
export function cancelAttempt(cancel: Cancel, context: CancelContext): CancelReply {
  const { instance, epoch, attemptId, reason } = cancel;
  const entrance = context.instances.enter({ instance, epoch });
  if (entrance.kind === 'stale') {
    return { error: { code: 'EPOCH_STALE', message: staleMessage(epoch, entrance.highestEpoch) } };
  }
  const record = context.attempts.find(attemptId);
  if (record !== undefined) {
    const state = stateForMasters(record);
    context.attempts.cancel(record, reason);
    return { state };
  }
  const row = context.ledger.findAttempt(attemptId);
  if (row === undefined) context.turn.attemptRevoked(revokedRow(cancel, context.clock.now()));
  return { state: 'unknown' };
}

/** Of an attempt that was never seen, and is never to be started here. */
export function revokedRow(
  { attemptId, instance }: Pick<Cancel, 'attemptId' | 'instance'>,
  revokedAt: number,
): AttemptRow {
  return {
    attemptId,
    instance,
    task: undefined,
    state: 'revoked',
    offer: undefined,
    process: undefined,
    startedAt: undefined,
    endedAt: revokedAt,
    sequence: 0,
    reportText: undefined,
    hasFolder: false,
    logSizeBytes: 0,
  };
}
