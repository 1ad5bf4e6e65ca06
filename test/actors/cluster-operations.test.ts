import { describe, expect, it, test } from 'vitest';
import { clusterOperationsActor } from '../../actors/cluster-operations/cluster-operations.actor.ts';
import type { ClusterOperationsEffect } from '../../actors/cluster-operations/cluster-operations.effects.ts';
import type { ClusterOperationsSnapshot } from '../../actors/cluster-operations/cluster-operations.machine.ts';
import { operationsHold, tasksUnder } from '../../actors/cluster-operations/cluster-operations.view.ts';
import { planOf } from '../../actors/graph/plan.ts';
import { BrokenJournal } from '../../actors/kit/decider.ts';
import type { ClusterOperationsCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { ClusterOperationsEvent, Frozen } from '../../schemas/events/cluster-operations.events.ts';
import type { TaskName, WorkerGroup, WorkflowName } from '../../schemas/ids.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { OwnedGiven, runId, takeover } from './owned-given.ts';

type Operations = OwnedGiven<
  ClusterOperationsSnapshot,
  ClusterOperationsEvent,
  ClusterOperationsCommand,
  ClusterOperationsEffect
>;
const operationsOf = (...commands: ClusterOperationsCommand[]): Operations =>
  new OwnedGiven(clusterOperationsActor, () => undefined).given(takeover(), ...commands);

const asked = { now: 5, by: 'ann', reason: 'by six' };
const task = (name: string) => name as TaskName;
const crown = (id: string, name = 'd'): ClusterOperationsCommand => ({
  type: 'PlaceCrown',
  id,
  key: id,
  instance: runId(1),
  task: task(name),
  upstreams: [task('b')],
  ...asked,
});
const uncrown = (id: string): ClusterOperationsCommand => ({
  type: 'RemoveCrown',
  now: 6,
  id,
  why: 'removed',
  by: 'bob',
});
const workflow: Frozen = { kind: 'workflow', name: 'w' as WorkflowName };
const group: Frozen = { kind: 'workerGroup', name: 'default' as WorkerGroup };
const freeze = (target: Frozen): ClusterOperationsCommand => ({ type: 'Freeze', key: 'f', target, ...asked });
const unfreeze = (target: Frozen): ClusterOperationsCommand => ({ type: 'Unfreeze', key: 'u', target, ...asked });

const states: Record<string, () => Operations> = {
  none: () => operationsOf(),
  crowned: () => operationsOf(crown('c')),
  frozen: () => operationsOf(freeze(workflow)),
};

function inState(name: string): Operations {
  const make = states[name];
  if (make === undefined) throw new Error(`there is no state ${name}`);
  return make();
}

const placed = { instance: runId(1), workflow: 'w' as WorkflowName, task: task('x'), group: 'default' as WorkerGroup };
const holdOf = (operations: Operations, isUnder = false) =>
  operationsHold(operations.snapshot.context, placed, () => isUnder);

describe('the operations of the cluster', () => {
  it.each<[string, ClusterOperationsCommand, Record<string, string[]>]>([
    ['a crown', crown('n', 'e'), { none: ['CrownPlaced'], crowned: ['CrownPlaced'], frozen: ['CrownPlaced'] }],
    ['the same crown', crown('c'), { none: ['CrownPlaced'], crowned: [], frozen: ['CrownPlaced'] }],
    ['a second crown of the task', crown('n'), { none: ['CrownPlaced'], crowned: [], frozen: ['CrownPlaced'] }],
    ['the end of a crown', uncrown('c'), { none: [], crowned: ['CrownRemoved'], frozen: [] }],
    ['a freeze', freeze(workflow), { none: ['FreezePlaced'], crowned: ['FreezePlaced'], frozen: [] }],
    ['another freeze', freeze(group), { none: ['FreezePlaced'], crowned: ['FreezePlaced'], frozen: ['FreezePlaced'] }],
    ['the end of a freeze', unfreeze(workflow), { none: [], crowned: [], frozen: ['FreezeLifted'] }],
    ['a takeover', takeover(2), { none: ['OwnershipTaken'], crowned: ['OwnershipTaken'], frozen: ['OwnershipTaken'] }],
  ])('answer %s in each state', (_, command, expected) => {
    const found = Object.fromEntries(Object.entries(states).map(([state, make]) => [state, make().when(command)]));
    expect(found).toEqual(expected);
  });

  test('hold what is not crowned while a crown exists, and nothing without one', () => {
    const operations = inState('crowned');
    expect(holdOf(operations)).toMatchObject({ code: 'HELD_BY_CORONATION', group: 'default' });
    expect(holdOf(operations)?.message).toContain(`d of ${runId(1)} is crowned by ann: by six`);
    expect(holdOf(operations, true)).toBeUndefined();
    expect(holdOf(operations.given(uncrown('c')))).toBeUndefined();
  });

  test('hold what is frozen, but not what is crowned', () => {
    expect(holdOf(inState('frozen'))).toMatchObject({ code: 'WORKFLOW_FROZEN' });
    expect(holdOf(operationsOf(freeze(group)))).toMatchObject({ code: 'GROUP_FROZEN' });
    expect(holdOf(operationsOf(freeze(workflow), unfreeze(workflow)))).toBeUndefined();
    expect(holdOf(operationsOf(freeze(workflow), crown('c')), true)).toBeUndefined();
  });

  test('let the chosen upstreams of a crowned task run with all that they need', () => {
    const plan = planOf(
      workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['a']), taskOf('d', ['b', 'c']), taskOf('e')]),
    );
    const under = (upstreams: string[]) => [...tasksUnder({ task: task('d'), upstreams: upstreams.map(task) }, plan)];
    expect(under(['b'])).toEqual(['d', 'b', 'a']);
    expect(under(['b', 'c']).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(under([])).toEqual(['d']);
  });

  test('owe a look at crowned tasks, and replay to the same state', () => {
    expect(inState('none').pending()).toEqual([]);
    expect(inState('crowned').pending()).toEqual([{ type: 'watchCrowns' }]);
    operationsOf(
      crown('c'),
      freeze(workflow),
      freeze(group),
      takeover(2),
      uncrown('c'),
      unfreeze(group),
    ).expectReplayEqual();
  });

  test('do not take the end of what is not there', () => {
    const event: ClusterOperationsEvent = {
      type: 'CrownRemoved',
      data: { id: 'x', why: 'removed', removedAt: 1, by: 'ann' },
    };
    for (const make of Object.values(states)) {
      const { snapshot } = make();
      expect(() => clusterOperationsActor.fold(snapshot, event)).toThrow(BrokenJournal);
    }
  });
});
