/** I11, judged by histories: no two attempts of a task may have live applications at once, but a person may leave some behind. */
import { expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { recordedOf } from '../kit/recorded.ts';
import { applicationFound, nameOf, now, ownershipTaken, submitted, taskEvent } from './run-events.ts';

const plan = planOf(workflowOf([taskOf('a'), { ...taskOf('b'), needs: [nameOf('a')] }]));

/** Where I11 is broken when the task `b` has an application that nobody has seen end, and then this happens. */
function brokenAt(...then: WorkflowInstanceEvent[]): number[] {
  const begun = [submitted, ownershipTaken(1), taskEvent('TaskAssigned', 'b'), applicationFound('b')];
  const history = recordedOf([...begun, ...then], () => now);
  const { violations } = checkHistory(plan, history);
  return violations.filter(({ invariant }) => invariant === 'I11').map(({ revision }) => revision);
}

it('no two attempts of a task may have live applications at once', () => {
  expect(brokenAt(taskEvent('TaskLost', 'b'), taskEvent('TaskAssigned', 'b', 2))).toEqual([5]);
});

it.each([
  { scope: 'tasks', named: 'a', broken: [6] },
  { scope: 'tasks', named: 'b', broken: [] },
  { scope: 'descendants', named: 'a', broken: [] },
] as const)(
  'a person who clears $scope of $named leaves behind what those have started',
  ({ scope, named, broken }) => {
    const data = { scope, tasks: [nameOf(named)], key: 'again', by: 'ann' };
    const cleared: WorkflowInstanceEvent = { type: 'StateCleared', data };
    expect(brokenAt(taskEvent('TaskFailed', 'b'), cleared, taskEvent('TaskAssigned', 'b', 2))).toEqual(broken);
  },
);
