import { describe, expect, it } from 'vitest';
import { entries, type PersistentVector } from '../../actors/kit/persistent-vector.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { fanOutOf, independentOf, mapOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { given, type Step } from '../kit/given.ts';
import { assign, nameOf, now, ownershipTaken, report, submitted, taskEvent } from './run-events.ts';

/** Arrays and task states that are in one snapshot but not in the one before: what an event copied. */
function copiedCount(before: WorkflowInstanceSnapshot, after: WorkflowInstanceSnapshot): number {
  const shared = new Set(allPartsOf(before));
  return allPartsOf(after).filter((part) => !shared.has(part)).length;
}

/** Of the tasks, and of the items of those that are maps. */
function allPartsOf({ context: { tasks } }: WorkflowInstanceSnapshot): unknown[] {
  const items = [...entries(tasks)].flatMap(([, { context }]) =>
    context.expansion === null ? [] : [context.expansion],
  );
  return [tasks, ...items.map((expansion) => expansion.items)].flatMap(partsOf);
}

function partsOf({ root, depth }: PersistentVector<unknown>): unknown[] {
  const parts: unknown[] = [];
  const visit = (node: unknown, level: number) => {
    parts.push(node);
    if (level >= 0) for (const child of node as unknown[]) visit(child, level - 1);
  };
  visit(root, depth);
  return parts;
}

/** Most parts that one of the steps copied. */
function mostCopied(definition: WorkflowDefinition, before: Step[], steps: Step[]): number {
  let run = given(definition, submitted, ownershipTaken(1), ...before);
  let most = 0;
  for (const step of steps) {
    const next = run.and(step);
    most = Math.max(most, copiedCount(run.snapshot, next.snapshot));
    run = next;
  }
  return most;
}

const lifeOf = (task: string, attempt: number): Step[] => [
  assign(task, attempt),
  report('accepted', task, attempt),
  report('started', task, attempt),
  report('succeeded', task, attempt),
];
const by = (key: string) => ({ now, key, by: 'ann' });
const rootDone = [assign('root', 1), report('succeeded', 'root', 1)];
const someLeaves = [2, 3, 4].flatMap((attempt) => lifeOf(`t${attempt}`, attempt));

describe('the cost of an event', () => {
  it.each([30, 300, 3_000])('of a task in a fan-out of %i is at most two paths of the vector', (width) => {
    const depth = Math.ceil(Math.log(width + 2) / Math.log(32));
    // Two tasks change at most (the task and the join), each a path of arrays and a state.
    expect(mostCopied(fanOutOf(width), rootDone, someLeaves)).toBeLessThanOrEqual(2 * (depth + 1));
  });

  it.each([30, 300, 3_000])(
    'of what people ask of one task in a fan-out of %i is a few paths of the vector',
    (width) => {
      const depth = Math.ceil(Math.log(width + 2) / Math.log(32));
      const asked: Step[] = [
        { type: 'SkipTask', ...by('1'), task: nameOf('t1') },
        { type: 'IsolateTask', ...by('2'), task: nameOf('t2') },
        { type: 'RejoinTask', ...by('3'), task: nameOf('t2') },
        { type: 'ChangePriority', ...by('4'), task: nameOf('t3'), priority: 'high' },
        { type: 'StopTask', ...by('5'), task: nameOf('t4') },
        { type: 'ForceTask', ...by('6'), task: nameOf('t4'), outputs: {} },
        { type: 'ClearTasks', ...by('7'), scope: 'tasks', tasks: [nameOf('t4')] },
      ];
      // The task and the join; both wait anew after a clearing, and are told once more.
      expect(mostCopied(fanOutOf(width), rootDone, asked)).toBeLessThanOrEqual(4 * (depth + 1));
    },
  );

  it.each([30, 300, 3_000])('of an item of a map of %i is a few paths of the vector', (count) => {
    const depth = Math.ceil(Math.log(count) / Math.log(32));
    const values = Array.from({ length: count }, (_, index) => index);
    const settings = mapOf(values, { concurrency: 2, failures: 'continue' });
    const over = [{ name: 'x', values }];
    const expanded = taskEvent('TaskExpanded', 'each', 1, { attempt: 1, itemCount: count, over });
    const items = [0, 1, 2, 3].flatMap((item) => lifeOf(`each[${item}]`, item + 2));
    const asked: Step[] = [
      { type: 'SkipTask', ...by('1'), task: nameOf('each[9]') },
      { type: 'IsolateTask', ...by('2'), task: nameOf('each[10]') },
      { type: 'StopTask', ...by('3'), task: nameOf('each[11]') },
    ];
    const definition = workflowOf([{ ...taskOf('each'), settings }, taskOf('join', ['each'])]);
    // The item that ends and the one that begins: each a path of arrays and a state. Then the map itself, and its vector.
    expect(mostCopied(definition, [expanded], [...items, ...asked])).toBeLessThanOrEqual(2 * (depth + 1) + 3);
  });

  it('does not grow with the attempts under way in a run that is ending', () => {
    const costs = [40, 400].map((width) => {
      const assigned = Array.from({ length: width }, (_, index) => assign(`t${index}`, index + 1));
      const ended = [...assigned, report('failed', 't0', 1)];
      return mostCopied(independentOf(width, { failurePolicy: 'end' }), ended, [
        report('failed', 't1', 2),
        report('cancelled', 't2', 3),
      ]);
    });
    expect(costs[1]).toBeLessThanOrEqual((costs[0] ?? 0) + 1);
  });

  it('is shared by runs of one plan: tasks that nothing happened to are the same objects', () => {
    const { actor } = given(fanOutOf(100));
    expect(actor.initial().context.tasks.root).toBe(actor.initial().context.tasks.root);
  });
});
