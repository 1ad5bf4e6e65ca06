/** Runs as they go since release 0.1: attempts that succeed, fail, are lost, and masters that take over. */
import { finalRefusalsMax } from '../../actors/task-instance/final-refusals.ts';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import {
  assign,
  attemptIdOf,
  fireTimer,
  hold,
  lose,
  nameOf,
  reject,
  requestStop,
  resolveLost,
  returnAttempt,
  takeOwnership,
} from '../actors/run-events.ts';
import { chainOf, diamondOf, fanOutOf, taskOf, workflowOf } from './definitions.ts';
import { type Scenario, Stage } from './history-stage.ts';

const waits = { onWorkerLost: { policy: 'wait', returnLimitMs: 3_000 } } as const;
const retried = { retry: { attempts: 3 } };
const retryOf = (task: string, failures: number) => fireTimer(task, timerIds.retry(nameOf(task), failures));

export const attemptScenarios: Readonly<Record<string, Scenario>> = {
  'success-chain': {
    definition: chainOf(3, { params: { region: 'eu', limit: 10 } }),
    play: (definition) => new Stage(definition).run('t0', 1, { rows: 3 }).run('t1', 2, { ok: true }).run('t2', 3),
  },
  'fan-out-join': {
    definition: fanOutOf(5),
    play: (definition) => {
      const stage = new Stage(definition).run('root', 1);
      for (const attempt of [4, 2, 6, 3, 5]) stage.run(`t${attempt - 2}`, attempt);
      return stage.run('join', 7);
    },
  },
  'retry-then-success': {
    definition: workflowOf([taskOf('a', [], retried), taskOf('b', ['a'])]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .say('failed', 'a', 1)
        .tell(retryOf('a', 1))
        .say('failed', 'a', 2)
        .tell(retryOf('a', 2))
        .run('a', 3)
        .run('b', 4),
  },
  'failure-continue': {
    definition: diamondOf(),
    play: (definition) => new Stage(definition).run('a', 1).say('failed', 'b', 2).run('c', 3),
  },
  'failure-end': {
    definition: workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['b'])], { failurePolicy: 'end' }),
    play: (definition) => new Stage(definition).say('started', 'b', 2).say('failed', 'a', 1).say('cancelled', 'b', 2),
  },
  stop: {
    definition: diamondOf(),
    play: (definition) =>
      new Stage(definition)
        .run('a', 1)
        .say('started', 'b', 2)
        .tell({ ...requestStop, reason: 'wrong parameters' } as WorkflowInstanceCommand)
        .say('cancelled', 'b', 2)
        .say('succeeded', 'c', 3),
  },
  timeout: {
    definition: workflowOf([taskOf('a', [], { ...retried, timeoutMs: 500 })]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell(fireTimer('a', timerIds.timeout(attemptIdOf(1))))
        .say('cancelled', 'a', 1)
        .tell(retryOf('a', 1))
        .run('a', 2),
  },
  'worker-lost': {
    definition: chainOf(2),
    play: (definition) =>
      new Stage(definition)
        .say('started', 't0', 1)
        .tell({ ...lose('t0', 1), evidence: 'no responders for 3 s' } as WorkflowInstanceCommand)
        .say('succeeded', 't0', 1)
        .run('t0', 2)
        .run('t1', 3),
  },
  'lost-too-often': {
    definition: chainOf(2),
    play: (definition) => new Stage(definition).tell(lose('t0', 1), lose('t0', 2)).say('lost', 't0', 3),
  },
  'worker-returned': {
    definition: workflowOf([taskOf('a', [], { timeoutMs: 60_000, ...waits }), taskOf('b', ['a'])]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell({ ...lose('a', 1), evidence: 'no responders for 5 s' } as WorkflowInstanceCommand)
        .tell(takeOwnership(2), returnAttempt('a', 1))
        .say('succeeded', 'a', 1)
        .run('b', 2),
  },
  'worker-awaited-in-vain': {
    definition: workflowOf([taskOf('a', [], waits), taskOf('b', ['a'])]),
    play: (definition) => {
      const stage = new Stage(definition).say('accepted', 'a', 1).tell(lose('a', 1));
      const timerId = timerIds.workerReturn(attemptIdOf(1), stage.now);
      return stage.tell(fireTimer('a', timerId)).run('a', 2).run('b', 3);
    },
  },
  'loss-fails': {
    definition: workflowOf([taskOf('a', [], { onWorkerLost: { policy: 'fail' } }), taskOf('b', ['a']), taskOf('c')]),
    play: (definition) => new Stage(definition).say('started', 'a', 1).tell(lose('a', 1)).run('c', 2),
  },
  'loss-asks': {
    definition: workflowOf([
      taskOf('a', [], { onWorkerLost: { policy: 'ask' } }),
      taskOf('b', [], { onWorkerLost: { policy: 'ask' } }),
      taskOf('c', ['a']),
    ]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell(lose('a', 1), lose('b', 2), lose('a', 1, false))
        .tell(takeOwnership(2), resolveLost('a', 'retry'), resolveLost('b', 'fail', 'resolve-2'))
        .run('a', 3)
        .run('c', 4),
  },
  'stopped-while-absent': {
    definition: workflowOf([taskOf('a', [], { onWorkerLost: { policy: 'ask' } })]),
    play: (definition) => new Stage(definition).say('started', 'a', 1).tell(lose('a', 1), requestStop, lose('a', 1)),
  },
  'refused-for-good': {
    definition: chainOf(2),
    play: (definition) =>
      Array.from({ length: finalRefusalsMax }, (_, index) => index + 1).reduce(
        (stage, attempt) =>
          stage.tell({
            ...reject('t0', attempt),
            reason: { code: 'TASK_TYPE_UNKNOWN', message: 'the worker has no task type script' },
          } as WorkflowInstanceCommand),
        new Stage(definition),
      ),
  },
  takeover: {
    definition: chainOf(2),
    play: (definition) =>
      new Stage(definition)
        .say('accepted', 't0', 1)
        .tell(takeOwnership(2))
        .say('started', 't0', 1)
        .say('succeeded', 't0', 1)
        .tell(takeOwnership(3))
        .run('t1', 2),
  },
  'held-and-rejected': {
    definition: chainOf(1),
    play: (definition) =>
      new Stage(definition, { places: false })
        .tell(hold('t0'), assign('t0', 1), reject('t0', 1), assign('t0', 2))
        .run('t0', 2),
  },
};
