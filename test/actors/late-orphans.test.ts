/** Attempts of which nobody heard in time that they have applications: an earlier life of the worker, or an absent one, had begun. */
import { describe, expect, it } from 'vitest';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { given } from '../kit/given.ts';
import {
  applicationFound,
  assign,
  attemptIdOf,
  fireTimer,
  lose,
  ownershipTaken,
  reject,
  report,
  resolveLost,
  submitted,
  tell,
  yarnApplication,
  yarnAway,
  yarnTold,
} from './run-events.ts';

describe('a worker that refuses what may have begun in an earlier life of it', () => {
  const { cluster } = yarnApplication;
  const settings = {
    type: 'shell',
    command: 'spark-submit a.jar',
    graceMs: 100,
    cluster,
  } as TaskDefinition['settings'];
  const tagged = { ...taskOf('a'), settings };
  const assigned = () => given(workflowOf([tagged]), submitted, ownershipTaken(1), assign('a'));

  it('is lost: what it may have started decides', () => {
    const refused = assigned()
      .when({ ...reject('a'), mayHaveBegun: true } as never)
      .thenTypes('TaskOrphaned');
    expect(refused.and(tell('a', 1, yarnTold('succeeded'))).task('a').status).toBe('succeeded');
  });

  it('has begun nothing when it was never offered before', () => {
    assigned().when(reject('a')).thenTypes('TaskRejected');
  });
});

describe('a person who decides the same again', () => {
  it('ends the waiting when the cluster went away while the application was being killed', () => {
    const begun = given(workflowOf([taskOf('a')]), submitted, ownershipTaken(1), assign('a'), report('started', 'a'));
    const followed = begun.and(applicationFound('a'), lose('a'), tell('a', 1, yarnTold('running')));
    const killing = followed.and(resolveLost('a', 'retry'), tell('a', 1, yarnAway));
    const again = killing.when({ ...resolveLost('a', 'retry'), key: 'later' } as never);
    again.thenTypes('ApplicationGivenUp', 'ApplicationGivenUp', 'TaskLost');
  });
});

describe('a person who decides before the clusters were heard', () => {
  const begun = given(workflowOf([taskOf('a')]), submitted, ownershipTaken(1), assign('a'), report('started', 'a'));
  const orphaned = begun.and(applicationFound('a'), lose('a'));

  it.each(['retry', 'fail', 'adopt'] as const)(
    'has to wait for them with "%s": what runs there is not known',
    (decision) => {
      orphaned.when(resolveLost('a', decision)).thenRejected('COMMAND_NOT_ALLOWED');
      const heard = orphaned.and(tell('a', 1, yarnTold('running')));
      if (decision !== 'adopt') heard.when(resolveLost('a', decision)).thenTypes('ApplicationKillRequested');
    },
  );
});

describe('a timeout', () => {
  it('is one all the same when the worker was absent meanwhile and tells of an application only then', () => {
    const task = { ...taskOf('a'), timeoutMs: 500, onWorkerLost: { policy: 'ask' as const } };
    const begun = given(workflowOf([task]), submitted, ownershipTaken(1), assign('a'), report('started', 'a'));
    const absent = begun.and(fireTimer('a', timerIds.timeout(attemptIdOf(1))), lose('a'));
    expect(absent.task('a').status).toBe('absent');
    const told = tell('a', 1, yarnTold('killed'));
    const ended = absent.and(applicationFound('a'), report('cancelled', 'a')).when(told);
    expect(ended.thenTypes('ApplicationEnded', 'TaskFailed').task('a').context.fault?.code).toBe('TASK_TIMED_OUT');
  });
});
