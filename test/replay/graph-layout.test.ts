import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { layoutOf } from '../../src/replay/graph-layout.ts';
import { definitionArbitrary, diamondOf, fanOutOf, taskOf, workflowOf } from '../kit/definitions.ts';

it('puts each task after all that it needs, and no two in one place', () => {
  fc.assert(
    fc.property(definitionArbitrary(20), (definition) => {
      const plan = planOf(definition);
      const { tasks, edges, columnCount, rowCount } = layoutOf(plan);
      const columnOf = new Map(tasks.map(({ index, column }) => [index, column]));
      for (const { index, needs } of plan.tasks) {
        const before = needs.map((need) => columnOf.get(need) ?? 0);
        expect(columnOf.get(index)).toBe(before.length === 0 ? 0 : Math.max(...before) + 1);
      }
      for (const { from, to, rows } of edges) {
        expect(rows).toHaveLength((columnOf.get(to) ?? 0) - (columnOf.get(from) ?? 0) - 1);
      }
      expect(new Set(tasks.map(({ column, row }) => `${column}/${row}`)).size).toBe(tasks.length);
      for (const { column, row } of tasks) expect(column < columnCount && row < rowCount).toBe(true);
    }),
  );
});

it('lets edges cross where they must, and not elsewhere', () => {
  const crossed = workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['b']), taskOf('d', ['a'])]);
  const { tasks } = layoutOf(planOf(crossed));
  const rowOf = (index: number) => tasks.find((task) => task.index === index)?.row;
  expect(rowOf(0)).toBe(rowOf(3));
  expect(rowOf(1)).toBe(rowOf(2));
  expect(layoutOf(planOf(diamondOf())).rowCount).toBe(2);
});

it('is fast enough for the largest graphs', () => {
  const startedAt = performance.now();
  expect(layoutOf(planOf(fanOutOf(10_000))).rowCount).toBe(10_000);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
