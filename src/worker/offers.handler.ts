/** Answers offers: takes an attempt, or says why not. */
import type { ErrorCode } from '../../schemas/errors.ts';
import type { AttemptId, Incarnation } from '../../schemas/ids.ts';
import type { Offer, OfferReply } from '../../schemas/messages/attempt.messages.ts';
import type { AttemptTable } from './attempt-table.ts';
import type { InstanceTable } from './instance-table.ts';
import type { Lease } from './lease.ts';
import type { Ledger } from './ledger.port.ts';
import type { Outbox } from './outbox.ts';
import type { Turn } from './turn.ts';

/** With more unacked reports than these, no new work is taken. */
const outboxLengthMax = 50_000;

export type OfferContext = {
  incarnation: Incarnation;
  slots: number;
  isDraining: () => boolean;
  lease: Lease;
  attempts: AttemptTable;
  instances: InstanceTable;
  outbox: Outbox;
  ledger: Ledger;
  turn: Turn;
};

const accepted: OfferReply = { accepted: true };

/** What is answered must be sent after the commit of this turn. */
export function takeOffer(offer: Offer, context: OfferContext): OfferReply {
  // An attempt of an earlier life that is known here may have been adopted: taking it again means nothing new.
  if (offer.workerIncarnation !== context.incarnation && stateOf(offer.attemptId, context) !== 'known') {
    const found = `${offer.workerIncarnation}, this life of the worker is ${context.incarnation}`;
    return refused('WORKER_INCARNATION_GONE', `the offer is for the incarnation ${found}`);
  }
  // What was taken before is not refused: it starts as soon as the ledger can be written, and the answer waits for that too.
  if (context.turn.isFailing() && context.attempts.find(offer.attemptId) === undefined) {
    return refused('INTERNAL', 'the ledger of the worker cannot be written at the moment');
  }
  const { instance, epoch, master, host } = offer;
  const entrance = context.instances.enter({ instance, epoch, owner: { master, host } });
  if (entrance.kind === 'stale') return refused('EPOCH_STALE', staleMessage(epoch, entrance.highestEpoch));
  if (entrance.hasNewOwner) context.outbox.resend(entrance.record);
  const known = stateOf(offer.attemptId, context);
  if (known === 'revoked') return refused('ATTEMPT_REVOKED', `the attempt ${offer.attemptId} was revoked`);
  if (known === 'known') return accepted;
  const refusal = refusalOf(offer, context);
  if (refusal !== undefined) return refusal;
  context.attempts.take(offer, entrance.record);
  return accepted;
}

export function staleMessage(epoch: number, highestEpoch: number): string {
  return `expected an epoch of ${highestEpoch} or above, found ${epoch}: a later owner of the instance is known`;
}

function stateOf(attemptId: AttemptId, { attempts, turn, ledger }: OfferContext): 'known' | 'revoked' | 'new' {
  if (attempts.find(attemptId) !== undefined) return 'known';
  if (turn.isRevoking(attemptId)) return 'revoked';
  const row = ledger.findAttempt(attemptId);
  if (row === undefined) return 'new';
  return row.state === 'revoked' ? 'revoked' : 'known';
}

function refusalOf(offer: Offer, context: OfferContext): OfferReply | undefined {
  const { type } = offer.settings;
  const runningCount = context.attempts.runningCount();
  if (!context.attempts.knowsType(type)) return refused('TASK_TYPE_UNKNOWN', `the worker has no task type ${type}`);
  if (context.isDraining()) return refused('WORKER_DRAINING', 'the worker is about to stop and takes no more work');
  if (context.lease.isLost()) {
    return refused('WORKER_UNREACHABLE', 'the worker cannot renew its membership and takes no work until it can');
  }
  if (runningCount >= context.slots) {
    return refused('WORKER_SLOTS_FULL', `expected a free slot, found ${runningCount} of ${context.slots} taken`);
  }
  const reportCount = context.outbox.count();
  if (reportCount < outboxLengthMax) return undefined;
  return refused('OVERLOADED', `expected fewer than ${outboxLengthMax} unacked reports, found ${reportCount}`);
}

export function refused(code: ErrorCode, message: string): OfferReply {
  return { accepted: false, reason: { code, message } };
}
