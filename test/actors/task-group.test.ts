import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { BrokenJournal } from '../../actors/kit/decider.ts';
import { taskGroupActor } from '../../actors/task-group/task-group.actor.ts';
import type { TaskGroupEffect } from '../../actors/task-group/task-group.effects.ts';
import type { TaskGroupSnapshot } from '../../actors/task-group/task-group.machine.ts';
import { slotsTaken } from '../../actors/task-group/task-group.state.ts';
import { slotReason } from '../../actors/task-group/task-group.view.ts';
import type { TaskGroupCommand } from '../../schemas/commands/concurrency.commands.ts';
import { type Priority, priorities } from '../../schemas/definition/workflow.definition.ts';
import type { SlotHolder, TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import type { TaskGroupName, TaskName } from '../../schemas/ids.ts';
import { OwnedGiven, runId, takeover } from './owned-given.ts';

const answer = (effect: TaskGroupEffect): TaskGroupCommand | undefined =>
  effect.type === 'grantSlots' ? { type: 'GrantSlots', now: 9 } : undefined;

type Group = OwnedGiven<TaskGroupSnapshot, TaskGroupEvent, TaskGroupCommand, TaskGroupEffect>;
const groupOf = (...commands: TaskGroupCommand[]): Group =>
  new OwnedGiven(taskGroupActor, answer).given(takeover(), ...commands);

const holder = (count: number, turn = 0): SlotHolder => ({
  instance: runId(count),
  task: 'a' as TaskName,
  round: 0,
  turn,
});
const asked = { now: 5, key: 'k', by: 'ann' };
const set = (slots: number): TaskGroupCommand => ({ type: 'ConfigureGroup', slots, ...asked });
const toggle = (isOpen: boolean): TaskGroupCommand => ({ type: 'ConfigureGroup', isOpen, ...asked });
const request = (count: number, priority: Priority = 'medium', slots = 1): TaskGroupCommand => ({
  type: 'RequestSlot',
  now: count,
  holder: holder(count),
  priority,
  slots,
});
const release = (count: number): TaskGroupCommand => ({
  type: 'ReleaseSlot',
  now: 7,
  holder: holder(count),
  why: 'ended',
});
const force = (count: number): TaskGroupCommand => ({
  type: 'ForceSlot',
  ...asked,
  instance: runId(count),
  task: 'a' as TaskName,
});
const change = (count: number, priority: Priority): TaskGroupCommand => ({
  type: 'ChangeSlotPriority',
  ...asked,
  instance: runId(count),
  task: 'a' as TaskName,
  priority,
});
const grant: TaskGroupCommand = { type: 'GrantSlots', now: 9 };

/** 1 holds, 2 waits; in the state `unset` both wait. */
const states: Record<string, () => Group> = {
  unset: () => groupOf(request(1), request(2)),
  open: () => groupOf(set(1), request(1), request(2)),
  closed: () => groupOf(set(1), request(1), request(2), toggle(false)),
};

function inState(name: string): Group {
  const make = states[name];
  if (make === undefined) throw new Error(`there is no state ${name}`);
  return make();
}

describe('a task group', () => {
  it.each<[string, TaskGroupCommand, Record<string, string[] | string>]>([
    ['a takeover', takeover(2), { unset: ['OwnershipTaken'], open: ['OwnershipTaken'], closed: ['OwnershipTaken'] }],
    [
      'slots for one more',
      set(2),
      {
        unset: ['TaskGroupConfigured', 'SlotGranted', 'SlotGranted'],
        open: ['TaskGroupConfigured', 'SlotGranted'],
        closed: ['TaskGroupConfigured'],
      },
    ],
    ['the same slots', set(1), { unset: ['TaskGroupConfigured', 'SlotGranted'], open: [], closed: [] }],
    [
      'fewer slots',
      set(0),
      { unset: ['TaskGroupConfigured'], open: ['TaskGroupConfigured'], closed: ['TaskGroupConfigured'] },
    ],
    ['opening', toggle(true), { unset: 'COMMAND_NOT_ALLOWED', open: [], closed: ['TaskGroupConfigured'] }],
    ['closing', toggle(false), { unset: 'COMMAND_NOT_ALLOWED', open: ['TaskGroupConfigured'], closed: [] }],
    ['a request', request(3), { unset: ['SlotRequested'], open: ['SlotRequested'], closed: ['SlotRequested'] }],
    ['a repeated request', request(2), { unset: [], open: [], closed: [] }],
    ['the request of a holder', request(1), { unset: [], open: [], closed: [] }],
    [
      'a release',
      release(1),
      { unset: ['RequestWithdrawn'], open: ['SlotReleased', 'SlotGranted'], closed: ['SlotReleased'] },
    ],
    [
      'a withdrawal',
      release(2),
      { unset: ['RequestWithdrawn'], open: ['RequestWithdrawn'], closed: ['RequestWithdrawn'] },
    ],
    ['the release of a stranger', release(3), { unset: [], open: [], closed: [] }],
    ['forcing who waits', force(2), { unset: ['SlotForced'], open: ['SlotForced'], closed: ['SlotForced'] }],
    ['forcing who holds', force(1), { unset: ['SlotForced'], open: [], closed: [] }],
    [
      'forcing a stranger',
      force(3),
      { unset: 'COMMAND_NOT_ALLOWED', open: 'COMMAND_NOT_ALLOWED', closed: 'COMMAND_NOT_ALLOWED' },
    ],
    [
      'another priority',
      change(2, 'high'),
      { unset: ['SlotPriorityChanged'], open: ['SlotPriorityChanged'], closed: ['SlotPriorityChanged'] },
    ],
    ['the same priority', change(2, 'medium'), { unset: [], open: [], closed: [] }],
    [
      'the priority of a holder',
      change(1, 'high'),
      { unset: ['SlotPriorityChanged'], open: 'COMMAND_NOT_ALLOWED', closed: 'COMMAND_NOT_ALLOWED' },
    ],
    ['a look for what can be granted', grant, { unset: [], open: [], closed: [] }],
  ])('answers %s in each state', (_, command, expected) => {
    const found = Object.fromEntries(Object.entries(states).map(([state, make]) => [state, make().when(command)]));
    expect(found).toEqual(expected);
  });

  test('grants by priority, then age, and passes over nobody for whom only too few are free', () => {
    const group = groupOf(set(3), request(1, 'medium', 2), request(2), request(3, 'low'), request(4, 'medium', 2));
    expect(group.snapshot.context.holders.map(({ holder: { instance } }) => instance)).toEqual([runId(1), runId(2)]);
    group.given(request(5, 'highest', 4), request(6, 'high', 2));
    // 5 can never be served and holds up nobody; 6 waits for two, and 3 behind it for one.
    expect(group.when(release(2))).toEqual(['SlotReleased']);
    expect(group.when(release(1))).toEqual(['SlotReleased', 'SlotGranted']);
    expect(group.snapshot.context.holders.map(({ holder: { instance } }) => instance)).toEqual([runId(6)]);
  });

  test('says why somebody waits: closed, no slots, all taken with holders, more wanted than there are', () => {
    const name = 'g' as TaskGroupName;
    const why = (group: Group, count: number) => slotReason(name, group.snapshot, holder(count));
    expect(why(inState('unset'), 2)).toMatchObject({ code: 'GROUP_CLOSED' });
    expect(why(inState('closed'), 2)).toMatchObject({
      code: 'GROUP_CLOSED',
      message: 'the task group g is closed',
    });
    const busy = groupOf(set(5), ...[1, 2, 3, 4, 5, 6].map((count) => request(count)));
    expect(why(busy, 6)?.message).toContain(`a of ${runId(3)} and 2 more`);
    expect(why(groupOf(set(1), request(1, 'medium', 2)), 1)?.message).toContain('needs 2 slots');
    expect(why(busy, 1)).toBeUndefined();
  });

  test('owes after a takeover what a former owner may not have done', () => {
    const group = inState('open');
    expect(group.pending()).toEqual([{ type: 'tellHolder', holder: holder(1) }, { type: 'watchHolders' }]);
    expect(groupOf(set(1)).pending()).toEqual([]);
  });

  test('does not take a grant that is not free, not next, or not asked for', () => {
    const fold = (group: Group, event: TaskGroupEvent) => () => taskGroupActor.fold(group.snapshot, event);
    const granted = (count: number): TaskGroupEvent => ({
      type: 'SlotGranted',
      data: { holder: holder(count), grantedAt: 1 },
    });
    for (const state of ['unset', 'open', 'closed']) {
      for (const count of [1, 2, 3]) expect(fold(inState(state), granted(count))).toThrow(BrokenJournal);
    }
    const stale = { ...takeover(), type: undefined, now: undefined, epoch: 1 };
    const data = stale as unknown as Extract<TaskGroupEvent, { type: 'OwnershipTaken' }>['data'];
    expect(fold(inState('open'), { type: 'OwnershipTaken', data })).toThrow(BrokenJournal);
  });

  test('never has more holders than slots, under any interleaving, and replays to the same state', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('request' as const),
          who: fc.nat(9),
          slots: fc.integer({ min: 1, max: 3 }),
          rank: fc.nat(4),
        }),
      },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('release' as const), who: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('set' as const), slots: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('toggle' as const), isOpen: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeover' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('priority' as const), who: fc.nat(9), rank: fc.nat(4) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const group = groupOf(set(2));
        for (const one of steps) {
          const before = slotsTaken(group.snapshot.context);
          const command = commandOf(one, group);
          group.when(command);
          const { context, value } = group.snapshot;
          const taken = slotsTaken(context);
          // Only a smaller group may have more holders than slots, and then it grants nothing.
          expect(taken <= context.slots || taken <= before).toBe(true);
          const isGranted = group.history.slice(-1).some(({ type }) => type === 'SlotGranted');
          if (isGranted) expect(taken).toBeLessThanOrEqual(context.slots);
          if (value === 'open') group.expectSettled();
        }
        group.expectReplayEqual();
        for (const { holder: held } of [...group.snapshot.context.holders, ...group.snapshot.context.waiting]) {
          group.when({ type: 'ReleaseSlot', now: 1, holder: held, why: 'notLive' });
        }
        expect(slotsTaken(group.snapshot.context)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

type Step =
  | { kind: 'request'; who: number; slots: number; rank: number }
  | { kind: 'release'; who: number }
  | { kind: 'set'; slots: number }
  | { kind: 'toggle'; isOpen: boolean }
  | { kind: 'takeover' }
  | { kind: 'priority'; who: number; rank: number };

function commandOf(step: Step, { snapshot }: Group): TaskGroupCommand {
  switch (step.kind) {
    case 'request':
      return request(step.who, priorities[step.rank], step.slots);
    case 'release':
      return release(step.who);
    case 'set':
      return set(step.slots);
    case 'toggle':
      return toggle(step.isOpen);
    case 'takeover':
      return takeover(snapshot.context.epoch + 1);
    case 'priority':
      return change(step.who, priorities[step.rank] ?? 'medium');
  }
}
