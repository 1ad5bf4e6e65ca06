/**
 * Keeps the worker's entry in the members bucket alive. One write at a time: a change during a write is told by the next
 * one, which follows at once.
 */
import type { WorkerMember } from '../../schemas/messages/membership.messages.ts';
import { memberKey } from '../../schemas/messages/subjects.ts';
import type { Bucket } from '../buckets/bucket.port.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { Lease } from './lease.ts';

export type WorkerMembership = {
  start(): void;
  /** Something changed that masters should know at once. */
  changed(): void;
  /** Removes the entry, unless the bucket does not answer in time. */
  leave(deadlineMs: number): Promise<void>;
};

export type WorkerMembershipOptions = {
  members: Bucket;
  intervalMs: number;
  describe: () => WorkerMember;
  lease: Lease;
  clock: Clock;
  log: Log;
};

export function createWorkerMembership(options: WorkerMembershipOptions): WorkerMembership {
  const { members, intervalMs, describe, lease, clock, log } = options;
  let timer: Timer | undefined;
  let writing: Promise<void> | undefined;
  let isChanged = false;
  let isAway = false;
  let hasLeft = false;

  const write = async (): Promise<void> => {
    try {
      const member = describe();
      const begunAt = lease.now();
      await members.put(memberKey.worker(member.id), member);
      lease.renewed(begunAt);
      if (isAway) log.info({}, 'membership renewed');
      isAway = false;
    } catch (fault) {
      if (!isAway) log.warn({ fault }, 'membership cannot be renewed; trying again at each heartbeat');
      isAway = true;
    }
    writing = undefined;
    if (isChanged) beat();
  };
  const beat = (): void => {
    isChanged = writing !== undefined;
    if (hasLeft || writing !== undefined) return;
    writing = write();
  };
  const tick = (): void => {
    beat();
    timer = clock.after(intervalMs, tick);
  };

  return {
    start: () => {
      lease.start();
      tick();
    },
    changed: beat,
    leave: async (deadlineMs) => {
      hasLeft = true;
      lease.stop();
      timer?.cancel();
      const key = memberKey.worker(describe().id);
      const removal = (writing ?? Promise.resolve()).then(() => members.remove(key));
      await withDeadline(
        removal.then(
          () => {},
          (fault: unknown) => log.warn({ fault }, 'membership cannot be removed; it will expire'),
        ),
        { clock, deadlineMs },
      );
    },
  };
}

async function withDeadline(work: Promise<void>, options: { clock: Clock; deadlineMs: number }): Promise<void> {
  const { clock, deadlineMs } = options;
  await new Promise<void>((resolve) => {
    const timer = clock.after(deadlineMs, resolve);
    void work.then(() => {
      timer.cancel();
      resolve();
    });
  });
}
