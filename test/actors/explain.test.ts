/** Why a task is where it is: one specification for each status, and that each fact of random runs is true. */
import { describe, expect, it } from 'vitest';
import { taskStatuses } from '../../actors/task-instance/task-instance.state.ts';
import { explain } from '../../actors/workflow-instance/explain.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type {
  WorkflowInstanceEvent,
  WorkflowInstanceEventType,
} from '../../schemas/events/workflow-instance.events.ts';
import { chainOf, diamondOf, mapOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given } from '../kit/given.ts';
import {
  attemptIdOf,
  fault,
  holdReason,
  lossReason,
  nameOf,
  now,
  ownershipTaken,
  submitted,
  taskEvent,
} from './run-events.ts';

const at = '1970-01-01 00:16:40 UTC';
const later = now + 60_000;
const soon = '1970-01-01 00:17:40 UTC';
const begun = [submitted, ownershipTaken(1)];
const asked = { key: 'key-1', by: 'ann', reason: 'lunch' };
const attempt = { kind: 'attempt', attempt: 1, attemptId: attemptIdOf(1), worker: 'worker-1' };

/** Reason for the cast: the test gives the fields of the type that it names. */
function event(type: WorkflowInstanceEventType, data: object): WorkflowInstanceEvent {
  return { type, data } as WorkflowInstanceEvent;
}

function why({ actor, snapshot }: Given, task: string) {
  const { sentence, facts, status } = explain(actor.plan, snapshot, nameOf(task)) ?? {};
  return { status, sentence, facts };
}

const covered = new Set<string | undefined>();

type Expected = [status: string, sentence: string, facts: object[]];

function expectWhy(run: Given, task: string, ...[status, sentence, facts]: Expected): void {
  covered.add(status);
  expect(why(run, task)).toEqual({ status, sentence, facts });
}

const started = [taskEvent('TaskAssigned', 'a'), taskEvent('TaskStarted', 'a')];
const awaiting = (awaits: object, more: object = {}) =>
  event('TaskAwaits', { task: 'a', attemptId: attemptIdOf(1), attempt: 1, since: now, awaits, ...more });
const one = (more: Partial<TaskDefinition> = {}) => workflowOf([{ ...taskOf('a'), ...more }]);
const approval = one({ settings: { type: 'approval' } });

describe('a task that has not begun', () => {
  it('waits for tasks that have not ended', () => {
    const run = given(
      diamondOf(),
      ...begun,
      ...started,
      taskEvent('TaskSucceeded', 'a'),
      taskEvent('TaskAssigned', 'b', 2),
    );
    expectWhy(run, 'd', 'waiting', 'd waits for b (assigned) and c (ready)', [
      {
        kind: 'waitsFor',
        count: 2,
        tasks: [
          { task: 'b', status: 'assigned' },
          { task: 'c', status: 'ready' },
        ],
      },
    ]);
  });

  it('names three of many tasks', () => {
    const leaves = ['a', 'b', 'c', 'd', 'e'];
    const run = given(workflowOf([...leaves.map((name) => taskOf(name)), taskOf('join', leaves)]), ...begun);
    expect(why(run, 'join').sentence).toBe('join waits for a (ready), b (ready), c (ready) and 2 more');
  });

  it('waits for a worker', () => {
    expectWhy(
      given(chainOf(1), ...begun),
      't0',
      'ready',
      't0 waits for a worker of the group default, with priority medium',
      [{ kind: 'waitsForWorker', group: 'default', priority: 'medium' }],
    );
  });

  it('is held, with the reason', () => {
    const run = given(chainOf(1), ...begun, taskEvent('TaskHeld', 't0'));
    expectWhy(run, 't0', 'ready', 't0 is held: all slots are taken', [{ kind: 'held', ...holdReason }]);
  });

  it('is to begin before its queue timeout', () => {
    const run = given(chainOf(1), ...begun, event('TaskQueued', { task: 't0', since: now, dueAt: later }));
    expect(why(run, 't0').sentence).toBe(
      `t0 waits for a worker of the group default, with priority medium; it is to begin by ${soon}`,
    );
  });

  it('waits out its delay', () => {
    const run = given(one({ delayMs: 60_000 }), ...begun, event('TaskDelayed', { task: 'a', dueAt: later }));
    expectWhy(run, 'a', 'delayed', `a begins at ${soon}, after its delay`, [{ kind: 'delayed', dueAt: later }]);
  });

  it('is not placed while the run is paused', () => {
    const run = given(chainOf(1), ...begun, event('WorkflowPauseRequested', asked));
    expectWhy(
      run,
      't0',
      'ready',
      't0 waits for a worker of the group default, with priority medium; the run was paused by ann (lunch)',
      [
        { kind: 'waitsForWorker', group: 'default', priority: 'medium' },
        { kind: 'paused', by: 'ann', reason: 'lunch' },
      ],
    );
  });

  it('is not placed while something that it needs is isolated', () => {
    const run = given(chainOf(2), ...begun, event('IsolationAdded', { task: 't0', ...asked }));
    expectWhy(run, 't1', 'waiting', 't1 waits for t0 (ready); isolated are t0 by ann (lunch)', [
      { kind: 'waitsFor', count: 1, tasks: [{ task: 't0', status: 'ready' }] },
      { kind: 'isolated', tasks: [{ task: 't0', by: 'ann', reason: 'lunch' }] },
    ]);
  });
});

describe('a task under way', () => {
  it('is offered, accepted, and runs', () => {
    const offered = given(one(), ...begun, taskEvent('TaskAssigned', 'a'));
    expectWhy(offered, 'a', 'assigned', 'a is offered to worker-1 as attempt 1', [attempt]);
    const accepted = offered.and(taskEvent('TaskAccepted', 'a'));
    expectWhy(accepted, 'a', 'accepted', 'a was accepted by worker-1 as attempt 1 and has not started yet', [attempt]);
    const running = accepted.and(taskEvent('TaskStarted', 'a', 1, { timeoutAt: later }));
    expectWhy(running, 'a', 'running', `a runs on worker-1 since ${at} as attempt 1, until ${soon} at the latest`, [
      { ...attempt, startedAt: now, timeoutAt: later },
    ]);
  });

  it('awaits an answer from outside', () => {
    const run = given(approval, ...begun, awaiting({ kind: 'approval', question: 'Ship it?' }, { dueAt: later }));
    expectWhy(run, 'a', 'awaiting', `a awaits an approval (Ship it?) since ${at}, until ${soon}`, [
      { kind: 'awaits', awaits: { kind: 'approval', question: 'Ship it?' }, since: now, dueAt: later },
    ]);
  });

  it('waits for its absent worker, or for a person', () => {
    const run = given(one(), ...begun, ...started, taskEvent('TaskWorkerAbsent', 'a', 1, { dueAt: later }));
    expectWhy(
      run,
      'a',
      'absent',
      `a waits since ${at} for its worker, until ${soon}: ${lossReason.message}; attempt 1 is at worker-1`,
      [
        { kind: 'absent', since: now, dueAt: later, fault: lossReason },
        { ...attempt, startedAt: now },
      ],
    );
    const left = given(one(), ...begun, ...started, taskEvent('TaskWorkerAbsent', 'a'));
    expect(why(left, 'a').sentence).toContain('for a decision (millrace resolve)');
  });

  it('is being cancelled by its timeout, by who stopped it, or with its run', () => {
    const run = given(one(), ...begun, ...started);
    expectWhy(
      run.and(taskEvent('TaskTimedOut', 'a')),
      'a',
      'cancelling',
      'a ran longer than its timeout and is being cancelled; attempt 1 is at worker-1',
      [{ kind: 'timedOut' }, { ...attempt, startedAt: now }],
    );
    const killed = run.and(event('TaskStopRequested', { task: 'a', ...asked }));
    expect(why(killed, 'a').facts).toContainEqual({ kind: 'stoppedBy', scope: 'task', by: 'ann', reason: 'lunch' });
    const stopped = run.and(event('WorkflowStopRequested', { key: 'stop-1', by: 'ben' }));
    expect(why(stopped, 'a').sentence).toBe('a is being stopped because ben stopped the run; attempt 1 is at worker-1');
  });

  it('backs off until its next attempt', () => {
    const definition = workflowOf([taskOf('a', [], { retry: { attempts: 3 } })]);
    const run = given(
      definition,
      ...begun,
      ...started,
      taskEvent('TaskFailed', 'a', 1, { retry: { delayMs: 60_000, dueAt: later } }),
    );
    expectWhy(
      run,
      'a',
      'backingOff',
      `a failed 1 of at most 3 times (exit code 1); the next attempt follows at ${soon}`,
      [{ kind: 'backsOff', failures: 1, attemptsMax: 3, dueAt: later, fault }],
    );
  });
});

describe('a task that ended', () => {
  it('succeeded in an attempt', () => {
    const run = given(one(), ...begun, ...started, taskEvent('TaskSucceeded', 'a'));
    expectWhy(run, 'a', 'succeeded', `a succeeded in attempt 1 on worker-1; ended at ${at}`, [
      { ...attempt, startedAt: now },
      { kind: 'ended', finishedAt: now },
    ]);
  });

  it('succeeded because a person said so', () => {
    const run = given(chainOf(2), ...begun, taskEvent('TaskAssigned', 't0'), taskEvent('TaskFailed', 't0')).and(
      event('TaskForced', { task: 't0', ...asked, forcedAt: now, outputs: {} }),
    );
    expect(why(run, 't0').sentence).toBe(`t0 was declared successful by ann (lunch); ended at ${at}`);
  });

  it('failed, with the fault', () => {
    const run = given(one(), ...begun, ...started, taskEvent('TaskFailed', 'a'));
    expectWhy(run, 'a', 'failed', `a failed: exit code 1; it was attempt 1 on worker-1; ended at ${at}`, [
      { kind: 'failedWith', fault },
      { ...attempt, startedAt: now },
      { kind: 'ended', finishedAt: now },
    ]);
  });

  it('was stopped with its run, or because the run ended', () => {
    const run = given(chainOf(2), ...begun, event('WorkflowStopRequested', asked));
    expectWhy(run, 't1', 'stopped', 't1 was stopped because ann (lunch) stopped the run', [
      { kind: 'stoppedBy', scope: 'run', by: 'ann', reason: 'lunch' },
    ]);
    const ended = given(
      chainOf(2, { failurePolicy: 'end' }),
      ...begun,
      taskEvent('TaskAssigned', 't0'),
      taskEvent('TaskFailed', 't0'),
    );
    expect(why(ended, 't1').sentence).toBe('t1 was stopped because the run ended with the failure of t0');
  });

  it('is blocked by what failed, however far up', () => {
    const run = given(chainOf(3), ...begun, taskEvent('TaskAssigned', 't0'), taskEvent('TaskFailed', 't0'));
    expectWhy(run, 't2', 'blocked', 't2 does not run because of t0 (failed) (exit code 1)', [
      { kind: 'blockedBy', causes: [{ task: 't0', status: 'failed', fault }] },
    ]);
  });

  it('was skipped because another way was taken, however far up', () => {
    const choose: TaskDefinition['settings'] = {
      type: 'switch',
      cases: [{ when: 'false', next: [nameOf('b')] }],
      otherwise: [nameOf('d')],
    };
    const tasks = [{ ...taskOf('a'), settings: choose }, taskOf('b', ['a']), taskOf('c', ['b']), taskOf('d', ['a'])];
    const run = given(workflowOf(tasks), ...begun).and(
      event('TaskBranchChosen', { task: 'a', decidedAt: now, choice: 'otherwise', next: ['d'] }),
    );
    expectWhy(run, 'c', 'skipped', 'c was skipped because a took otherwise', [
      { kind: 'otherWay', taken: [{ task: 'a', choice: 'otherwise' }] },
    ]);
    expect(why(run, 'a').sentence).toBe(`a succeeded and took otherwise, to d; ended at ${at}`);
  });

  it('succeeded because its signal came, or because somebody approved', () => {
    const signal = one({ settings: { type: 'signal', name: nameOf('paid') } });
    const ends = { task: 'a', attemptId: attemptIdOf(1), finishedAt: now, result: 'succeeded' };
    const came = given(
      signal,
      ...begun,
      awaiting({ kind: 'signal', name: 'paid' }),
      event('TaskConcluded', { ...ends, outputs: { payload: 120 } }),
    );
    expectWhy(came, 'a', 'succeeded', `a succeeded: its signal paid came; ended at ${at}`, [
      { kind: 'signalCame', name: 'paid' },
      { kind: 'ended', finishedAt: now },
    ]);
    const outputs = { approved: true, by: 'ada', comment: 'tests are green' };
    const approved = given(
      approval,
      ...begun,
      awaiting({ kind: 'approval' }),
      event('TaskConcluded', { ...ends, outputs }),
    );
    expect(why(approved, 'a').sentence).toBe(`a succeeded: it was approved by ada (tests are green); ended at ${at}`);
  });

  it('is a map whose items go on, and an item that waits for its turn', () => {
    const map = { ...taskOf('a'), settings: mapOf([1, 2, 3], { concurrency: 1 }) };
    const over = [{ name: 'x', values: [1, 2, 3] }];
    const run = given(workflowOf([map]), ...begun, taskEvent('TaskExpanded', 'a', 1, { itemCount: 3, over })).and(
      taskEvent('TaskAssigned', 'a[0]', 2),
      taskEvent('TaskSucceeded', 'a[0]', 2),
    );
    const stand = { concurrency: 1, count: 3, ended: 1, failed: 0 };
    const told = '(1 of 3 have ended, 0 of them badly, at most 1 at a time)';
    expectWhy(run, 'a', 'expanded', `a has items that go on ${told}`, [{ kind: 'items', ...stand }]);
    expectWhy(run, 'a[2]', 'waiting', `a[2] waits for its turn among the items of a ${told}`, [
      { kind: 'itemTurn', map: 'a', status: 'expanded', ...stand },
    ]);
    expect(why(run, 'a[1]').sentence).toBe('a[1] waits for a worker of the group default, with priority medium');
    expect(why(run, 'a[3]').sentence).toBeUndefined();
  });

  it('was skipped because it is disabled, was not selected, or by a person', () => {
    expect(why(given(one({ enabled: false }), ...begun), 'a').sentence).toBe('a was skipped because it is disabled');
    const begin = event('WorkflowSubmitted', { ...submitted.data, start: { tasks: ['t1'], mode: 'only' } });
    expect(why(given(chainOf(2), begin), 't0').sentence).toBe('t0 was skipped because the run was started without it');
    const skipped = given(chainOf(2), ...begun, event('TaskSkipped', { task: 't1', key: 'key-1', by: 'ann' }));
    expect(why(skipped, 't1')).toMatchObject({
      sentence: 't1 was skipped by ann',
      facts: [{ kind: 'skippedBy', by: 'ann' }],
    });
  });
});

it('covers every status', () => {
  expect([...covered].toSorted()).toEqual(taskStatuses.toSorted());
});

it('knows no task that the run does not have', () => {
  const { actor, snapshot } = given(chainOf(1), ...begun);
  expect(explain(actor.plan, snapshot, nameOf('other'))).toBeUndefined();
});
