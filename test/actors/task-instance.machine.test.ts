import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { pendingTaskEffects } from '../../actors/task-instance/task-instance.effects.ts';
import { canTaskTake, foldTask } from '../../actors/task-instance/task-instance.fold.ts';
import { taskInstanceMachine } from '../../actors/task-instance/task-instance.machine.ts';
import {
  type TaskMachineEvent,
  type TaskState,
  type TaskStatus,
  taskStatuses,
  timerIds,
  waitingTask,
} from '../../actors/task-instance/task-instance.state.ts';
import {
  attemptIdOf,
  fault,
  holdReason,
  lossReason,
  nameOf,
  now,
  taskEvent,
  willRetry,
  worker,
  workerIncarnation,
} from './run-events.ts';

const event = (type: Parameters<typeof taskEvent>[0], attempt = 1, more: object = {}) =>
  taskEvent(type, 'a', attempt, more) as TaskMachineEvent;

const eventsOf = (attempt: number): Record<string, TaskMachineEvent> => ({
  NeedMet: { type: 'NeedMet' },
  NeedFailed: { type: 'NeedFailed' },
  StopAsked: { type: 'StopAsked' },
  TaskHeld: event('TaskHeld'),
  TaskAssigned: event('TaskAssigned', attempt),
  TaskRejected: event('TaskRejected', attempt),
  TaskAccepted: event('TaskAccepted', attempt),
  TaskStarted: event('TaskStarted', attempt),
  'TaskStarted+timeout': event('TaskStarted', attempt, { timeoutAt: now + 500 }),
  TaskSucceeded: event('TaskSucceeded', attempt),
  TaskFailed: event('TaskFailed', attempt),
  'TaskFailed+retry': event('TaskFailed', attempt, willRetry),
  TaskTimedOut: event('TaskTimedOut', attempt),
  TaskLost: event('TaskLost', attempt),
  'TaskLost+givenUp': event('TaskLost', attempt, { givenUp: true }),
  TaskWorkerAbsent: event('TaskWorkerAbsent', attempt),
  'TaskWorkerAbsent+due': event('TaskWorkerAbsent', attempt, { dueAt: now + 300 }),
  TaskWorkerReturned: event('TaskWorkerReturned', attempt),
  TaskRetryDue: event('TaskRetryDue'),
  TaskStopped: event('TaskStopped', attempt),
});
const events = eventsOf(1);

/** How each state is reached. */
const paths: Record<string, string[]> = {
  waiting: [],
  'waiting for two': [],
  ready: ['NeedMet'],
  assigned: ['NeedMet', 'TaskAssigned'],
  accepted: ['NeedMet', 'TaskAssigned', 'TaskAccepted'],
  running: ['NeedMet', 'TaskAssigned', 'TaskAccepted', 'TaskStarted+timeout'],
  'absent unstarted': ['NeedMet', 'TaskAssigned', 'TaskWorkerAbsent'],
  'absent started': ['NeedMet', 'TaskAssigned', 'TaskStarted', 'TaskWorkerAbsent'],
  'absent, limited': ['NeedMet', 'TaskAssigned', 'TaskStarted+timeout', 'TaskWorkerAbsent+due'],
  'absent on timeout': ['NeedMet', 'TaskAssigned', 'TaskStarted+timeout', 'TaskTimedOut', 'TaskWorkerAbsent'],
  'cancelling unstarted': ['NeedMet', 'TaskAssigned', 'StopAsked'],
  'cancelling to stop': ['NeedMet', 'TaskAssigned', 'TaskStarted', 'StopAsked'],
  'cancelling on timeout': ['NeedMet', 'TaskAssigned', 'TaskStarted+timeout', 'TaskTimedOut'],
  backingOff: ['NeedMet', 'TaskAssigned', 'TaskFailed+retry'],
  succeeded: ['NeedMet', 'TaskAssigned', 'TaskSucceeded'],
  failed: ['NeedMet', 'TaskAssigned', 'TaskFailed'],
  stopped: ['StopAsked'],
  blocked: ['NeedFailed'],
};

function reach(state: string): TaskState {
  const start = waitingTask(nameOf('a'), state === 'waiting for two' ? 2 : 1);
  return (paths[state] ?? []).reduce((task, name) => foldTask(task, events[name] as TaskMachineEvent).state, start);
}

const ends = 'disarmTimer releaseSlot';
/** Every event that is taken: state, event, next status, effects. What does not stand here is refused. */
const taken = `
  waiting               | NeedMet             | ready      | placeTask
  waiting               | NeedFailed          | blocked    |
  waiting               | StopAsked           | stopped    |
  waiting for two       | NeedMet             | waiting    |
  waiting for two       | NeedFailed          | blocked    |
  waiting for two       | StopAsked           | stopped    |
  ready                 | TaskHeld            | ready      |
  ready                 | TaskAssigned        | assigned   | offerAttempt
  ready                 | StopAsked           | stopped    | withdrawTask
  assigned              | TaskAccepted        | accepted   |
  assigned              | TaskRejected        | ready      | revokeAttempt ${ends} placeTask
  assigned              | TaskStarted         | running    |
  assigned              | TaskStarted+timeout | running    | armTimer
  assigned              | TaskSucceeded       | succeeded  | ${ends}
  assigned              | TaskFailed          | failed     | ${ends}
  assigned              | TaskFailed+retry    | backingOff | ${ends} armTimer
  assigned              | TaskLost            | ready      | revokeAttempt ${ends} placeTask
  assigned              | TaskLost+givenUp    | failed     | revokeAttempt ${ends}
  assigned              | TaskWorkerAbsent     | absent     | disarmTimer
  assigned              | TaskWorkerAbsent+due | absent     | disarmTimer armTimer
  assigned              | StopAsked           | cancelling | cancelAttempt
  accepted              | TaskStarted         | running    |
  accepted              | TaskStarted+timeout | running    | armTimer
  accepted              | TaskSucceeded       | succeeded  | ${ends}
  accepted              | TaskFailed          | failed     | ${ends}
  accepted              | TaskFailed+retry    | backingOff | ${ends} armTimer
  accepted              | TaskLost            | ready      | revokeAttempt ${ends} placeTask
  accepted              | TaskLost+givenUp    | failed     | revokeAttempt ${ends}
  accepted              | TaskWorkerAbsent     | absent     | disarmTimer
  accepted              | TaskWorkerAbsent+due | absent     | disarmTimer armTimer
  accepted              | StopAsked           | cancelling | cancelAttempt
  running               | TaskSucceeded       | succeeded  | ${ends}
  running               | TaskFailed          | failed     | ${ends}
  running               | TaskFailed+retry    | backingOff | ${ends} armTimer
  running               | TaskTimedOut        | cancelling | cancelAttempt
  running               | TaskLost            | ready      | revokeAttempt ${ends} placeTask
  running               | TaskLost+givenUp    | failed     | revokeAttempt ${ends}
  running               | TaskWorkerAbsent     | absent     | disarmTimer
  running               | TaskWorkerAbsent+due | absent     | disarmTimer armTimer
  running               | StopAsked           | cancelling | cancelAttempt
  absent unstarted      | TaskStarted          | running    | disarmTimer
  absent unstarted      | TaskStarted+timeout  | running    | disarmTimer armTimer
  absent unstarted      | TaskWorkerReturned   | accepted   | disarmTimer
  absent unstarted      | TaskSucceeded        | succeeded  | disarmTimer ${ends}
  absent unstarted      | TaskFailed           | failed     | disarmTimer ${ends}
  absent unstarted      | TaskFailed+retry     | backingOff | disarmTimer ${ends} armTimer
  absent unstarted      | TaskLost             | ready      | revokeAttempt disarmTimer ${ends} placeTask
  absent unstarted      | TaskLost+givenUp     | failed     | revokeAttempt disarmTimer ${ends}
  absent unstarted      | StopAsked            | cancelling | disarmTimer cancelAttempt
  absent started        | TaskWorkerReturned   | running    | disarmTimer
  absent started        | TaskSucceeded        | succeeded  | disarmTimer ${ends}
  absent started        | TaskFailed           | failed     | disarmTimer ${ends}
  absent started        | TaskFailed+retry     | backingOff | disarmTimer ${ends} armTimer
  absent started        | TaskLost             | ready      | revokeAttempt disarmTimer ${ends} placeTask
  absent started        | TaskLost+givenUp     | failed     | revokeAttempt disarmTimer ${ends}
  absent started        | StopAsked            | cancelling | disarmTimer cancelAttempt
  absent, limited       | TaskWorkerReturned   | running    | disarmTimer armTimer
  absent, limited       | TaskSucceeded        | succeeded  | disarmTimer ${ends}
  absent, limited       | TaskFailed           | failed     | disarmTimer ${ends}
  absent, limited       | TaskFailed+retry     | backingOff | disarmTimer ${ends} armTimer
  absent, limited       | TaskLost             | ready      | revokeAttempt disarmTimer ${ends} placeTask
  absent, limited       | TaskLost+givenUp     | failed     | revokeAttempt disarmTimer ${ends}
  absent, limited       | StopAsked            | cancelling | disarmTimer cancelAttempt
  absent on timeout     | TaskWorkerReturned   | cancelling | disarmTimer cancelAttempt
  absent on timeout     | TaskSucceeded        | succeeded  | disarmTimer ${ends}
  absent on timeout     | TaskFailed           | failed     | disarmTimer ${ends}
  absent on timeout     | TaskFailed+retry     | backingOff | disarmTimer ${ends} armTimer
  absent on timeout     | TaskLost             | ready      | revokeAttempt disarmTimer ${ends} placeTask
  absent on timeout     | TaskLost+givenUp     | failed     | revokeAttempt disarmTimer ${ends}
  absent on timeout     | StopAsked            | cancelling | disarmTimer cancelAttempt
  cancelling unstarted  | StopAsked           | cancelling |
  cancelling unstarted  | TaskRejected        | stopped    | ${ends}
  cancelling unstarted  | TaskSucceeded       | succeeded  | ${ends}
  cancelling unstarted  | TaskFailed          | failed     | ${ends}
  cancelling unstarted  | TaskLost            | stopped    | revokeAttempt ${ends}
  cancelling unstarted  | TaskLost+givenUp    | failed     | revokeAttempt ${ends}
  cancelling unstarted  | TaskStopped         | stopped    | ${ends}
  cancelling to stop    | StopAsked           | cancelling |
  cancelling to stop    | TaskSucceeded       | succeeded  | ${ends}
  cancelling to stop    | TaskFailed          | failed     | ${ends}
  cancelling to stop    | TaskLost            | stopped    | revokeAttempt ${ends}
  cancelling to stop    | TaskLost+givenUp    | failed     | revokeAttempt ${ends}
  cancelling to stop    | TaskStopped         | stopped    | ${ends}
  cancelling on timeout | TaskWorkerAbsent     | absent     | disarmTimer
  cancelling on timeout | TaskWorkerAbsent+due | absent     | disarmTimer armTimer
  cancelling on timeout | StopAsked           | cancelling |
  cancelling on timeout | TaskSucceeded       | succeeded  | ${ends}
  cancelling on timeout | TaskFailed          | failed     | ${ends}
  cancelling on timeout | TaskFailed+retry    | backingOff | ${ends} armTimer
  cancelling on timeout | TaskLost            | ready      | revokeAttempt ${ends} placeTask
  cancelling on timeout | TaskLost+givenUp    | failed     | revokeAttempt ${ends}
  backingOff            | TaskRetryDue        | ready      | placeTask
  backingOff            | StopAsked           | stopped    | disarmTimer
`;

type Cell = { status: TaskStatus; effects: string[] };

function readTable(text: string): Map<string, Cell> {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(
    rows.map(([state, name, status, effects]) => [
      `${state} ${name}`,
      { status: status as TaskStatus, effects: effects === '' ? [] : (effects ?? '').split(' ') },
    ]),
  );
}

const table = readTable(taken);

/** In `task-language.machine.test.ts`, with what else has to do with no attempt. */
const elsewhere: readonly TaskStatus[] = ['delayed', 'awaiting', 'expanded', 'skipped'];

describe('the task machine', () => {
  it('has a row for every status of an attempt, and reaches each of them', () => {
    const here = taskStatuses.filter((status) => !elsewhere.includes(status));
    expect(new Set(Object.keys(paths).map((state) => reach(state).status))).toEqual(new Set(here));
    for (const key of table.keys()) expect(Object.keys(paths).some((state) => key.startsWith(state))).toBe(true);
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
          expect(folded.effects.map(({ type }) => type)).toEqual(cell.effects);
        }
      });
    }
  }

  it.each(Object.keys(paths))('%s: every event is folded as XState’s own transition() does', (state) => {
    const before = reach(state);
    const snapshot = taskInstanceMachine.resolveState({ value: before.status, context: before.context });
    for (const [name, candidate] of Object.entries(events)) {
      const [next, actions] = transition(taskInstanceMachine, snapshot, candidate);
      const folded = foldTask(before, candidate);
      expect(folded.state, name).toEqual({ status: next.value, context: next.context });
      expect(folded.effects, name).toEqual(
        actions.map(({ type, params }) => ({ type, task: 'a', ...(params as object | undefined) })),
      );
    }
  });

  it.each(Object.keys(paths))('%s: no event of another attempt is taken (T1)', (state) => {
    const before = reach(state);
    for (const [name, candidate] of Object.entries(eventsOf(2))) {
      const isOfAttempt = 'data' in candidate && 'attemptId' in candidate.data && name !== 'TaskAssigned';
      if (isOfAttempt) expect(canTaskTake(before, candidate), name).toBe(false);
    }
  });

  it.each(Object.keys(paths))('%s: an attempt is held exactly while a worker may hold it (T2)', (state) => {
    const { status, context } = reach(state);
    const isHeld = ['assigned', 'accepted', 'running', 'absent', 'cancelling'].includes(status);
    expect(context.current !== null).toBe(isHeld);
  });
});

describe('effects of a task', () => {
  const place = { attemptId: attemptIdOf(1), worker, workerIncarnation };

  it('offer the attempt to the chosen worker', () => {
    const { effects } = foldTask(reach('ready'), event('TaskAssigned'));
    expect(effects).toEqual([{ type: 'offerAttempt', task: 'a', ...place }]);
  });

  it('arm the timeout at the time in the event and disarm the same timer at the end', () => {
    const { state, effects } = foldTask(reach('accepted'), event('TaskStarted', 1, { timeoutAt: now + 500 }));
    const timerId = timerIds.timeout(attemptIdOf(1));
    expect(effects).toEqual([{ type: 'armTimer', timerId, task: 'a', dueAt: now + 500 }]);
    expect(foldTask(state, event('TaskSucceeded')).effects).toEqual([
      { type: 'disarmTimer', task: 'a', timerId },
      { type: 'releaseSlot', task: 'a', ...place },
    ]);
  });

  it('arm the retry at the time in the event, under a name of its own for each failure', () => {
    const { effects } = foldTask(reach('running'), event('TaskFailed', 1, willRetry));
    const timerId = timerIds.retry(nameOf('a'), 1);
    expect(effects.at(-1)).toEqual({ type: 'armTimer', timerId, task: 'a', dueAt: willRetry.retry.dueAt });
  });

  it('cancel with the reason', () => {
    const { effects } = foldTask(reach('running'), event('TaskTimedOut'));
    expect(effects).toEqual([{ type: 'cancelAttempt', task: 'a', reason: 'timeout', ...place }]);
  });

  const pending: Record<string, string> = {
    ready: 'placeTask',
    assigned: 'offerAttempt',
    running: 'armTimer',
    'absent, limited': 'armTimer',
    'cancelling unstarted': 'cancelAttempt',
    'cancelling to stop': 'cancelAttempt',
    'cancelling on timeout': 'cancelAttempt',
    backingOff: 'armTimer',
  };

  it.each(Object.keys(paths))('%s: what a new owner has to do is pending', (state) => {
    const owed = pendingTaskEffects(nameOf('a'), reach(state)).map(({ type }) => type);
    expect(owed.join(' ')).toBe(pending[state] ?? '');
  });

  it.each(Object.keys(paths))('%s: what is pending was asked for on the way here', (state) => {
    const asked = (paths[state] ?? []).reduce(
      ({ task, effects }, name) => {
        const folded = foldTask(task, events[name] as TaskMachineEvent);
        return { task: folded.state, effects: [...effects, ...folded.effects] };
      },
      { task: waitingTask(nameOf('a'), state === 'waiting for two' ? 2 : 1), effects: [] as unknown[] },
    );
    for (const effect of pendingTaskEffects(nameOf('a'), asked.task)) expect(asked.effects).toContainEqual(effect);
  });
});

describe('an absent worker', () => {
  const timerId = timerIds.workerReturn(attemptIdOf(1), now);

  it('has a timer of its own for each absence, disarmed by a return, a report, a loss and a stop', () => {
    const { state, effects } = foldTask(reach('running'), event('TaskWorkerAbsent', 1, { dueAt: now + 300 }));
    expect(effects.at(-1)).toEqual({ type: 'armTimer', timerId, task: 'a', dueAt: now + 300 });
    for (const end of [event('TaskWorkerReturned'), event('TaskSucceeded'), event('TaskLost'), events.StopAsked]) {
      const disarmed = foldTask(state, end as TaskMachineEvent).effects;
      expect(disarmed).toContainEqual({ type: 'disarmTimer', task: 'a', timerId });
    }
  });

  it('that returns takes up the timeout where it was', () => {
    const { state, effects } = foldTask(reach('absent, limited'), event('TaskWorkerReturned'));
    expect(state.context).toMatchObject({ absence: null, timeoutAt: now + 500 });
    const timeout = timerIds.timeout(attemptIdOf(1));
    expect(effects.at(-1)).toEqual({ type: 'armTimer', timerId: timeout, task: 'a', dueAt: now + 500 });
  });

  it('is remembered with the reason and the limit', () => {
    const absence = { since: now, dueAt: now + 300, reason: lossReason };
    expect(reach('absent, limited').context.absence).toEqual(absence);
    expect(reach('absent started').context.absence).toEqual({ ...absence, dueAt: null });
  });
});

describe('what a task remembers', () => {
  it('counts refusals that will not pass, until an attempt ends otherwise', () => {
    const refusal = { reason: { code: 'TASK_TYPE_UNKNOWN', message: 'no such type' } };
    const refused = foldTask(reach('assigned'), event('TaskRejected', 1, refusal)).state;
    const full = foldTask(foldTask(refused, event('TaskAssigned', 2)).state, event('TaskRejected', 2)).state;
    expect([refused.context.refusals, full.context.refusals]).toEqual([1, 1]);
    const lost = foldTask(foldTask(full, event('TaskAssigned', 3)).state, event('TaskLost', 3)).state;
    expect(lost.context.refusals).toBe(0);
  });

  it('counts losses anew after a person let it run again, and remembers that command', () => {
    const lost = foldTask(reach('running'), event('TaskLost')).state;
    const again = [event('TaskAssigned', 2), event('TaskWorkerAbsent', 2)].reduce(
      (task, next) => foldTask(task, next).state,
      lost,
    );
    const decidedBy = { key: 'k', by: 'ann' };
    const { context } = foldTask(again, event('TaskLost', 2, { decidedBy })).state;
    expect(context).toMatchObject({ losses: 0, resolvedBy: 'k', absence: null });
  });

  it('counts failures and losses apart, and forgets the attempt that ended', () => {
    const lost = foldTask(reach('running'), event('TaskLost')).state;
    expect(lost.context).toMatchObject({ attempt: 1, failures: 0, losses: 1, current: null, fault: lossReason });
    const again = foldTask(lost, event('TaskAssigned', 2)).state;
    const failed = foldTask(again, event('TaskFailed', 2, willRetry)).state;
    expect(failed.context).toMatchObject({ attempt: 2, failures: 1, losses: 1, current: null, fault });
  });

  it('remembers why it is held until it is assigned', () => {
    const held = foldTask(reach('ready'), event('TaskHeld')).state;
    expect(held.context.held).toEqual(holdReason);
    expect(foldTask(held, event('TaskAssigned')).state.context.held).toBeNull();
  });

  it('keeps the outputs of the attempt that succeeded', () => {
    const outputs = { rows: 3 };
    const { state } = foldTask(reach('running'), event('TaskSucceeded', 1, { outputs }));
    expect(state.context).toMatchObject({ outputs, fault: null, startedAt: now, finishedAt: now });
  });

  it('keeps nothing of an event that the schema does not know, in the order of the schema (I5)', () => {
    const messy = { message: 'm', extra: 1, code: 'C' };
    const failed = foldTask(reach('running'), event('TaskFailed', 1, { fault: messy })).state;
    const lost = foldTask(reach('running'), event('TaskLost', 1, { reason: messy })).state;
    const held = foldTask(reach('ready'), event('TaskHeld', 1, { reason: { group: 'g', ...messy } })).state;
    expect(JSON.stringify(failed.context.fault)).toBe('{"code":"C","message":"m"}');
    expect(JSON.stringify(lost.context.fault)).toBe('{"code":"C","message":"m"}');
    expect(JSON.stringify(held.context.held)).toBe('{"code":"C","message":"m","group":"g"}');
  });
});
