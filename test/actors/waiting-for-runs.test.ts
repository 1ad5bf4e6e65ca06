/** What a parent gives to its child, what it gets back, and how a run stands for a dependent: specifications. */
import { describe, expect, test } from 'vitest';
import { childDepthMax, childOrderOf, outputsOfRun } from '../../actors/child-runs/child-run.ts';
import { findingOfRun, findingOfTasks } from '../../actors/dependent/findings.ts';
import type { WorkflowSettings } from '../../schemas/definition/run-settings.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, TaskName, WorkflowName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given, type Step } from '../kit/given.ts';
import { childTask } from '../kit/waiting-tasks.ts';
import { assign, conclude, nameOf, now, submit, taskEvent } from './run-events.ts';

const run = '11111111-1111-4111-8111-111111111111' as InstanceId;
const put = (text: string) => `\${${text}}`;

/** The task succeeds with these outputs. */
const success = (task: string, attempt: number, outputs: JsonRecord = {}): Step[] => [
  assign(task, attempt),
  taskEvent('TaskSucceeded', task, attempt, { outputs }),
];
const failure = (task: string, attempt: number): Step[] => [
  assign(task, attempt),
  taskEvent('TaskFailed', task, attempt),
];

const partsOf = ({ actor, snapshot }: Given) => ({ plan: actor.plan, context: snapshot.context });

describe('a child is ordered', () => {
  const settings = (params: JsonRecord): WorkflowSettings => ({
    type: 'workflow',
    name: 'child' as WorkflowName,
    params,
  });
  const parent = (more: object) =>
    given(
      {
        ...workflowOf([taskOf('first'), childTask('sub', 'child', { needs: ['first'] })], { params: { day: null } }),
        timeZone: 'Europe/Berlin',
      },
      { ...submit, params: { day: 'monday' }, given: ['day'], ...more },
      ...success('first', 1, { rows: 7, text: put('day') }),
    );
  const orderOf = (params: JsonRecord, more: object = {}) =>
    childOrderOf(partsOf(parent(more)), run, nameOf('sub'), settings(params));
  const paramsOf = (params: JsonRecord, more: object = {}) => {
    const ordered = orderOf(params, more);
    return ordered.ok ? ordered.order.params : ordered.fault;
  };

  test('with values, parameters, outputs, expressions and times in their place', () => {
    const logicalAt = Date.parse('2026-03-29T22:30:00Z');
    const params = {
      plain: [1, { a: true }],
      day: put('day'),
      rows: put('tasks.first.outputs.rows'),
      list: [put('tasks.first.outputs.rows * 2'), put('rows')],
      text: `on ${put('day')} at $[yyyy-MM-dd]: ${put('needs.first.rows')}`,
    };
    expect(paramsOf(params, { logicalAt })).toEqual({
      plain: [1, { a: true }],
      day: 'monday',
      rows: 7,
      list: [14, 7],
      text: 'on monday at 2026-03-30: 7',
    });
  });

  test('and what an upstream task put out is not filled in again', () => {
    expect(paramsOf({ text: put('tasks.first.outputs.text') })).toEqual({ text: put('day') });
  });

  test('at the same logical time, one level deeper', () => {
    const above = { instance: run, task: nameOf('x'), depth: 3 };
    const ordered = orderOf({}, { logicalAt: 5, parent: above });
    expect(ordered).toMatchObject({
      ok: true,
      order: { logicalAt: 5, parent: { instance: run, task: 'sub', depth: 4 } },
    });
  });

  test('unless it would be too deep, or a value cannot be told', () => {
    const deep = { parent: { instance: run, task: nameOf('x'), depth: childDepthMax } };
    expect(paramsOf({}, deep)).toMatchObject({ code: 'CHILD_DEPTH_EXCEEDED' });
    expect(paramsOf({ a: put('tasks.first.outputs.nothing') })).toMatchObject({
      code: 'EXPRESSION_FAILED',
      message: expect.stringMatching(/^the parameter a: "tasks.first.outputs.nothing"/),
    });
  });
});

describe('an ended run gives', () => {
  const tasks = [taskOf('a'), taskOf('b', ['a']), taskOf('c', ['a'])];
  const ended = (more: Partial<WorkflowDefinition> = {}) =>
    outputsOfRun(
      partsOf(
        given(
          { ...workflowOf(tasks), ...more },
          { ...submit, params: { day: 'monday' } },
          ...success('a', 1, { hidden: 1 }),
          ...success('b', 2, { rows: 1, only: 'b' }),
          ...success('c', 3, { rows: 2 }),
          conclude,
        ),
      ),
    );

  test('the outputs of its last tasks, the later one of two', () => {
    expect(ended()).toEqual({ ok: true, values: { rows: 2, only: 'b' } });
  });
  test('what it declares, of any type', () => {
    const outputs = { all: put('tasks.a.outputs'), state: put('tasks.b.status'), text: `of ${put('day')}` };
    expect(ended({ outputs })).toEqual({
      ok: true,
      values: { all: { hidden: 1 }, state: 'succeeded', text: 'of monday' },
    });
  });
  test('a fault that names the output, if it cannot be told', () => {
    expect(ended({ outputs: { x: put('tasks.nobody.outputs.y') } })).toMatchObject({
      ok: false,
      fault: { code: 'EXPRESSION_FAILED', message: expect.stringMatching(/^the output x: /) },
    });
  });
});

describe('for a dependent', () => {
  const tasks = [taskOf('a'), taskOf('b', ['a']), taskOf('c')];
  const runWith = (...steps: Step[]) => partsOf(given(workflowOf(tasks), submit, ...steps));
  const finding = (task: string, ...steps: Step[]) => {
    const found = findingOfTasks(run, task as TaskName | '*', runWith(...steps));
    return found.kind === 'failed' ? found.why : found.kind;
  };

  test('a run is met, failed or open as a whole', () => {
    expect(findingOfRun({ instance: run, status: 'running' })).toEqual({ kind: 'open', instance: run });
    expect(findingOfRun({ instance: run, status: 'succeeded', finishedAt: 5 })).toEqual({ kind: 'met', instance: run });
    const failed = { kind: 'failed', instance: run, failedAt: 5, why: 'stopped' };
    expect(findingOfRun({ instance: run, status: 'stopped', finishedAt: 5 })).toEqual(failed);
  });

  test('a task is open until it ends, whatever else does', () => {
    expect(finding('a')).toBe('open');
    expect(finding('a', assign('a', 1))).toBe('open');
    expect(finding('a', ...success('a', 1))).toBe('met');
    expect(finding('a', ...failure('a', 1))).toBe('failed');
    expect(finding('b', ...success('c', 1))).toBe('open');
    expect(finding('nobody')).toBe('there is no task nobody');
  });

  test('a blocked task has failed when its run has', () => {
    expect(finding('b', ...failure('a', 1), ...success('c', 2), conclude)).toBe('blocked');
    expect(findingOfTasks(run, nameOf('b'), runWith(...failure('a', 1), ...success('c', 2), conclude))).toMatchObject({
      failedAt: now,
    });
  });

  test('a task that a person skipped counts as done', () => {
    const skip = { type: 'SkipTask', now, task: nameOf('c'), key: 'k', by: 'ann' } as const;
    expect(finding('c', skip)).toBe('met');
  });

  test('every task is judged when the run has ended', () => {
    const all = [...success('a', 1), ...success('b', 2), ...success('c', 3)];
    expect(finding('*', ...all)).toBe('open');
    expect(finding('*', ...all, conclude)).toBe('met');
    expect(finding('*', ...failure('a', 1), ...success('c', 2), conclude)).toBe('the task a is failed');
  });
});
