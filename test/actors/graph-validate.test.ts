import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GraphTask, validateGraph } from '../../actors/graph/validate.ts';

const task = (name: string, ...needs: string[]): GraphTask => ({ name, needs });

describe('faults', () => {
  test('a diamond has none', () => {
    expect(validateGraph([task('d', 'b', 'c'), task('b', 'a'), task('c', 'a'), task('a')])).toEqual([]);
  });

  test('two tasks of one name', () => {
    expect(validateGraph([task('a'), task('b'), task('a')])).toEqual([
      { code: 'DUPLICATE_TASK', task: 'a', taskIndex: 2, firstTaskIndex: 0 },
    ]);
  });

  test('a need that no task has, one twice, and itself', () => {
    expect(validateGraph([task('a'), task('b', 'a', 'x', 'a', 'b')])).toEqual([
      { code: 'UNKNOWN_NEED', task: 'b', taskIndex: 1, need: 'x', needIndex: 1 },
      { code: 'DUPLICATE_NEED', task: 'b', taskIndex: 1, need: 'a', needIndex: 2, firstNeedIndex: 0 },
      { code: 'SELF_NEED', task: 'b', taskIndex: 1, needIndex: 3 },
    ]);
  });

  test('a circle is named from its first task on, by the shortest way round', () => {
    const tasks = [task('x', 'a'), task('a', 'b'), task('b', 'c', 'a'), task('c', 'a')];
    expect(validateGraph(tasks)).toEqual([{ code: 'CYCLE', cycle: ['a', 'b', 'a'], taskIndex: 1, needIndex: 0 }]);
  });

  test('circles that do not touch are named each', () => {
    const tasks = [task('a', 'b'), task('b', 'a', 'c'), task('c', 'd'), task('d', 'c')];
    expect(validateGraph(tasks).map((fault) => fault.code === 'CYCLE' && fault.cycle)).toEqual([
      ['a', 'b', 'a'],
      ['c', 'd', 'c'],
    ]);
  });

  test('names that objects have of their own are names like others', () => {
    expect(validateGraph([task('constructor'), task('toString', 'constructor')])).toEqual([]);
    expect(validateGraph([task('a', 'constructor')])).toMatchObject([{ code: 'UNKNOWN_NEED' }]);
  });
});

/** Needs go to tasks earlier in a hidden order only; the list is shuffled. */
const randomGraph = fc.array(fc.array(fc.nat(), { maxLength: 5 }), { minLength: 2, maxLength: 60 }).chain((rows) => {
  const tasks = rows.map((needs, index) =>
    task(`t${index}`, ...new Set(needs.filter(() => index > 0).map((need) => `t${need % index}`))),
  );
  return fc.shuffledSubarray(tasks, { minLength: tasks.length, maxLength: tasks.length });
});

describe('random graphs', () => {
  test('a graph without circles has no faults', () => {
    fc.assert(
      fc.property(randomGraph, (tasks) => {
        expect(validateGraph(tasks)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('a need turned back makes a circle, and each circle named is a true one', () => {
    fc.assert(
      fc.property(
        randomGraph,
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 }),
        (tasks, picks) => {
          const turned = addBackEdges(tasks, picks);
          fc.pre(turned.count > 0);
          const cycles = validateGraph(turned.tasks).flatMap((fault) => (fault.code === 'CYCLE' ? [fault] : []));
          expect(cycles.length).toBeGreaterThan(0);
          for (const { cycle, taskIndex, needIndex } of cycles) {
            expectTrueCycle(cycle, turned.tasks);
            expect(turned.tasks[taskIndex]?.name).toBe(cycle[0]);
            expect(turned.tasks[taskIndex]?.needs[needIndex]).toBe(cycle[1]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** For some tasks with needs: the needed task now needs the needing one. */
function addBackEdges(tasks: readonly GraphTask[], picks: readonly (readonly [number, number])[]) {
  const needs = new Map(tasks.map(({ name, needs }) => [name, new Set(needs)]));
  let count = 0;
  for (const [taskPick, needPick] of picks) {
    const picked = tasks[taskPick % tasks.length];
    const target = picked?.needs[needPick % Math.max(1, picked.needs.length)];
    if (picked === undefined || target === undefined) continue;
    needs.get(target)?.add(picked.name);
    count += 1;
  }
  return { tasks: tasks.map(({ name }) => task(name, ...(needs.get(name) ?? []))), count };
}

function expectTrueCycle(cycle: readonly string[], tasks: readonly GraphTask[]): void {
  const needsOf = new Map(tasks.map(({ name, needs }) => [name, needs]));
  expect(cycle.length).toBeGreaterThan(2);
  expect(cycle.at(-1)).toBe(cycle[0]);
  expect(new Set(cycle).size).toBe(cycle.length - 1);
  for (const [index, name] of cycle.slice(0, -1).entries()) expect(needsOf.get(name)).toContain(cycle[index + 1]);
}

describe('large graphs', () => {
  const count = 50_000;
  const chain = Array.from({ length: count }, (_, i) =>
    task(`t${i}`, ...[i - 1, i - 7].filter((need) => need >= 0).map((need) => `t${need}`)),
  );

  test('50,000 tasks with 100,000 needs are checked in less than a second', () => {
    const startedAt = performance.now();
    expect(validateGraph(chain)).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('a circle through all of 50,000 tasks is found without exhausting the stack', () => {
    const ring = Array.from({ length: count }, (_, i) => task(`t${i}`, `t${(i + 1) % count}`));
    const [fault] = validateGraph(ring);
    expect(fault?.code === 'CYCLE' && fault.cycle.length).toBe(count + 1);
  });
});
