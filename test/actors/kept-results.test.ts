/** Results that runs take from each other: when one is kept, when one is taken, and what is told of it. */
import { describe, expect, it } from 'vitest';
import { explain } from '../../actors/workflow-instance/explain.ts';
import { taskSummaries } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { CacheKey } from '../../schemas/ids.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given } from '../kit/given.ts';
import {
  assign,
  attemptIdOf,
  cacheKey,
  instance,
  nameOf,
  now,
  ownershipTaken,
  report,
  runEvent,
  submitted,
} from './run-events.ts';

const a = nameOf('a');
const begun = [submitted, ownershipTaken(1)];
const definition = workflowOf([{ ...taskOf('a'), cache: { ttlMs: 1_000 } }, taskOf('b', ['a'])]);
const keyed = { ...assign('a'), cacheKey } as WorkflowInstanceCommand;
const source = { instance, task: a, attemptId: attemptIdOf(7), finishedAt: now - 100 };
const use = { type: 'UseResult', now, task: a, cacheKey, source, outputs: { rows: 3 } } as const;
const hit = {
  type: 'TaskCacheHit' as const,
  data: { task: a, takenAt: now, cacheKey, source, outputs: { rows: 3 } },
};

describe('the result of a task', () => {
  it('is kept behind its success, until it expires', () => {
    const result = { attemptId: attemptIdOf(1), finishedAt: now, outputs: {} };
    given(definition, ...begun, keyed)
      .when(report('succeeded', 'a'))
      .thenTypes('TaskSucceeded', 'ResultKept');
    const { snapshot, actor } = given(definition, ...begun, keyed);
    const decided = actor.decide(snapshot, report('succeeded', 'a'));
    expect(decided).toMatchObject({ events: [{}, { data: { task: a, cacheKey, expiresAt: now + 1_000, result } }] });
  });

  it('is not kept when it failed, has no key, or the task keeps none', () => {
    given(definition, ...begun, keyed)
      .when(report('failed', 'a'))
      .thenTypes('TaskFailed');
    given(definition, ...begun, assign('a'))
      .when(report('succeeded', 'a'))
      .thenTypes('TaskSucceeded');
    const plain = workflowOf([taskOf('a')]);
    given(plain, ...begun, keyed)
      .when(report('succeeded', 'a'))
      .thenTypes('TaskSucceeded');
  });

  it('of an earlier attempt is not kept under the key of a later one', () => {
    const other = 'd'.repeat(64) as CacheKey;
    const retried = workflowOf([{ ...taskOf('a', [], { retry: { attempts: 2 } }), cache: { ttlMs: 1_000 } }]);
    const again = { ...assign('a', 2), cacheKey: other } as WorkflowInstanceCommand;
    const run = given(
      retried,
      ...begun,
      keyed,
      report('failed', 'a'),
      { type: 'TaskRetryDue', data: { task: a } },
      again,
    );
    expect(run.task('a').context.cacheKey).toBe(other);
  });

  it('is that of an earlier run when the task takes it; what needs the task may run', () => {
    const run = given(definition, ...begun)
      .when(use)
      .then(hit)
      .andEffects({ type: 'withdrawTask', task: a }, { type: 'placeTask', task: nameOf('b') });
    expect(run.task('a')).toMatchObject({ status: 'succeeded', context: { outputs: { rows: 3 }, cached: source } });
    expect(run.task('a').context.attempt).toBe(0);
  });

  it('is not taken by a task that was cleared, has begun, is held back or keeps none', () => {
    const cleared = given(definition, ...begun, hit, {
      type: 'StateCleared',
      data: { scope: 'tasks', tasks: [a], key: 'k', by: 'ann' },
    });
    cleared.when(use).thenNothing();
    given(definition, ...begun, assign('a'))
      .when(use)
      .thenNothing();
    given(definition, ...begun, runEvent('WorkflowPauseRequested'))
      .when(use)
      .thenNothing();
    given(workflowOf([taskOf('a')]), ...begun)
      .when(use)
      .thenNothing();
  });

  it('says where it is from', () => {
    const { actor, snapshot }: Given = given(definition, ...begun, hit);
    const why = explain(actor.plan, snapshot, a);
    expect(why?.facts[0]).toEqual({ kind: 'cached', source });
    expect(why?.sentence).toContain(`a succeeded without being run: its result is that of a in the run ${instance}`);
    expect(taskSummaries(actor.plan, snapshot.context)[0]?.note).toContain(
      `has the result of a in the run ${instance}`,
    );
  });
});
