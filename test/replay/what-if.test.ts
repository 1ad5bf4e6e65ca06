import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { verifyHistory } from '../../src/replay/divergence.ts';
import { parseRunFile } from '../../src/replay/run-file.ts';
import type { RunHistory } from '../../src/replay/run-history.ts';
import { whatIf } from '../../src/replay/what-if.ts';
import { historiesFolder } from '../kit/histories.ts';
import { choicesOfRun, playedRun } from './random-history.ts';

const golden = (name: string) =>
  parseRunFile(readFileSync(join(historiesFolder, '0.1', `${name}.jsonl`), 'utf8'), name);

type Task = WorkflowDefinition['tasks'][number];

function withTasks(
  history: RunHistory,
  change: (task: Task) => Task,
  more: Partial<WorkflowDefinition> = {},
): WorkflowDefinition {
  const definition = history.definitions[0]?.definition;
  if (definition === undefined) throw new Error('the history has no definition');
  return { ...definition, ...more, tasks: definition.tasks.map(change) };
}

const typesOf = (result: ReturnType<typeof whatIf>) =>
  result.changed.history.events.map(({ type, data }) => `${type} ${(data as { task?: string }).task ?? ''}`.trim());

describe('what if nothing had been different', () => {
  it('nothing is, in any run', () => {
    fc.assert(
      fc.property(choicesOfRun, (choices) => {
        const { history } = playedRun(choices);
        const result = whatIf(history, {});
        expect(result.parting).toBeUndefined();
        expect(result.tasks).toEqual([]);
        expect(result.changed.history.events).toEqual(history.events);
      }),
      { numRuns: 80 },
    );
  });
});

describe('what if', () => {
  it('a task had had no second attempt: the run fails where it was tried again', () => {
    const history = golden('retry-then-success');
    const definition = withTasks(history, (task) => ({ ...task, retry: { ...task.retry, attempts: 1 } }));
    const result = whatIf(history, { definition });
    expect(result.parting?.message).toMatch(/^it decides TaskFailed with retry nothing, recorded is \{/);
    expect(result.end.recorded.status).toBe('succeeded');
    expect(result.end.changed.status).toBe('failed');
    expect(result.tasks.find(({ task }) => task === 'a')).toMatchObject({
      recorded: { status: 'succeeded' },
      changed: { status: 'failed', attempts: 1 },
    });
  });

  it('a failed task had been tried three times: what it might do is an assumption, and is told', () => {
    const history = golden('failure-continue');
    const definition = withTasks(history, (task) => ({ ...task, retry: { ...task.retry, attempts: 3 } }));
    const result = whatIf(history, { definition });
    expect(result.end).toMatchObject({ recorded: { status: 'failed' }, changed: { status: 'succeeded' } });
    expect(result.assumptions.length).toBeGreaterThan(0);
    expect(result.assumptions[0]).toMatchObject({ attempt: 2, text: expect.stringContaining('is taken to succeed') });
  });

  it('the failure policy had been to end: what was not needed is stopped', () => {
    const history = golden('failure-continue');
    const result = whatIf(history, { definition: withTasks(history, (task) => task, { failurePolicy: 'end' }) });
    expect(result.parting).toBeDefined();
    expect(result.end.changed.status).toBe('failed');
    expect(result.end.changed.afterMs).toBeLessThanOrEqual(result.end.recorded.afterMs);
  });

  it('a task had had a timeout: its attempt is cancelled when the time is over', () => {
    const history = golden('success-chain');
    const definition = withTasks(history, (task) => (task.needs.length === 0 ? { ...task, timeoutMs: 1 } : task));
    const result = whatIf(history, { definition });
    expect(typesOf(result)).toContain('TaskTimedOut t0');
    expect(result.end.changed.status).toBe('failed');
  });

  it('a task had needed less: it begins earlier', () => {
    const history = golden('success-chain');
    const definition = withTasks(history, (task) => ({ ...task, needs: [] }));
    const result = whatIf(history, { definition });
    expect(result.parting).toMatchObject({ revision: 0, message: expect.stringContaining('it owes') });
    expect(result.end.changed.status).toBe('succeeded');
    expect(result.end.changed.afterMs).toBeLessThan(result.end.recorded.afterMs);
  });

  it('there had been one task more: it runs, with an assumed result', () => {
    const history = golden('success-chain');
    const before = withTasks(history, (task) => task);
    const [first] = before.tasks;
    if (first === undefined) throw new Error('no task');
    const extra = { ...first, name: 'extra' as Task['name'], needs: [] };
    const result = whatIf(history, { definition: { ...before, tasks: [...before.tasks, extra] } });
    expect(result.tasks.find(({ task }) => task === 'extra')).toMatchObject({
      recorded: undefined,
      changed: { status: 'succeeded' },
    });
  });

  it('ends, and is a history that this build would write, whatever is changed', () => {
    const change = fc.record({
      attempts: fc.integer({ min: 1, max: 4 }),
      failurePolicy: fc.constantFrom('continue' as const, 'end' as const),
      timeoutMs: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
    });
    const ends = new Map<string, number>();
    fc.assert(
      fc.property(choicesOfRun, change, (choices, { attempts, failurePolicy, timeoutMs }) => {
        const { history } = playedRun(choices);
        const definition = withTasks(
          history,
          (task) => ({
            ...task,
            retry: { ...task.retry, attempts },
            ...(timeoutMs === undefined ? {} : { timeoutMs }),
          }),
          { failurePolicy },
        );
        const { changed, parting, end } = whatIf(history, { definition });
        expect(changed.broken).toBeUndefined();
        if (parting === undefined) expect(changed.length).toBe(history.events.length);
        ends.set(end.changed.status, (ends.get(end.changed.status) ?? 0) + 1);
        const divergence = verifyHistory(changed.history).divergence;
        expect(divergence).toBeUndefined();
      }),
      { numRuns: 80 },
    );
    expect(ends.size).toBeGreaterThan(1);
  });
});
