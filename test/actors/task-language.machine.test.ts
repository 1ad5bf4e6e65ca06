/** The task machine: delays, ways, answers from outside, and what people make of a task, in every state. */
import { describe, expect, it } from 'vitest';
import { pendingTaskEffects } from '../../actors/task-instance/task-instance.effects.ts';
import { canTaskTake, foldTask } from '../../actors/task-instance/task-instance.fold.ts';
import {
  type TaskMachineEvent,
  type TaskState,
  taskStatuses,
  waitingTask,
} from '../../actors/task-instance/task-instance.state.ts';
import { attemptIdOf, fault, nameOf, now, taskEvent, willRetry } from './run-events.ts';

const event = (type: Parameters<typeof taskEvent>[0], more: object = {}) =>
  taskEvent(type, 'a', 1, more) as TaskMachineEvent;
const child = { kind: 'workflow', child: attemptIdOf(7), workflow: 'child' };

const events: Record<string, TaskMachineEvent> = {
  NeedMet: { type: 'NeedMet' },
  NeedDead: { type: 'NeedDead' },
  NeedFailed: { type: 'NeedFailed' },
  StopAsked: { type: 'StopAsked' },
  PassedOver: { type: 'PassedOver' },
  Cleared: { type: 'Cleared', needCount: 1, isChosen: true },
  TaskDelayed: event('TaskDelayed'),
  TaskDelayOver: event('TaskDelayOver'),
  TaskQueued: event('TaskQueued'),
  TaskQueueTimedOut: event('TaskQueueTimedOut'),
  'TaskQueueTimedOut+warn': event('TaskQueueTimedOut', { action: 'warn' }),
  TaskTimedOut: event('TaskTimedOut'),
  TaskTimeoutWarned: event('TaskTimeoutWarned'),
  TaskBranchChosen: event('TaskBranchChosen'),
  TaskUnstartable: event('TaskUnstartable'),
  TaskDryRun: event('TaskDryRun'),
  TaskCacheHit: event('TaskCacheHit'),
  TaskAwaits: event('TaskAwaits'),
  'TaskAwaits+due': event('TaskAwaits', { dueAt: now + 500 }),
  'TaskAwaits+child': event('TaskAwaits', { awaits: child }),
  TaskConcluded: event('TaskConcluded'),
  'TaskConcluded+failed': event('TaskConcluded', { result: 'failed', fault }),
  'TaskConcluded+retry': event('TaskConcluded', { result: 'failed', fault, ...willRetry }),
  'TaskConcluded+stopped': event('TaskConcluded', { result: 'stopped' }),
  TaskExpanded: event('TaskExpanded'),
  'TaskExpanded+none': event('TaskExpanded', { itemCount: 0, over: [{ name: 'x', values: [] }] }),
  'TaskExpanded+due': event('TaskExpanded', { dueAt: now + 500 }),
  'TaskExpanded+kept': event('TaskExpanded', { over: undefined }),
  TaskCollected: event('TaskCollected'),
  'TaskCollected+failed': event('TaskCollected', { result: 'failed', fault }),
  'TaskCollected+stopped': event('TaskCollected', { result: 'stopped' }),
  TaskStopRequested: event('TaskStopRequested'),
  TaskSkipped: event('TaskSkipped'),
  TaskForced: event('TaskForced'),
};
/** On the way to a state only. */
const others: Record<string, TaskMachineEvent> = Object.fromEntries(
  (['TaskAssigned', 'TaskAccepted', 'TaskStarted', 'TaskSucceeded', 'TaskFailed', 'TaskWorkerAbsent'] as const).map(
    (type) => [type, event(type)],
  ),
);
others['TaskFailed+retry'] = event('TaskFailed', willRetry);
others['Cleared+kept'] = { type: 'Cleared', needCount: 1, isChosen: true, keepsItems: true };

const running = ['NeedMet', 'TaskAssigned', 'TaskStarted'];
/** How each state is reached. */
const paths: Record<string, string[]> = {
  waiting: [],
  'waiting, left out': ['PassedOver'],
  ready: ['NeedMet'],
  'ready, queued': ['NeedMet', 'TaskQueued'],
  delayed: ['NeedMet', 'TaskDelayed'],
  assigned: ['NeedMet', 'TaskAssigned'],
  accepted: ['NeedMet', 'TaskAssigned', 'TaskAccepted'],
  running,
  awaiting: ['NeedMet', 'TaskAwaits'],
  'awaiting, limited': ['NeedMet', 'TaskAwaits+due'],
  'awaiting a child': ['NeedMet', 'TaskAwaits+child'],
  expanded: ['NeedMet', 'TaskExpanded'],
  'expanded, limited': ['NeedMet', 'TaskExpanded+due'],
  'expanded, all ended': ['NeedMet', 'TaskExpanded+none'],
  'ready, with items': ['NeedMet', 'TaskExpanded+none', 'TaskCollected+failed', 'Cleared+kept', 'NeedMet'],
  'cancelling items': ['NeedMet', 'TaskExpanded', 'StopAsked'],
  'cancelling no items': ['NeedMet', 'TaskExpanded+none', 'TaskTimedOut'],
  absent: [...running, 'TaskWorkerAbsent'],
  cancelling: [...running, 'StopAsked'],
  'cancelling a child': ['NeedMet', 'TaskAwaits+child', 'StopAsked'],
  'cancelling a late child': ['NeedMet', 'TaskAwaits+child', 'TaskTimedOut'],
  backingOff: [...running, 'TaskFailed+retry'],
  succeeded: [...running, 'TaskSucceeded'],
  failed: [...running, 'TaskFailed'],
  stopped: ['StopAsked'],
  blocked: ['NeedFailed'],
  skipped: ['NeedDead'],
};

function reach(state: string): TaskState {
  return (paths[state] ?? []).reduce(
    (task, name) => foldTask(task, { ...events, ...others }[name] as TaskMachineEvent).state,
    waitingTask(nameOf('a'), 1),
  );
}

/** Every event that is taken: state, event, next status, effects. What does not stand here is refused. */
const taken = `
  waiting                 | NeedMet                | ready      | placeTask
  waiting                 | NeedDead               | skipped    |
  waiting                 | NeedFailed             | blocked    |
  waiting                 | StopAsked              | stopped    |
  waiting                 | PassedOver             | waiting    |
  waiting                 | Cleared                | waiting    |
  waiting                 | TaskStopRequested      | stopped    |
  waiting                 | TaskSkipped            | skipped    |
  waiting, left out       | NeedMet                | skipped    |
  waiting, left out       | NeedDead               | skipped    |
  waiting, left out       | NeedFailed             | blocked    |
  waiting, left out       | StopAsked              | stopped    |
  waiting, left out       | PassedOver             | waiting    |
  waiting, left out       | Cleared                | waiting    |
  waiting, left out       | TaskStopRequested      | stopped    |
  waiting, left out       | TaskSkipped            | skipped    |
  ready                   | StopAsked              | stopped    | withdrawTask
  ready                   | Cleared                | waiting    | withdrawTask
  ready                   | TaskDelayed            | delayed    | armTimer
  ready                   | TaskQueued             | ready      | armTimer
  ready                   | TaskQueueTimedOut      | failed     | withdrawTask
  ready                   | TaskBranchChosen       | succeeded  |
  ready                   | TaskUnstartable        | failed     |
  ready                   | TaskDryRun             | succeeded  |
  ready                   | TaskCacheHit           | succeeded  | withdrawTask
  ready                   | TaskAwaits             | awaiting   | attend
  ready                   | TaskAwaits+due         | awaiting   | attend armTimer
  ready                   | TaskAwaits+child       | awaiting   | attend
  ready                   | TaskExpanded           | expanded   |
  ready                   | TaskExpanded+none      | expanded   |
  ready                   | TaskExpanded+due       | expanded   | armTimer
  ready                   | TaskStopRequested      | stopped    | withdrawTask
  ready                   | TaskSkipped            | skipped    | withdrawTask
  ready, queued           | StopAsked              | stopped    | withdrawTask
  ready, queued           | Cleared                | waiting    | withdrawTask
  ready, queued           | TaskDelayed            | delayed    | armTimer
  ready, queued           | TaskQueued             | ready      | armTimer
  ready, queued           | TaskQueueTimedOut      | failed     | withdrawTask
  ready, queued           | TaskQueueTimedOut+warn | ready      |
  ready, queued           | TaskBranchChosen       | succeeded  |
  ready, queued           | TaskUnstartable        | failed     |
  ready, queued           | TaskDryRun             | succeeded  |
  ready, queued           | TaskCacheHit           | succeeded  | withdrawTask
  ready, queued           | TaskAwaits             | awaiting   | attend
  ready, queued           | TaskAwaits+due         | awaiting   | attend armTimer
  ready, queued           | TaskAwaits+child       | awaiting   | attend
  ready, queued           | TaskExpanded           | expanded   |
  ready, queued           | TaskExpanded+none      | expanded   |
  ready, queued           | TaskExpanded+due       | expanded   | armTimer
  ready, queued           | TaskStopRequested      | stopped    | withdrawTask
  ready, queued           | TaskSkipped            | skipped    | withdrawTask
  delayed                 | StopAsked              | stopped    | disarmTimer
  delayed                 | Cleared                | waiting    | disarmTimer
  delayed                 | TaskDelayOver          | ready      | placeTask
  delayed                 | TaskStopRequested      | stopped    | disarmTimer
  delayed                 | TaskSkipped            | skipped    | disarmTimer
  assigned                | StopAsked              | cancelling | cancelAttempt
  assigned                | TaskStopRequested      | cancelling | cancelAttempt
  accepted                | StopAsked              | cancelling | cancelAttempt
  accepted                | TaskStopRequested      | cancelling | cancelAttempt
  running                 | StopAsked              | cancelling | cancelAttempt
  running                 | TaskTimedOut           | cancelling | cancelAttempt
  running                 | TaskTimeoutWarned      | running    |
  running                 | TaskStopRequested      | cancelling | cancelAttempt
  awaiting                | StopAsked              | stopped    | leave disarmTimer
  awaiting                | TaskTimedOut           | cancelling | leave
  awaiting                | TaskTimeoutWarned      | awaiting   |
  awaiting                | TaskConcluded          | succeeded  | disarmTimer
  awaiting                | TaskConcluded+failed   | failed     | disarmTimer
  awaiting                | TaskConcluded+retry    | backingOff | disarmTimer armTimer
  awaiting                | TaskConcluded+stopped  | stopped    | disarmTimer
  awaiting                | TaskStopRequested      | stopped    | leave disarmTimer
  awaiting, limited       | StopAsked              | stopped    | leave disarmTimer
  awaiting, limited       | TaskTimedOut           | cancelling | leave
  awaiting, limited       | TaskTimeoutWarned      | awaiting   |
  awaiting, limited       | TaskConcluded          | succeeded  | disarmTimer
  awaiting, limited       | TaskConcluded+failed   | failed     | disarmTimer
  awaiting, limited       | TaskConcluded+retry    | backingOff | disarmTimer armTimer
  awaiting, limited       | TaskConcluded+stopped  | stopped    | disarmTimer
  awaiting, limited       | TaskStopRequested      | stopped    | leave disarmTimer
  awaiting a child        | StopAsked              | cancelling | leave
  awaiting a child        | TaskTimedOut           | cancelling | leave
  awaiting a child        | TaskTimeoutWarned      | awaiting   |
  awaiting a child        | TaskConcluded          | succeeded  | disarmTimer
  awaiting a child        | TaskConcluded+failed   | failed     | disarmTimer
  awaiting a child        | TaskConcluded+retry    | backingOff | disarmTimer armTimer
  awaiting a child        | TaskConcluded+stopped  | stopped    | disarmTimer
  awaiting a child        | TaskStopRequested      | cancelling | leave
  ready, with items       | StopAsked              | stopped    | withdrawTask
  ready, with items       | Cleared                | waiting    | withdrawTask
  ready, with items       | TaskDelayed            | delayed    | armTimer
  ready, with items       | TaskQueued             | ready      | armTimer
  ready, with items       | TaskQueueTimedOut      | failed     | withdrawTask
  ready, with items       | TaskBranchChosen       | succeeded  |
  ready, with items       | TaskUnstartable        | failed     |
  ready, with items       | TaskCacheHit           | succeeded  | withdrawTask
  ready, with items       | TaskDryRun             | succeeded  |
  ready, with items       | TaskAwaits             | awaiting   | attend
  ready, with items       | TaskAwaits+due         | awaiting   | attend armTimer
  ready, with items       | TaskAwaits+child       | awaiting   | attend
  ready, with items       | TaskExpanded           | expanded   |
  ready, with items       | TaskExpanded+none      | expanded   |
  ready, with items       | TaskExpanded+due       | expanded   | armTimer
  ready, with items       | TaskExpanded+kept      | expanded   |
  ready, with items       | TaskStopRequested      | stopped    | withdrawTask
  ready, with items       | TaskSkipped            | skipped    | withdrawTask
  expanded                | StopAsked              | cancelling |
  expanded                | TaskTimedOut           | cancelling |
  expanded                | TaskTimeoutWarned      | expanded   |
  expanded                | TaskStopRequested      | cancelling |
  expanded, limited       | StopAsked              | cancelling |
  expanded, limited       | TaskTimedOut           | cancelling |
  expanded, limited       | TaskTimeoutWarned      | expanded   |
  expanded, limited       | TaskStopRequested      | cancelling |
  expanded, all ended     | StopAsked              | cancelling |
  expanded, all ended     | TaskTimedOut           | cancelling |
  expanded, all ended     | TaskTimeoutWarned      | expanded   |
  expanded, all ended     | TaskCollected          | succeeded  | disarmTimer
  expanded, all ended     | TaskCollected+failed   | failed     | disarmTimer
  expanded, all ended     | TaskCollected+stopped  | stopped    | disarmTimer
  expanded, all ended     | TaskStopRequested      | cancelling |
  cancelling items        | StopAsked              | cancelling |
  cancelling items        | TaskStopRequested      | cancelling |
  cancelling no items     | StopAsked              | cancelling |
  cancelling no items     | TaskCollected          | succeeded  | disarmTimer
  cancelling no items     | TaskCollected+failed   | failed     | disarmTimer
  cancelling no items     | TaskCollected+stopped  | stopped    | disarmTimer
  cancelling no items     | TaskStopRequested      | cancelling |
  absent                  | StopAsked              | cancelling | disarmTimer cancelAttempt
  absent                  | TaskStopRequested      | cancelling | disarmTimer cancelAttempt
  cancelling              | StopAsked              | cancelling |
  cancelling              | TaskStopRequested      | cancelling |
  cancelling a child      | StopAsked              | cancelling |
  cancelling a child      | TaskConcluded          | succeeded  | disarmTimer
  cancelling a child      | TaskConcluded+failed   | failed     | disarmTimer
  cancelling a child      | TaskConcluded+stopped  | stopped    | disarmTimer
  cancelling a child      | TaskStopRequested      | cancelling |
  cancelling a late child | StopAsked              | cancelling |
  cancelling a late child | TaskConcluded          | succeeded  | disarmTimer
  cancelling a late child | TaskConcluded+failed   | failed     | disarmTimer
  cancelling a late child | TaskConcluded+retry    | backingOff | disarmTimer armTimer
  cancelling a late child | TaskConcluded+stopped  | stopped    | disarmTimer
  cancelling a late child | TaskStopRequested      | cancelling |
  backingOff              | StopAsked              | stopped    | disarmTimer
  backingOff              | Cleared                | waiting    | disarmTimer
  backingOff              | TaskStopRequested      | stopped    | disarmTimer
  backingOff              | TaskSkipped            | skipped    | disarmTimer
  succeeded               | Cleared                | waiting    |
  failed                  | Cleared                | waiting    |
  failed                  | TaskSkipped            | skipped    |
  failed                  | TaskForced             | succeeded  |
  stopped                 | Cleared                | waiting    |
  stopped                 | TaskSkipped            | skipped    |
  stopped                 | TaskForced             | succeeded  |
  blocked                 | Cleared                | waiting    |
  blocked                 | TaskSkipped            | skipped    |
  blocked                 | TaskForced             | succeeded  |
  skipped                 | Cleared                | waiting    |
  skipped                 | TaskForced             | succeeded  |
`;

type Cell = { status: string; effects: string };

const table = new Map<string, Cell>(
  taken
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([state, name, status = '', effects = '']) => [`${state} ${name}`, { status, effects }]),
);

describe('the task machine', () => {
  it('has a row for every status, and reaches each of them', () => {
    expect(new Set(Object.keys(paths).map((state) => reach(state).status))).toEqual(new Set(taskStatuses));
  });

  for (const state of Object.keys(paths)) {
    for (const [name, candidate] of Object.entries(events)) {
      const cell = table.get(`${state} ${name}`);
      it(`${state}: ${name} ${cell === undefined ? 'is refused' : `leads to ${cell.status}`}`, () => {
        const before = reach(state);
        const folded = foldTask(before, candidate);
        expect(canTaskTake(before, candidate)).toBe(cell !== undefined);
        if (cell === undefined) expect(folded).toEqual({ state: before, effects: [] });
        else {
          expect(folded.state.status).toBe(cell.status);
          expect(folded.effects.map(({ type }) => type).join(' ')).toBe(cell.effects);
        }
      });
    }
  }

  it.each(Object.keys(paths))(
    '%s: an isolation is counted and a priority remembered, whatever the task does',
    (state) => {
      const before = reach(state);
      const isolated = foldTask(foldTask(before, { type: 'Isolated' }).state, {
        type: 'Prioritised',
        priority: 'high',
      });
      expect(isolated.state.context).toMatchObject({ isolations: 1, priority: 'high' });
      const rejoined = foldTask(isolated.state, { type: 'Rejoined' });
      expect(rejoined.state).toMatchObject({ status: before.status, context: { isolations: 0 } });
      expect(rejoined.effects.map(({ type }) => type)).toEqual(before.status === 'ready' ? ['placeTask'] : []);
    },
  );
});

describe('what a new owner has to do', () => {
  const pending: Record<string, string> = {
    ready: 'placeTask',
    'ready, queued': 'placeTask armTimer',
    delayed: 'armTimer',
    assigned: 'offerAttempt',
    awaiting: 'attend',
    'awaiting, limited': 'attend armTimer',
    'awaiting a child': 'attend',
    cancelling: 'cancelAttempt',
    'cancelling a child': 'leave',
    'cancelling a late child': 'leave',
    'ready, with items': 'placeTask',
    'expanded, limited': 'armTimer',
    'expanded, all ended': 'collectItems',
    'cancelling no items': 'collectItems',
    backingOff: 'armTimer',
  };

  it.each(Object.keys(paths))('%s: is pending', (state) => {
    const owed = pendingTaskEffects(nameOf('a'), reach(state)).map(({ type }) => type);
    expect(owed.join(' ')).toBe(pending[state] ?? '');
  });
});

describe('a cleared task', () => {
  const cleared = foldTask(reach('failed'), { type: 'Cleared', needCount: 2, isChosen: true }).state;

  it('forgets how it ended, and counts its attempts on', () => {
    expect(cleared.context).toMatchObject({ unmetNeeds: 2, round: 1, attempt: 1, failures: 0, fault: null });
    expect(cleared.context.last?.attemptId).toBe(attemptIdOf(1));
  });

  it('is in a new round only if it was chosen itself', () => {
    const followed = foldTask(reach('blocked'), { type: 'Cleared', needCount: 1, isChosen: false }).state;
    expect(followed.context.round).toBe(0);
  });

  it('runs even if the run was started without it, but not if it is disabled', () => {
    const leftOut = foldTask(reach('waiting, left out'), { type: 'Cleared', needCount: 1, isChosen: true }).state;
    expect(foldTask(leftOut, { type: 'NeedMet' }).state.status).toBe('ready');
    const disabled = waitingTask(nameOf('a'), 1, false);
    const again = foldTask(disabled, { type: 'Cleared', needCount: 1, isChosen: true }).state;
    expect(foldTask(again, { type: 'NeedMet' }).state.status).toBe('skipped');
  });
});
