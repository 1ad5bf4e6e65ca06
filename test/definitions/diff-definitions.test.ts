import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { type DefinitionDiff, diffDefinitions, type SettingChange } from '../../src/definitions/diff-definitions.ts';
import { definitionArbitrary, diamondOf, taskOf, workflowOf } from '../kit/definitions.ts';

const nothing: DefinitionDiff = {
  settings: [],
  tasks: { added: [], removed: [], changed: [] },
  edges: { added: [], removed: [] },
  isReordered: false,
};

describe('the difference of two versions', () => {
  it('is empty between a version and itself', () => {
    expect(diffDefinitions(diamondOf(), diamondOf())).toEqual(nothing);
  });

  it('names added and removed tasks with their edges', () => {
    const before = workflowOf([taskOf('a'), taskOf('old', ['a'])]);
    const after = workflowOf([taskOf('a'), taskOf('new', ['a'])]);
    expect(diffDefinitions(before, after)).toEqual({
      ...nothing,
      tasks: { added: ['new'], removed: ['old'], changed: [] },
      edges: { added: [{ from: 'a', to: 'new' }], removed: [{ from: 'a', to: 'old' }] },
    });
  });

  it('names changed settings by their path, with both values', () => {
    const before = workflowOf([taskOf('a', [], { retry: { attempts: 1 }, timeoutMs: 100 })]);
    const after = workflowOf([{ ...taskOf('a', [], { retry: { attempts: 3 } }), env: { LEVEL: '3' } }]);
    const { changed } = diffDefinitions(before, after).tasks;
    expect(changed).toEqual([
      {
        task: 'a',
        changes: [
          { path: 'retry.attempts', before: 1, after: 3 },
          { path: 'timeoutMs', before: 100 },
          { path: 'env.LEVEL', after: '3' },
        ],
      },
    ]);
  });

  it('names the ways of a branch by their place', () => {
    const switched = (when: string, ...more: { when: string; next: TaskName[] }[]) => {
      const cases = [{ when, next: ['b' as TaskName] }, ...more];
      return workflowOf([{ ...taskOf('a'), settings: { type: 'switch', cases, otherwise: [] } }, taskOf('b', ['a'])]);
    };
    const other = { when: 'params.x == 0', next: [] };
    expect(diffDefinitions(switched('params.x > 1'), switched('params.x > 2', other)).tasks.changed).toEqual([
      {
        task: 'a',
        changes: [
          { path: 'settings.cases[0].when', before: 'params.x > 1', after: 'params.x > 2' },
          { path: 'settings.cases[1]', after: other },
        ],
      },
    ]);
  });

  it('names settings of the workflow', () => {
    const after = diamondOf({ failurePolicy: 'end', params: { target: 'live' } });
    expect(diffDefinitions(diamondOf(), after).settings).toEqual([
      { path: 'params.target', after: 'live' },
      { path: 'failurePolicy', before: 'continue', after: 'end' },
    ]);
  });

  it('takes a changed need for an edge, and not for a setting', () => {
    const before = workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['a'])]);
    const after = workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['b'])]);
    expect(diffDefinitions(before, after)).toEqual({
      ...nothing,
      edges: { added: [{ from: 'b', to: 'c' }], removed: [{ from: 'a', to: 'c' }] },
    });
  });

  it('tells of another order, of tasks or of needs, and nothing else', () => {
    const before = workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['a', 'b'])]);
    const tasks = workflowOf([taskOf('b'), taskOf('a'), taskOf('c', ['a', 'b'])]);
    const needs = workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['b', 'a'])]);
    expect(diffDefinitions(before, tasks)).toEqual({ ...nothing, isReordered: true });
    expect(diffDefinitions(before, needs)).toEqual({ ...nothing, isReordered: true });
  });

  it('is no other order when a task was put in between', () => {
    const before = workflowOf([taskOf('a'), taskOf('b')]);
    const after = workflowOf([taskOf('a'), taskOf('between'), taskOf('b')]);
    expect(diffDefinitions(before, after)).toMatchObject({ tasks: { added: ['between'] }, isReordered: false });
  });

  it('is empty exactly when the digests are the same', () => {
    fc.assert(
      fc.property(definitionArbitrary(4), definitionArbitrary(4), (before, after) => {
        const isSame = digestOf(before) === digestOf(after);
        expect(JSON.stringify(diffDefinitions(before, after)) === JSON.stringify(nothing)).toBe(isSame);
      }),
    );
  });

  it('turns the one version into the other when it is applied', () => {
    fc.assert(
      fc.property(definitionArbitrary(6), definitionArbitrary(6), (before, after) => {
        const patched = applied(before, after, diffDefinitions(before, after));
        expect(sorted(patched)).toEqual(sorted(after));
      }),
    );
  });
});

/** Only settings of added tasks are taken from the newer version: a difference names those tasks, and does not list them. */
function applied(before: WorkflowDefinition, after: WorkflowDefinition, diff: DefinitionDiff): WorkflowDefinition {
  const copy = copied(before);
  for (const change of diff.settings) set(copy, change);
  const added = after.tasks.filter(({ name }) => diff.tasks.added.includes(name));
  copy.tasks = copy.tasks.filter(({ name }) => !diff.tasks.removed.includes(name));
  copy.tasks.push(...copied(added).map((task) => ({ ...task, needs: [] })));
  const taskNamed = (name: TaskName) => copy.tasks.find((task) => task.name === name);
  for (const { task, changes } of diff.tasks.changed) for (const change of changes) set(taskNamed(task) ?? {}, change);
  for (const { from, to } of diff.edges.removed) {
    const task = taskNamed(to);
    if (task !== undefined) task.needs = task.needs.filter((need) => need !== from);
  }
  for (const { from, to } of diff.edges.added) taskNamed(to)?.needs.push(from);
  return copy;
}

/** Parts that tasks share become their own. */
function copied<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function set(target: object, { path, after }: SettingChange): void {
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let map = target as Record<string, JsonValue>;
  for (const step of steps) map = map[step] as Record<string, JsonValue>;
  if (after === undefined) delete map[last];
  else map[last] = after;
}

function sorted(definition: WorkflowDefinition): WorkflowDefinition {
  const tasks = definition.tasks.map((task) => ({ ...task, needs: task.needs.toSorted() }));
  return { ...definition, tasks: tasks.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}
