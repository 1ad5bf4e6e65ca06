import { describe, expect, it } from 'vitest';
import { BrokenJournal } from '../../actors/kit/decider.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given } from '../kit/given.ts';
import {
  assign,
  conclude,
  lose,
  ownershipTaken,
  report,
  requestStop,
  resolveLost,
  runEvent,
  submit,
  submitted,
  takeOwnership,
  taskEvent,
  willRetry,
} from './run-events.ts';

/** One task for each state that a task event needs. */
const names = ['ready', 'assigned', 'running', 'backingOff', 'absent'];
const many = (failurePolicy: 'continue' | 'end') =>
  workflowOf(
    names.map((name) => taskOf(name, [], { retry: { attempts: 2 } })),
    { failurePolicy },
  );
const begin = (failurePolicy: 'continue' | 'end') =>
  given(many(failurePolicy), submitted, ownershipTaken(1)).and(
    assign('assigned', 2),
    assign('running', 3),
    report('started', 'running', 3),
    assign('backingOff', 4),
    report('failed', 'backingOff', 4),
    assign('absent', 5),
    taskEvent('TaskWorkerAbsent', 'absent', 5),
  );
const one = given(workflowOf([taskOf('a')]), submitted, ownershipTaken(1)).and(assign('a'));
const oneOfPolicyEnd = given(workflowOf([taskOf('a')], { failurePolicy: 'end' }), submitted, ownershipTaken(1));
const completed = one.and(report('succeeded', 'a'));

const states: Record<string, Given> = {
  submitted: given(many('continue')),
  active: begin('continue'),
  'active with policy end': begin('end'),
  'active, all succeeded': completed,
  'active, one failed': one.and(report('failed', 'a')),
  stopping: begin('continue').and(requestStop),
  'stopping, one stopped': one.and(requestStop, report('cancelled', 'a')),
  'stopping, too late': one.and(requestStop, report('succeeded', 'a')),
  'stopping, all failed': one.and(requestStop, report('failed', 'a')),
  ending: begin('end').and(taskEvent('TaskFailed', 'assigned', 2)),
  'ending, all ended': oneOfPolicyEnd.and(assign('a'), report('failed', 'a')),
  succeeded: completed.and(conclude),
  failed: one.and(report('failed', 'a'), conclude),
  stopped: one.and(requestStop, report('cancelled', 'a'), conclude),
};

const events: Record<string, WorkflowInstanceEvent> = {
  WorkflowSubmitted: runEvent('WorkflowSubmitted'),
  OwnershipTaken: ownershipTaken(2),
  'OwnershipTaken, same epoch': ownershipTaken(1),
  'OwnershipTaken, epoch left out': ownershipTaken(3),
  TaskHeld: taskEvent('TaskHeld', 'ready'),
  TaskAssigned: taskEvent('TaskAssigned', 'ready', 1),
  TaskRejected: taskEvent('TaskRejected', 'assigned', 2),
  TaskAccepted: taskEvent('TaskAccepted', 'assigned', 2),
  TaskStarted: taskEvent('TaskStarted', 'assigned', 2),
  TaskSucceeded: taskEvent('TaskSucceeded', 'running', 3),
  TaskFailed: taskEvent('TaskFailed', 'running', 3),
  'TaskFailed, retried': taskEvent('TaskFailed', 'running', 3, willRetry),
  TaskTimedOut: taskEvent('TaskTimedOut', 'running', 3),
  TaskLost: taskEvent('TaskLost', 'running', 3),
  'TaskLost, given up': taskEvent('TaskLost', 'running', 3, { givenUp: true }),
  TaskWorkerAbsent: taskEvent('TaskWorkerAbsent', 'running', 3),
  TaskWorkerReturned: taskEvent('TaskWorkerReturned', 'absent', 5),
  TaskRetryDue: taskEvent('TaskRetryDue', 'backingOff'),
  TaskStopped: taskEvent('TaskStopped', 'running', 3),
  'event of an unknown task': taskEvent('TaskHeld', 'nowhere'),
  WorkflowStopRequested: runEvent('WorkflowStopRequested'),
  WorkflowSucceeded: runEvent('WorkflowSucceeded'),
  WorkflowFailed: runEvent('WorkflowFailed'),
  WorkflowStopped: runEvent('WorkflowStopped'),
};

const activeTaken = {
  OwnershipTaken: 'active',
  TaskHeld: 'active',
  TaskAssigned: 'active',
  TaskRejected: 'active',
  TaskAccepted: 'active',
  TaskStarted: 'active',
  TaskSucceeded: 'active',
  TaskFailed: 'active',
  'TaskFailed, retried': 'active',
  TaskTimedOut: 'active',
  TaskLost: 'active',
  'TaskLost, given up': 'active',
  TaskWorkerAbsent: 'active',
  TaskWorkerReturned: 'active',
  TaskRetryDue: 'active',
  WorkflowStopRequested: 'stopping',
};
const owned = (status: string) => ({ OwnershipTaken: status });
/** In a run that is ended from above, attempts only come to their end. */
const cancelled = (status: string, taskEvents: string[]) => ({
  ...owned(status),
  ...Object.fromEntries(taskEvents.map((name) => [name, status])),
});
const endings = ['TaskSucceeded', 'TaskFailed', 'TaskLost', 'TaskLost, given up', 'TaskStopped'];

/** State, event, status after it. What does not stand here breaks the journal. */
const taken: Record<string, Record<string, string>> = {
  submitted: { WorkflowSubmitted: 'active' },
  active: activeTaken,
  'active with policy end': { ...activeTaken, TaskFailed: 'ending', 'TaskLost, given up': 'ending' },
  'active, all succeeded': {
    ...owned('active'),
    WorkflowStopRequested: 'stopping',
    WorkflowSucceeded: 'succeeded',
  },
  'active, one failed': { ...owned('active'), WorkflowStopRequested: 'stopping', WorkflowFailed: 'failed' },
  stopping: cancelled('stopping', [...endings, 'TaskRejected']),
  'stopping, one stopped': { ...owned('stopping'), WorkflowStopped: 'stopped' },
  'stopping, too late': { ...owned('stopping'), WorkflowSucceeded: 'succeeded' },
  'stopping, all failed': { ...owned('stopping'), WorkflowFailed: 'failed' },
  ending: cancelled('ending', endings),
  'ending, all ended': { ...owned('ending'), WorkflowFailed: 'failed' },
  // A run that is to be opened again has an owner first.
  succeeded: owned('succeeded'),
  failed: owned('failed'),
  stopped: owned('stopped'),
};

describe('the run machine', () => {
  for (const [state, before] of Object.entries(states)) {
    for (const [name, event] of Object.entries(events)) {
      const after = taken[state]?.[name];
      it(`${state}: ${name} ${after === undefined ? 'breaks the journal' : `leads to ${after}`}`, () => {
        if (after === undefined) expect(() => before.actor.fold(before.snapshot, event)).toThrow(BrokenJournal);
        else expect(before.and(event).snapshot.value).toBe(after);
        expect(before.snapshot.can(event)).toBe(after !== undefined);
      });
    }
  }
});

const commands: Record<string, WorkflowInstanceCommand> = {
  submit,
  take: takeOwnership(2),
  assign: assign('ready', 1),
  stop: requestStop,
  conclude,
  lose: lose('running', 3),
  resolve: resolveLost('absent', 'retry'),
  report: report('succeeded', 'running', 3),
};

/** Per state the event that each command leads to; `-` is nothing, `!` is refused. */
const table = `
                          submit            take           assign       stop                  conclude          lose     resolve  report
  submitted             | WorkflowSubmitted !              !            !                     !                 -        !        -
  active                | !                 OwnershipTaken TaskAssigned WorkflowStopRequested !                 TaskLost TaskLost TaskSucceeded
  active, all succeeded | !                 OwnershipTaken ?            WorkflowStopRequested WorkflowSucceeded ?        ?        ?
  active, one failed    | !                 OwnershipTaken ?            WorkflowStopRequested WorkflowFailed    ?        ?        ?
  stopping              | !                 OwnershipTaken !            -                     !                 TaskLost !        TaskSucceeded
  stopping, one stopped | !                 OwnershipTaken ?            -                     WorkflowStopped   ?        ?        ?
  stopping, too late    | !                 OwnershipTaken ?            -                     WorkflowSucceeded ?        ?        ?
  stopping, all failed  | !                 OwnershipTaken ?            -                     WorkflowFailed    ?        ?        ?
  ending                | !                 OwnershipTaken !            -                     !                 TaskLost !        TaskSucceeded
  ending, all ended     | !                 OwnershipTaken ?            -                     WorkflowFailed    ?        ?        ?
  succeeded             | !                 OwnershipTaken ?            !                     !                 ?        ?        ?
  failed                | !                 OwnershipTaken ?            !                     !                 ?        ?        ?
  stopped               | !                 OwnershipTaken ?            -                     !                 ?        ?        ?
`;

const [header = '', ...rows] = table.trim().split('\n');
const columns = header.trim().split(/\s+/);

describe('commands to a run', () => {
  for (const row of rows) {
    const [state = '', cells = ''] = row.split('|').map((part) => part.trim());
    for (const [index, cell] of cells.split(/\s+/).entries()) {
      const name = columns[index] ?? '';
      // A question mark stands where the state has no such task.
      if (cell === '?') continue;
      it(`${state}: ${name} leads to ${cell}`, () => {
        const asked = (states[state] as Given).when(commands[name] as WorkflowInstanceCommand);
        if (cell === '-') asked.thenNothing();
        else if (cell === '!') asked.thenRejected('COMMAND_NOT_ALLOWED');
        else asked.thenTypes(cell as 'TaskHeld');
      });
    }
  }

  it.each(['succeeded', 'failed', 'stopped'])('%s: a late report, loss or timer changes nothing', (state) => {
    const ended = states[state] as Given;
    for (const kind of ['started', 'succeeded', 'failed', 'cancelled'] as const)
      ended.when(report(kind, 'a')).thenNothing();
    ended.when(lose('a')).thenNothing();
  });
});
