/** Applications that attempts start on clusters: told once, kept by attempt, also when the attempt has ended. */
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import { explain } from '../../actors/workflow-instance/explain.ts';
import { taskSummaries } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given, type Step } from '../kit/given.ts';
import { recordedOf } from '../kit/recorded.ts';
import {
  applicationFound,
  assign,
  attemptIdOf,
  conclude,
  lose,
  nameOf,
  now,
  ownershipTaken,
  report,
  requestStop,
  runEvent,
  submitted,
  taskEvent,
  tell,
  yarnApplication,
  yarnTold,
} from './run-events.ts';

const definition = workflowOf([taskOf('a'), taskOf('b')]);
const run = (...steps: Step[]): Given => given(definition, submitted, ownershipTaken(1), assign('a'), ...steps);
const found = (attempt: number, ...applications: FoundApplication[]): WorkflowInstanceCommand => ({
  type: 'RecordApplications',
  now,
  task: nameOf('a'),
  attemptId: attemptIdOf(attempt),
  applications,
});
const another: FoundApplication = { ...yarnApplication, id: 'application_1700000000000_0002', user: 'etl' };

describe('an application that an attempt has started', () => {
  it('is told by an event, and kept with its attempt', () => {
    const { context } = run(report('started', 'a'))
      .when(found(1, yarnApplication, another))
      .then(applicationFound('a'), applicationFound('a', 1, another))
      .task('a');
    expect(context.applications).toEqual([
      { attemptId: attemptIdOf(1), ...yarnApplication },
      { attemptId: attemptIdOf(1), ...another },
    ]);
  });

  it('is told once, however often its worker repeats it', () => {
    run(found(1, yarnApplication)).when(found(1, yarnApplication)).thenNothing();
    run()
      .when(found(1, yarnApplication, yarnApplication))
      .then(applicationFound('a'));
  });

  it('is told for each attempt that has started it', () => {
    const second = run(found(1, yarnApplication), lose('a'), tell('a', 1, yarnTold('killed')), assign('a', 2));
    second.when(found(2, yarnApplication)).then(applicationFound('a', 2));
  });

  const moments: Record<string, Step[]> = {
    'is offered': [],
    'is being stopped': [requestStop],
    'has succeeded': [report('succeeded', 'a')],
    'was lost': [lose('a')],
    'was lost and tried again': [lose('a'), assign('a', 2), report('started', 'a', 2)],
    'was cleared': [report('failed', 'a'), runEvent('StateCleared')],
    'belongs to a pausing run': [runEvent('WorkflowPauseRequested')],
    'belongs to a paused run': [
      report('succeeded', 'a'),
      runEvent('WorkflowPauseRequested'),
      runEvent('WorkflowPaused'),
    ],
  };
  it.each(Object.entries(moments))('is told of an attempt that %s', (_, steps) => {
    const before = run(...steps);
    const after = before.when(found(1, yarnApplication)).then(applicationFound('a'));
    expect(after.task('a').status).toBe(before.task('a').status);
  });

  it('is not told when the run has ended', () => {
    const ended = given(workflowOf([taskOf('a')]), submitted, ownershipTaken(1), assign('a'), report('succeeded', 'a'));
    ended.and(conclude).when(found(1, yarnApplication)).thenNothing();
  });

  it('is told of a run that was opened again and waits for its turn', () => {
    const queued = given(
      { ...workflowOf([taskOf('a')]), concurrency: { policy: 'wait' } },
      submitted,
      ownershipTaken(1),
      runEvent('WorkflowAdmitted'),
      assign('a'),
      taskEvent('TaskFailed', 'a'),
      conclude,
      runEvent('WorkflowReopened'),
    );
    queued.when(found(1, yarnApplication)).then(applicationFound('a'));
  });

  it('stays known when the task runs anew', () => {
    const cleared = run(found(1, yarnApplication), report('failed', 'a'), runEvent('StateCleared'));
    expect(cleared.task('a').context.applications).toHaveLength(1);
  });

  it('is shown, and named by the answer to why', () => {
    const { actor, snapshot } = run(report('started', 'a'), found(1, yarnApplication));
    const [shown] = taskSummaries(actor.plan, snapshot.context);
    expect(shown?.applications).toEqual([{ attemptId: attemptIdOf(1), ...yarnApplication }]);
    const explained = explain(actor.plan, snapshot, nameOf('a'));
    expect(explained?.sentence).toContain('it has started application_1700000000000_0001 on hadoop');
    expect(explained?.facts).toContainEqual(expect.objectContaining({ kind: 'applications', count: 1 }));
  });

  it('of an attempt that nobody assigned breaks the rules of histories', () => {
    const events = [submitted, ownershipTaken(1), applicationFound('a', 7)];
    const { violations } = checkHistory(
      planOf(definition),
      recordedOf(events, () => now),
    );
    expect(violations).toContainEqual(expect.objectContaining({ invariant: 'I4', revision: 2 }));
  });
});
