import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { definitionArbitrary, diamondOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { nameOf } from './run-events.ts';

describe('a plan', () => {
  it('numbers the tasks in the order of the definition and knows both directions of each need', () => {
    const { tasks } = planOf(diamondOf());
    expect(tasks.map(({ needs }) => needs)).toEqual([[], [0], [0], [1, 2]]);
    expect(tasks.map(({ successors }) => successors)).toEqual([[1, 2], [3], [3], []]);
  });

  it('finds a task by its name, and says so when there is none', () => {
    const plan = planOf(diamondOf());
    expect(plan.indexOf(nameOf('c'))).toBe(2);
    expect(plan.indexOf(nameOf('x'))).toBeUndefined();
    expect(plan.indexOf(nameOf('constructor'))).toBeUndefined();
  });

  it('refuses a definition that names a need that it does not have', () => {
    expect(() => planOf(workflowOf([taskOf('a', ['x'])]))).toThrow('needs x');
  });

  it('has an edge back for every edge there', () => {
    fc.assert(
      fc.property(definitionArbitrary(20), (definition) => {
        const { tasks } = planOf(definition);
        for (const { index, needs, successors } of tasks) {
          for (const need of needs) expect(tasks[need]?.successors).toContain(index);
          for (const successor of successors) expect(tasks[successor]?.needs).toContain(index);
        }
      }),
    );
  });
});
