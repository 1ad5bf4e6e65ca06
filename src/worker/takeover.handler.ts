/** A new owner names itself: it learns what became of its attempts, and from now on gets their reports. */
import type { Incarnation, WorkerId } from '../../schemas/ids.ts';
import type { AttemptState, Takeover, TakeoverReply } from '../../schemas/messages/attempt.messages.ts';
import { stateForMasters } from './attempt-record.ts';
import { type CancelContext, revokedRow } from './cancel.handler.ts';
import type { Outbox } from './outbox.ts';

export type TakeoverContext = CancelContext & { worker: WorkerId; incarnation: Incarnation; outbox: Outbox };

/** To be sent after the commit of this turn. */
export function takeOver({ master, host, instances }: Takeover, context: TakeoverContext): TakeoverReply {
  const { worker, incarnation } = context;
  const reply: TakeoverReply = { worker, incarnation, refused: [], attempts: [] };
  for (const { instance, epoch, attempts, revoked = [] } of instances) {
    const entrance = context.instances.enter({ instance, epoch, owner: { master, host } });
    if (entrance.kind === 'stale') {
      reply.refused.push({ instance, epoch: entrance.highestEpoch });
      continue;
    }
    context.outbox.resend(entrance.record);
    const revokedIds = new Set(revoked);
    for (const attemptId of attempts) {
      const isRevoked = revokedIds.has(attemptId);
      reply.attempts.push({ attemptId, state: stateOf({ attemptId, instance }, isRevoked, context) });
    }
  }
  return reply;
}

/** Of an attempt whose last report was acked nothing more will come: whoever still waits for it waits in vain. */
function stateOf(
  attempt: Parameters<typeof revokedRow>[0],
  isRevoked: boolean,
  { attempts, ledger, turn, clock }: TakeoverContext,
): AttemptState {
  const record = attempts.find(attempt.attemptId);
  if (record !== undefined) return stateForMasters(record);
  if (isRevoked && ledger.findAttempt(attempt.attemptId) === undefined) {
    turn.attemptRevoked(revokedRow(attempt, clock.now()));
  }
  return 'unknown';
}
