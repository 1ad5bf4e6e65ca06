/** A new owner names itself: it learns what became of its attempts, and from now on gets their reports. */
import type { AttemptId, Incarnation, WorkerId } from '../../schemas/ids.ts';
import type { AttemptState, Takeover, TakeoverReply } from '../../schemas/messages/attempt.messages.ts';
import { stateForMasters } from './attempt-record.ts';
import type { AttemptTable } from './attempt-table.ts';
import type { InstanceTable } from './instance-table.ts';
import type { Outbox } from './outbox.ts';

export type TakeoverContext = {
  worker: WorkerId;
  incarnation: Incarnation;
  attempts: AttemptTable;
  instances: InstanceTable;
  outbox: Outbox;
};

/** To be sent after the commit of this turn. */
export function takeOver({ master, host, instances }: Takeover, context: TakeoverContext): TakeoverReply {
  const { worker, incarnation } = context;
  const reply: TakeoverReply = { worker, incarnation, refused: [], attempts: [] };
  for (const { instance, epoch, attempts } of instances) {
    const entrance = context.instances.enter({ instance, epoch, owner: { master, host } });
    if (entrance.kind === 'stale') {
      reply.refused.push({ instance, epoch: entrance.highestEpoch });
      continue;
    }
    context.outbox.resend(entrance.record);
    for (const attemptId of attempts) reply.attempts.push({ attemptId, state: stateOf(attemptId, context) });
  }
  return reply;
}

/** Of an attempt whose last report was acked nothing more will come: whoever still waits for it waits in vain. */
function stateOf(attemptId: AttemptId, { attempts }: TakeoverContext): AttemptState {
  const record = attempts.find(attemptId);
  return record === undefined ? 'unknown' : stateForMasters(record);
}
