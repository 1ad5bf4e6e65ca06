import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { BrokenJournal } from '../../actors/kit/decider.ts';
import { workflowQueueActor } from '../../actors/workflow-queue/workflow-queue.actor.ts';
import type { WorkflowQueueEffect } from '../../actors/workflow-queue/workflow-queue.effects.ts';
import type { WorkflowQueueSnapshot } from '../../actors/workflow-queue/workflow-queue.machine.ts';
import { nextStep } from '../../actors/workflow-queue/workflow-queue.state.ts';
import { admissionOf } from '../../actors/workflow-queue/workflow-queue.view.ts';
import type { WorkflowQueueCommand } from '../../schemas/commands/concurrency.commands.ts';
import { type Concurrency, type Priority, priorities } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import type { WorkflowName } from '../../schemas/ids.ts';
import { OwnedGiven, runId, takeover } from './owned-given.ts';

const answer = (effect: WorkflowQueueEffect): WorkflowQueueCommand | undefined =>
  effect.type === 'admitNext' ? { type: 'AdmitNext', now: 9 } : undefined;

type Queue = OwnedGiven<WorkflowQueueSnapshot, WorkflowQueueEvent, WorkflowQueueCommand, WorkflowQueueEffect>;
const queueOf = (...commands: WorkflowQueueCommand[]): Queue =>
  new OwnedGiven(workflowQueueActor, answer).given(takeover(), ...commands);

const come = (count: number, concurrency: Concurrency, priority: Priority = 'medium'): WorkflowQueueCommand => ({
  type: 'RequestAdmission',
  now: count,
  instance: runId(count),
  priority,
  concurrency,
});
const leave = (count: number): WorkflowQueueCommand => ({ type: 'LeaveQueue', now: 8, instance: runId(count) });
const parallel: Concurrency = { policy: 'parallel' };
const wait: Concurrency = { policy: 'wait' };
const discard: Concurrency = { policy: 'discard' };
const priority: Concurrency = { policy: 'priority' };

/** 1 is active, 2 waits for it, or was discarded. */
const states: Record<string, () => Queue> = {
  empty: () => queueOf(),
  active: () => queueOf(come(1, wait)),
  waiting: () => queueOf(come(1, wait), come(2, wait)),
  discarded: () => queueOf(come(1, discard), come(2, discard)),
  preempted: () => queueOf(come(1, priority), come(2, priority)),
};

function inState(name: string): Queue {
  const make = states[name];
  if (make === undefined) throw new Error(`there is no state ${name}`);
  return make();
}

describe('the queue of a workflow', () => {
  it.each<[string, WorkflowQueueCommand, Record<string, string[]>]>([
    [
      'a run that waits',
      come(3, wait),
      {
        empty: ['RunQueued', 'RunAdmitted'],
        active: ['RunQueued'],
        waiting: ['RunQueued'],
        discarded: ['RunQueued'],
        preempted: ['RunQueued'],
      },
    ],
    [
      'a run without a limit',
      come(3, parallel),
      {
        empty: ['RunQueued', 'RunAdmitted'],
        active: ['RunQueued', 'RunAdmitted'],
        waiting: ['RunQueued'],
        discarded: ['RunQueued', 'RunAdmitted'],
        preempted: ['RunQueued'],
      },
    ],
    [
      'a run that is not to wait',
      come(3, discard),
      {
        empty: ['RunQueued', 'RunAdmitted'],
        active: ['RunQueued', 'RunDiscarded'],
        waiting: ['RunQueued', 'RunDiscarded'],
        discarded: ['RunQueued', 'RunDiscarded'],
        preempted: ['RunQueued', 'RunDiscarded'],
      },
    ],
    [
      'a run that takes the place of others',
      come(3, priority),
      {
        empty: ['RunQueued', 'RunAdmitted'],
        active: ['RunQueued', 'PreemptionRequested'],
        waiting: ['RunQueued', 'PreemptionRequested'],
        discarded: ['RunQueued', 'PreemptionRequested'],
        preempted: ['RunQueued', 'RunDiscarded'],
      },
    ],
    [
      'a run of lower priority that takes the place of others',
      come(3, priority, 'low'),
      {
        empty: ['RunQueued', 'RunAdmitted'],
        active: ['RunQueued'],
        waiting: ['RunQueued'],
        discarded: ['RunQueued'],
        preempted: ['RunQueued'],
      },
    ],
    [
      'a run that is known',
      come(1, wait),
      { empty: ['RunQueued', 'RunAdmitted'], active: [], waiting: [], discarded: [], preempted: [] },
    ],
    [
      'the end of the active run',
      leave(1),
      {
        empty: [],
        active: ['RunLeft'],
        waiting: ['RunLeft', 'RunAdmitted'],
        discarded: ['RunLeft'],
        preempted: ['RunLeft', 'RunAdmitted'],
      },
    ],
    [
      'the end of the other run',
      leave(2),
      { empty: [], active: [], waiting: ['RunLeft'], discarded: ['RunLeft'], preempted: ['RunLeft'] },
    ],
    [
      'a look for whose turn it is',
      { type: 'AdmitNext', now: 9 },
      { empty: [], active: [], waiting: [], discarded: [], preempted: [] },
    ],
    [
      'a takeover',
      takeover(2),
      {
        empty: ['OwnershipTaken'],
        active: ['OwnershipTaken'],
        waiting: ['OwnershipTaken'],
        discarded: ['OwnershipTaken'],
        preempted: ['OwnershipTaken'],
      },
    ],
  ])('answers %s in each state', (_, command, expected) => {
    const found = Object.fromEntries(Object.entries(states).map(([state, make]) => [state, make().when(command)]));
    expect(found).toEqual(expected);
  });

  test('serves by priority, then age, up to the most runs at a time', () => {
    const two: Concurrency = { policy: 'wait', activeMax: 2 };
    const queue = queueOf(come(1, two), come(2, two), come(3, two, 'low'), come(4, two), come(5, two, 'high'));
    const active = () => queue.snapshot.context.active.map(({ instance }) => instance);
    expect(active()).toEqual([runId(1), runId(2)]);
    queue.given(leave(1), leave(2));
    expect(active()).toEqual([runId(5), runId(4)]);
    queue.given(leave(4));
    expect(active()).toEqual([runId(5), runId(3)]);
  });

  describe('when a run was opened again', () => {
    const again = (count: number, round: number, concurrency: Concurrency = wait) => ({
      ...come(count, concurrency),
      round,
    });

    test('gives it a new place, though nobody has told of its former end', () => {
      const queue = queueOf(come(1, wait), come(2, wait));
      expect(queue.when(again(1, 1))).toEqual(['RunLeft', 'RunQueued', 'RunAdmitted']);
      expect(queue.snapshot.context.active.map(({ instance }) => instance)).toEqual([runId(2)]);
      expect(queue.when(again(1, 1))).toEqual([]);
      expect(queue.when(come(1, wait))).toEqual([]);
      queue.expectReplayEqual();
    });

    test('keeps its new place when its former end is told late', () => {
      const queue = queueOf(come(1, wait), again(1, 1));
      expect(queue.when(leave(1))).toEqual([]);
      const leaveNow: WorkflowQueueCommand = { type: 'LeaveQueue', now: 8, instance: runId(1), round: 1 };
      expect(queue.when(leaveNow)).toEqual(['RunLeft']);
    });

    test('may turn it away, and again', () => {
      const queue = queueOf(come(1, discard), leave(1), come(2, discard), again(1, 1, discard));
      expect(queue.snapshot.context.discarded).toMatchObject([{ instance: runId(1), round: 1 }]);
      expect(queue.when(again(1, 2, discard))).toEqual(['RunLeft', 'RunQueued', 'RunDiscarded']);
    });

    test('says of which of its rounds it speaks', () => {
      const queue = queueOf(come(1, discard), come(2, discard), again(1, 1, wait), come(3, wait));
      const roundOf = (count: number) => admissionOf('w' as WorkflowName, queue.snapshot.context, runId(count)).round;
      expect([roundOf(1), roundOf(3)]).toEqual([1, undefined]);
      queue.given(again(2, 2, discard), again(3, 4));
      expect([roundOf(2), roundOf(3)]).toEqual([2, 4]);
    });
  });

  test('says where a run stands', () => {
    const stands = (queue: Queue, count: number) =>
      admissionOf('w' as WorkflowName, queue.snapshot.context, runId(count)).state;
    expect(stands(inState('waiting'), 1)).toBe('admitted');
    expect(stands(inState('waiting'), 2)).toBe('waiting');
    expect(stands(inState('discarded'), 2)).toBe('discarded');
    expect(stands(inState('empty'), 2)).toBe('left');
  });

  test('owes after a takeover what a former owner may not have done', () => {
    const owes = (state: string) =>
      inState(state)
        .pending()
        .map(({ type }) => type);
    expect(owes('empty')).toEqual([]);
    expect(owes('waiting')).toEqual(['tellRun', 'watchRuns']);
    expect(owes('discarded')).toEqual(['tellRun', 'tellRun', 'watchRuns']);
    expect(owes('preempted')).toEqual(['preemptRun', 'watchRuns']);
  });

  test('does not take an admission whose turn it is not', () => {
    const event: WorkflowQueueEvent = {
      type: 'RunAdmitted',
      data: { instance: runId(2), admittedAt: 1, evidence: '' },
    };
    for (const make of Object.values(states)) {
      const queue = make();
      expect(() => workflowQueueActor.fold(queue.snapshot, event)).toThrow(BrokenJournal);
    }
  });

  test('never has more runs active than allowed, stalls with none free, and replays to the same state', () => {
    const step = fc.record({
      kind: fc.constantFrom('come' as const, 'come' as const, 'leave' as const, 'takeover' as const),
      who: fc.nat(12),
      rank: fc.nat(4),
      policy: fc.constantFrom('wait' as const, 'discard' as const, 'priority' as const),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, activeMax) => {
        const queue = queueOf();
        for (const { kind, who, rank, policy } of steps) {
          if (kind === 'come') queue.when(come(who, { policy, activeMax }, priorities[rank]));
          if (kind === 'leave') queue.when(leave(who));
          if (kind === 'takeover') queue.when(takeover(queue.snapshot.context.epoch + 1));
          const { active, waiting } = queue.snapshot.context;
          expect(active.length).toBeLessThanOrEqual(activeMax);
          if (waiting.length > 0) expect(active.length).toBe(activeMax);
          expect(nextStep(queue.snapshot.context)).toBeUndefined();
          queue.expectSettled();
        }
        queue.expectReplayEqual();
      }),
      { numRuns: 300 },
    );
  });
});
