import { describe, expect, it } from 'vitest';
import { awaitedAttempts } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import { chainOf, diamondOf, independentOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given } from '../kit/given.ts';
import {
  assign,
  attemptIdOf,
  conclude,
  definitionReference,
  now,
  ownershipTaken,
  report,
  requestStop,
  submit,
  submitOwned,
  submitted,
  takeOwnership,
  taskEvent,
  worker,
  workerIncarnation,
} from './run-events.ts';

const place = (attempt: number) => ({ attemptId: attemptIdOf(attempt), worker, workerIncarnation });
const done = (task: string, attempt: number) => [assign(task, attempt), report('succeeded', task, attempt)];
const failed = (task: string, attempt: number) => [assign(task, attempt), report('failed', task, attempt)];
const statusesOf = (run: Given) =>
  Object.fromEntries(run.actor.plan.tasks.map(({ definition }) => [definition.name, run.task(definition.name).status]));

describe('a submission', () => {
  it('makes the run and asks for a place for each task that needs nothing', () => {
    given(independentOf(2))
      .when(submit)
      .then(submitted)
      .andEffects({ type: 'placeTask', task: 't0' as never }, { type: 'placeTask', task: 't1' as never });
  });

  it('is owned from its second event on when its master says who it is', () => {
    given(chainOf(1))
      .when(submitOwned)
      .then(submitted, ownershipTaken(1))
      .andEffects({ type: 'placeTask', task: 't0' as never });
  });

  it('is remembered with its definition by reference', () => {
    const { context } = given(chainOf(1), submitted).snapshot;
    expect(context).toMatchObject({ definition: definitionReference, key: 'key-1', submittedAt: now });
  });

  it('keeps of the reference what the schema has, in its order (I5)', () => {
    const { name, version, digest } = definitionReference;
    const messy: object = { digest, version, extra: true, name };
    const command = { ...submit, definition: messy } as WorkflowInstanceCommand;
    const run = given(chainOf(1), command);
    expect(JSON.stringify(run.snapshot.context.definition)).toBe(JSON.stringify({ name, version, digest }));
  });
});

describe('ownership', () => {
  it('raises the epoch by one with each owner (I1)', () => {
    const first = given(chainOf(1), submitted).when(takeOwnership(1)).then(ownershipTaken(1));
    first.when(takeOwnership(2)).thenTypes('OwnershipTaken').when(takeOwnership(3)).thenTypes('OwnershipTaken');
    expect(first.and(takeOwnership(2), takeOwnership(3)).snapshot.context.epoch).toBe(3);
  });

  it('owes no effects by itself: what is pending is asked for', () => {
    const run = given(diamondOf(), submitted, ownershipTaken(1)).and(assign('a', 1));
    const taken = run.when(takeOwnership(2)).thenTypes('OwnershipTaken').andEffects();
    expect(taken.actor.pendingEffects(taken.snapshot)).toEqual([{ type: 'offerAttempt', task: 'a', ...place(1) }]);
    expect(awaitedAttempts(taken.snapshot)).toMatchObject([place(1)]);
  });
});

const begun = (definition: Parameters<typeof given>[0]) => given(definition, submitted, ownershipTaken(1));

describe('the flow', () => {
  it('releases a task with the last of its needs', () => {
    const run = begun(diamondOf()).and(...done('a', 1), ...done('b', 2), assign('c', 3));
    expect(run.task('d').status).toBe('waiting');
    run
      .when(report('succeeded', 'c', 3))
      .then(taskEvent('TaskSucceeded', 'c', 3))
      .andEffects(
        { type: 'disarmTimer', task: 'c', timerId: `timeout.${attemptIdOf(3)}` } as never,
        { type: 'releaseSlot', task: 'c', ...place(3) } as never,
        { type: 'placeTask', task: 'd' as never },
      );
  });

  it('asks for the end when nothing is left', () => {
    const run = begun(chainOf(1)).and(assign('t0', 1));
    const ended = run.when(report('succeeded', 't0', 1)).thenTypes('TaskSucceeded');
    expect(ended.actor.pendingEffects(ended.snapshot)).toEqual([{ type: 'concludeWorkflow' }]);
    ended
      .when(conclude)
      .then({ type: 'WorkflowSucceeded', data: { finishedAt: now } })
      .andEffects();
  });
});

/** b fails; d and e need it, f needs what it does not touch. */
const branches = (failurePolicy: 'continue' | 'end') =>
  workflowOf(
    [taskOf('b'), taskOf('c'), taskOf('d', ['b', 'c']), taskOf('e', ['d']), taskOf('f', ['c']), taskOf('g', ['f'])],
    { failurePolicy },
  );

describe('failure policy continue', () => {
  const run = begun(branches('continue')).and(assign('c', 1), ...failed('b', 2));

  it('blocks exactly the dependants', () => {
    expect(statusesOf(run)).toEqual({
      b: 'failed',
      c: 'assigned',
      d: 'blocked',
      e: 'blocked',
      f: 'waiting',
      g: 'waiting',
    });
  });

  it('runs the other branches to their end and then fails, naming the task', () => {
    const ended = run.and(report('succeeded', 'c', 1), ...done('f', 3), ...done('g', 4));
    ended
      .when(conclude)
      .then({ type: 'WorkflowFailed', data: { finishedAt: now, failedTasks: ['b' as never], failedCount: 1 } });
  });

  it('names at most twenty of the failed tasks, but counts all', () => {
    const steps = Array.from({ length: 25 }, (_, index) => failed(`t${index}`, index + 1)).flat();
    const ended = begun(independentOf(25)).and(...steps, conclude);
    expect(ended.snapshot.context.failedTasks.length).toBe(20);
    expect(ended.snapshot.context.counts.failed).toBe(25);
  });
});

describe('failure policy end', () => {
  const run = begun(branches('end')).and(assign('c', 1), ...failed('b', 2));

  it('stops the rest at once', () => {
    expect(run.snapshot.value).toBe('ending');
    expect(statusesOf(run)).toEqual({
      b: 'failed',
      c: 'cancelling',
      d: 'stopped',
      e: 'stopped',
      f: 'stopped',
      g: 'stopped',
    });
  });

  it('waits for the attempts under way and then fails', () => {
    run.when(conclude).thenRejected('COMMAND_NOT_ALLOWED');
    run
      .and(report('cancelled', 'c', 1))
      .when(conclude)
      .thenTypes('WorkflowFailed');
  });

  it('fails also when what was under way succeeded', () => {
    run
      .and(report('succeeded', 'c', 1))
      .when(conclude)
      .thenTypes('WorkflowFailed');
  });

  it('asks each attempt to stop once', () => {
    const wide = begun(independentOf(3, { failurePolicy: 'end' })).and(
      assign('t0', 1),
      assign('t1', 2),
      assign('t2', 3),
    );
    const first = wide.when(report('failed', 't0', 1)).thenTypes('TaskFailed');
    expect(first.task('t1').status).toBe('cancelling');
    first
      .when(report('failed', 't1', 2))
      .thenTypes('TaskFailed')
      .andEffects(
        { type: 'disarmTimer', task: 't1', timerId: `timeout.${attemptIdOf(2)}` } as never,
        { type: 'releaseSlot', task: 't1', ...place(2) } as never,
      );
  });
});

describe('a stop', () => {
  it('stops what waits, cancels what runs and ends when the attempts have', () => {
    const run = begun(branches('continue')).and(assign('c', 1)).when(requestStop);
    const stopping = run
      .then({ type: 'WorkflowStopRequested', data: { key: 'stop-1', by: 'ann' } })
      .andEffects(
        { type: 'withdrawTask', task: 'b' as never },
        { type: 'cancelAttempt', task: 'c' as never, reason: 'stop', ...place(1) },
      );
    stopping
      .and(report('cancelled', 'c', 1))
      .when(conclude)
      .then({ type: 'WorkflowStopped', data: { finishedAt: now, by: 'ann' } });
  });

  it('keeps the reason', () => {
    const reason = 'wrong parameters';
    const run = begun(chainOf(1)).and({ ...requestStop, reason } as WorkflowInstanceCommand);
    expect(run.snapshot.context.stop).toEqual({ key: 'stop-1', by: 'ann', reason });
  });

  it('that stopped nothing changes no outcome (I9)', () => {
    const run = begun(chainOf(1)).and(assign('t0', 1), requestStop, report('succeeded', 't0', 1));
    run.when(conclude).thenTypes('WorkflowSucceeded');
  });
});

describe('decisions', () => {
  it('never throw, whatever the command and the state', () => {
    const states = [given(branches('end')), begun(branches('end')), begun(branches('end')).and(requestStop)];
    const commands = [
      submit,
      takeOwnership(9),
      assign('nowhere'),
      assign('b'),
      report('lost', 'b'),
      requestStop,
      conclude,
    ];
    for (const { actor, snapshot } of states) {
      for (const command of commands) expect(() => actor.decide(snapshot, command)).not.toThrow();
    }
  });
});
