/** The run machine: waiting for a turn, pausing, what people ask, and being opened again, in every state. */
import { describe, expect, it } from 'vitest';
import { BrokenJournal } from '../../actors/kit/decider.ts';
import { workflowInstanceStatuses } from '../../actors/workflow-instance/workflow-instance.state.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given, type Step } from '../kit/given.ts';
import {
  applicationFound,
  assign,
  attemptIdOf,
  cacheKey,
  conclude,
  nameOf,
  now,
  ownershipTaken,
  report,
  requestStop,
  runEvent,
  submitted,
  taskEvent,
} from './run-events.ts';

const asked = { key: 'asked-1', by: 'ann' };
const pause = runEvent('WorkflowPauseRequested');
const paused = runEvent('WorkflowPaused');

/** Tasks by the state that they are in; `guard` looks at the failure of `failed`. */
const special: Record<string, Partial<TaskDefinition>> = {
  awaiting: { settings: { type: 'signal', name: nameOf('go') } },
  guard: {
    settings: { type: 'conditions', when: { task: nameOf('failed'), is: 'failed' }, next: [], otherwise: [] },
  },
};
const tasks = [
  ...['ready', 'delayed', 'awaiting', 'running', 'failed', 'queued', 'done'].map((name) => taskOf(name)),
  taskOf('guard', ['failed', 'ready']),
].map((task) => ({ ...task, ...special[task.name] }));

function runOf(options: Partial<WorkflowDefinition>, ...steps: Step[]): Given {
  return given({ ...workflowOf(tasks), ...options }, submitted, ownershipTaken(1), ...steps);
}

const calm = [
  taskEvent('TaskDelayed', 'delayed'),
  taskEvent('TaskAwaits', 'awaiting', 2, { awaits: { kind: 'signal', name: 'go' } }),
  assign('done', 5),
  report('succeeded', 'done', 5),
  assign('failed', 3),
  taskEvent('TaskFailed', 'failed', 3),
  taskEvent('TaskQueued', 'queued'),
];
const live = [...calm, assign('running', 4), report('started', 'running', 4)];
const one = (...steps: Step[]) => given(workflowOf([taskOf('a')]), submitted, ownershipTaken(1), assign('a'), ...steps);

const states: Record<string, Given> = {
  submitted: given(workflowOf(tasks)),
  queued: runOf({ concurrency: { policy: 'wait' } }),
  'queued again': runOf(
    { concurrency: { policy: 'wait' } },
    runEvent('WorkflowAdmitted'),
    assign('failed', 3),
    taskEvent('TaskFailed', 'failed', 3),
    requestStop,
    conclude,
    runEvent('WorkflowReopened'),
  ),
  active: runOf({}, ...live),
  'active with policy end': runOf({ failurePolicy: 'end' }, ...live),
  pausing: runOf({}, ...live, pause),
  'pausing, nothing live': runOf({}, ...calm, pause),
  paused: runOf({}, ...calm, pause, paused),
  'paused with policy end': runOf({ failurePolicy: 'end' }, ...calm, pause, paused),
  'paused, one isolated': runOf(
    {},
    ...calm,
    { type: 'IsolationAdded', data: { task: nameOf('ready'), ...asked } },
    pause,
    paused,
  ),
  stopping: runOf({}, ...live, requestStop),
  ending: runOf({ failurePolicy: 'end' }, ...live, taskEvent('TaskFailed', 'running', 4)),
  succeeded: one(report('succeeded', 'a'), conclude),
  failed: one(report('failed', 'a'), conclude),
  stopped: one(requestStop, report('cancelled', 'a'), conclude),
};
function kept(name: string, attempt: number): WorkflowInstanceEvent {
  const result = { attemptId: attemptIdOf(attempt), finishedAt: now, outputs: {} };
  return { type: 'ResultKept', data: { task: nameOf(name), cacheKey, expiresAt: now + 1, result } };
}

const events: Record<string, WorkflowInstanceEvent> = {
  OwnershipTaken: ownershipTaken(2),
  WorkflowAdmitted: runEvent('WorkflowAdmitted'),
  WorkflowPauseRequested: pause,
  WorkflowPaused: paused,
  WorkflowResumed: runEvent('WorkflowResumed'),
  WorkflowStopRequested: runEvent('WorkflowStopRequested'),
  WorkflowTimedOut: runEvent('WorkflowTimedOut'),
  'WorkflowTimedOut, warned': { type: 'WorkflowTimedOut', data: { timedOutAt: now, action: 'warn' } },
  WorkflowMoved: runEvent('WorkflowMoved'),
  WorkflowReopened: runEvent('WorkflowReopened'),
  StateCleared: runEvent('StateCleared'),
  IsolationAdded: { type: 'IsolationAdded', data: { task: nameOf('ready'), ...asked } },
  IsolationRemoved: { type: 'IsolationRemoved', data: { task: nameOf('ready'), ...asked } },
  PriorityChanged: runEvent('PriorityChanged'),
  SignalReceived: runEvent('SignalReceived'),
  TaskAssigned: taskEvent('TaskAssigned', 'ready', 9),
  TaskDelayed: taskEvent('TaskDelayed', 'ready'),
  TaskDelayOver: taskEvent('TaskDelayOver', 'delayed'),
  TaskQueued: taskEvent('TaskQueued', 'ready'),
  TaskQueueTimedOut: taskEvent('TaskQueueTimedOut', 'queued'),
  TaskAwaits: taskEvent('TaskAwaits', 'ready', 9),
  TaskConcluded: taskEvent('TaskConcluded', 'awaiting', 2),
  'TaskConcluded, failed': taskEvent('TaskConcluded', 'awaiting', 2, { result: 'failed' }),
  TaskBranchChosen: taskEvent('TaskBranchChosen', 'ready'),
  TaskUnstartable: taskEvent('TaskUnstartable', 'ready'),
  TaskDryRun: taskEvent('TaskDryRun', 'ready'),
  TaskCacheHit: taskEvent('TaskCacheHit', 'ready'),
  ResultKept: kept('done', 5),
  'ResultKept, of another attempt': kept('done', 4),
  ApplicationFound: applicationFound('done', 5),
  TaskOrphaned: taskEvent('TaskOrphaned', 'running', 4),
  TaskTimeoutWarned: taskEvent('TaskTimeoutWarned', 'running', 4),
  TaskSucceeded: taskEvent('TaskSucceeded', 'running', 4),
  TaskStopRequested: taskEvent('TaskStopRequested', 'ready'),
  TaskSkipped: taskEvent('TaskSkipped', 'ready'),
  TaskForced: taskEvent('TaskForced', 'failed'),
  WorkflowSucceeded: runEvent('WorkflowSucceeded'),
};

const own = { OwnershipTaken: 'same' };
/** What may become of tasks while none is begun. */
const goesOn = [
  'TaskDelayOver',
  'TaskQueueTimedOut',
  'TaskConcluded',
  'TaskConcluded, failed',
  'ResultKept',
  'ApplicationFound',
];
const begins = [
  'TaskAssigned',
  'TaskDelayed',
  'TaskQueued',
  'TaskAwaits',
  'TaskBranchChosen',
  'TaskUnstartable',
  'TaskDryRun',
  'TaskCacheHit',
];
const atWorker = ['TaskTimeoutWarned', 'TaskSucceeded', 'TaskOrphaned'];
const steered = [
  'StateCleared',
  'IsolationAdded',
  'PriorityChanged',
  'SignalReceived',
  'TaskStopRequested',
  'TaskSkipped',
  'TaskForced',
];
const leave = { WorkflowStopRequested: 'stopping', WorkflowTimedOut: 'ending', 'WorkflowTimedOut, warned': 'same' };
const same = (...lists: string[][]) => Object.fromEntries(lists.flat().map((name) => [name, 'same']));
/** Of a task that no conditions task looks at. */
const lastFailures = { TaskQueueTimedOut: 'ending', 'TaskConcluded, failed': 'ending' };
const active = { ...own, ...leave, ...same(goesOn, begins, atWorker, steered), WorkflowPauseRequested: 'pausing' };
const held = { ...own, ...leave, ...same(goesOn, steered), WorkflowResumed: 'active' };

/** State, event, status after it. What does not stand here breaks the journal. */
const taken: Record<string, Record<string, string>> = {
  submitted: {},
  queued: {
    ...own,
    WorkflowAdmitted: 'active',
    WorkflowStopRequested: 'stopping',
    ...same(['WorkflowMoved', 'ApplicationFound']),
  },
  'queued again': {
    ...own,
    WorkflowAdmitted: 'active',
    WorkflowStopRequested: 'stopping',
    ...same(['StateCleared', 'TaskSkipped', 'TaskForced', 'WorkflowMoved', 'ApplicationFound']),
  },
  active,
  'active with policy end': { ...active, ...lastFailures },
  pausing: { ...held, ...same(atWorker) },
  'pausing, nothing live': { ...held, WorkflowPaused: 'paused' },
  paused: { ...held, WorkflowMoved: 'same' },
  'paused with policy end': { ...held, ...lastFailures, WorkflowMoved: 'same' },
  'paused, one isolated': { ...held, IsolationRemoved: 'same', WorkflowMoved: 'same' },
  stopping: { ...own, ...same(['TaskSucceeded', 'TaskOrphaned', 'ResultKept', 'ApplicationFound']) },
  ending: { ...own, ...same(['ResultKept', 'ApplicationFound']) },
  succeeded: { ...own, WorkflowReopened: 'active' },
  failed: { ...own, WorkflowReopened: 'active' },
  stopped: { ...own, WorkflowReopened: 'active' },
};

describe('the run machine', () => {
  it('has a row for every status', () => {
    const statuses = Object.values(states).map(({ snapshot }) => snapshot.value);
    expect(new Set(statuses)).toEqual(new Set(workflowInstanceStatuses));
  });

  for (const [state, before] of Object.entries(states)) {
    for (const [name, event] of Object.entries(events)) {
      const cell = taken[state]?.[name];
      const after = cell === 'same' ? before.snapshot.value : cell;
      it(`${state}: ${name} ${after === undefined ? 'breaks the journal' : `leads to ${after}`}`, () => {
        if (after === undefined) expect(() => before.actor.fold(before.snapshot, event)).toThrow(BrokenJournal);
        else expect(before.and(event).snapshot.value).toBe(after);
        expect(before.snapshot.can(event)).toBe(after !== undefined);
      });
    }
  }
});

describe('a run that is opened again', () => {
  const again = states.stopped?.and(runEvent('WorkflowReopened'));

  it('forgets that it was stopped or paused, and has its whole time again', () => {
    expect(again?.snapshot.context).toMatchObject({
      round: 1,
      stop: null,
      pause: null,
      timedOut: null,
      finishedAt: null,
    });
    const timed = given(
      { ...workflowOf([taskOf('a')]), timeoutMs: 100 },
      submitted,
      ownershipTaken(1),
      requestStop,
      conclude,
    );
    const reopened = timed.and({ type: 'WorkflowReopened', data: { ...asked, reopenedAt: now + 500 } });
    expect(reopened.snapshot.context.timeoutAt).toBe(now + 600);
  });

  it('takes no turn and no stop that was meant for an earlier round', () => {
    const waiting = states['queued again'] as Given;
    const stopIn = (round: number) => ({ type: 'RequestStop', now, key: 'stop-2', by: 'ann', round }) as const;
    waiting.when({ type: 'AdmitWorkflow', now, round: 0 }).thenNothing();
    waiting.when(stopIn(0)).thenRejected('COMMAND_NOT_ALLOWED');
    waiting.when({ type: 'AdmitWorkflow', now, round: 1 }).thenTypes('WorkflowAdmitted');
    waiting.when(stopIn(1)).thenTypes('WorkflowStopRequested');
  });
});
