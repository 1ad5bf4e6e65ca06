import { describe, expect, it } from 'vitest';
import { finalRefusalsMax } from '../../actors/task-instance/final-refusals.ts';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { OnWorkerLost } from '../../schemas/definition/workflow.definition.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given } from '../kit/given.ts';
import {
  assign,
  attemptIdOf,
  fault,
  fireTimer,
  hold,
  lose,
  lossesMax,
  lossReason,
  nameOf,
  now,
  ownershipTaken,
  reject,
  report,
  reportKinds,
  requestStop,
  resolveLost,
  returnAttempt,
  submitted,
  taskEvent,
  willRetry,
} from './run-events.ts';

/** The task `a` under test; `b` keeps the run going and `c` waits for `a`. */
const definition = workflowOf([
  taskOf('a', [], { retry: { attempts: 2 }, timeoutMs: 500 }),
  taskOf('b'),
  taskOf('c', ['a']),
]);
const begun = given(definition, submitted, ownershipTaken(1));
const running = begun.and(assign('a'), report('started', 'a'));

const states: Record<string, Given> = {
  waiting: given(workflowOf([taskOf('z'), taskOf('a', ['z'])]), submitted, ownershipTaken(1)),
  ready: begun,
  assigned: begun.and(assign('a')),
  accepted: begun.and(assign('a'), report('accepted', 'a')),
  running,
  absent: running.and(taskEvent('TaskWorkerAbsent', 'a')),
  'absent on timeout': running.and(taskEvent('TaskTimedOut', 'a'), taskEvent('TaskWorkerAbsent', 'a')),
  'to stop': running.and(requestStop),
  'on timeout': running.and(taskEvent('TaskTimedOut', 'a')),
  backingOff: begun.and(assign('a'), report('failed', 'a')),
  succeeded: running.and(report('succeeded', 'a')),
  failed: begun.and(assign('a'), taskEvent('TaskFailed', 'a')),
  stopped: begun.and(assign('b', 9), requestStop),
  blocked: given(workflowOf([taskOf('z'), taskOf('a', ['z']), taskOf('b')]), submitted, ownershipTaken(1)).and(
    assign('z', 9),
    taskEvent('TaskFailed', 'z', 9),
  ),
};

const timeout = fireTimer('a', timerIds.timeout(attemptIdOf(1)));
const retry = fireTimer('a', timerIds.retry(nameOf('a'), 1));
const commands: Record<string, WorkflowInstanceCommand> = {
  assign: assign('a', 2),
  hold: hold('a'),
  reject: reject('a'),
  lose: lose('a'),
  return: returnAttempt('a'),
  resolve: resolveLost('a', 'retry'),
  timeout,
  retry,
  ...Object.fromEntries(reportKinds.map((kind) => [kind, report(kind, 'a')])),
};

/** Per state the event that each command leads to; `-` is nothing, `!` is refused. */
const table = `
                    assign hold reject   lose return   resolve timeout  retry    accepted started succeeded failed cancelled lost
  waiting           !      -    !        -    -        !       -        -        -        -       -         -      -         -
  ready             Assign Held !        -    -        !       -        -        -        -       -         -      -         -
  assigned          !      -    Rejected Lost -        !       -        -        Accepted Started Succeeded Failed Lost      Lost
  accepted          !      -    !        Lost -        !       -        -        -        Started Succeeded Failed Lost      Lost
  running           !      -    !        Lost -        !       TimedOut -        -        -       Succeeded Failed Lost      Lost
  absent            !      -    !        Lost Returned Lost    -        -        -        -       Succeeded Failed Lost      Lost
  absent_on_timeout !      -    !        Lost Returned Lost    -        -        -        -       Succeeded Failed Failed    Lost
  to_stop           !      -    !        Lost -        !       -        -        -        -       Succeeded Failed Stopped   Lost
  on_timeout        !      -    !        Lost -        !       -        -        -        -       Succeeded Failed Failed    Lost
  backingOff        !      -    !        -    -        !       -        RetryDue -        -       -         -      -         -
  succeeded         !      -    !        -    -        !       -        -        -        -       -         -      -         -
  failed            !      -    !        -    -        !       -        -        -        -       -         -      -         -
  stopped           !      -    !        -    -        !       -        -        -        -       -         -      -         -
  blocked           !      -    !        -    -        !       -        -        -        -       -         -      -         -
`;

const rows = table
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));
const columns = rows[0] ?? [];
const cells = rows
  .slice(1)
  .flatMap(([state = '', ...row]) =>
    row.map((cell, index) => ({ state: state.replaceAll('_', ' '), command: columns[index] ?? '', cell })),
  );

const typeOf = (cell: string) =>
  (({ Assign: 'TaskAssigned', Returned: 'TaskWorkerReturned' })[cell] ?? `Task${cell}`) as 'TaskHeld';

describe('commands to a task', () => {
  it('have a cell for every state and command', () => {
    expect(cells.length).toBe(Object.keys(states).length * Object.keys(commands).length);
  });

  for (const { state, command, cell } of cells) {
    it(`${state}: ${command} leads to ${cell}`, () => {
      const asked = (states[state] as Given).when(commands[command] as WorkflowInstanceCommand);
      if (cell === '-') asked.thenNothing();
      else if (cell === '!') asked.thenRejected('COMMAND_NOT_ALLOWED');
      else asked.thenTypes(typeOf(cell));
    });
  }

  it('about a task that the definition does not have are refused', () => {
    for (const command of [
      ...[assign('x'), hold('x'), lose('x'), reject('x'), report('succeeded', 'x')],
      ...[fireTimer('x', 'retry.x.1'), returnAttempt('x'), resolveLost('x', 'fail')],
    ]) {
      running.when(command).thenRejected('ATTEMPT_NOT_FOUND');
    }
  });
});

describe('reports', () => {
  it.each(Object.keys(states))('%s: a report of another attempt changes nothing (T1)', (state) => {
    for (const kind of reportKinds) (states[state] as Given).when(report(kind, 'a', 7)).thenNothing();
  });

  it.each(reportKinds)('of kind %s that come twice change nothing the second time (T1)', (kind) => {
    begun.and(assign('a'), report(kind, 'a')).when(report(kind, 'a')).thenNothing();
  });

  it('that overtook earlier ones count; the earlier ones then change nothing', () => {
    const finished = begun.and(assign('a'), report('succeeded', 'a'));
    for (const kind of ['accepted', 'started'] as const) finished.when(report(kind, 'a')).thenNothing();
  });

  it('of a lost attempt change nothing while its successor runs', () => {
    const moved = running.and(lose('a'), assign('a', 2), report('started', 'a', 2));
    for (const kind of reportKinds) moved.when(report(kind, 'a', 1)).thenNothing();
  });

  it('say from when the timeout counts: the master’s clock at the report', () => {
    const timeoutAt = now + 500;
    begun
      .and(assign('a'))
      .when(report('started', 'a'))
      .then(taskEvent('TaskStarted', 'a', 1, { timeoutAt }));
  });
});

describe('failures', () => {
  const failed = { startedAt: now, exitCode: 1 };

  it('are tried again after the delay of the policy', () => {
    running.when(report('failed', 'a')).then(taskEvent('TaskFailed', 'a', 1, { ...failed, ...willRetry }));
  });

  it('are final when no attempt is left', () => {
    const second = running.and(report('failed', 'a'), retry, assign('a', 2));
    const ended = second.when(report('failed', 'a', 2)).then(taskEvent('TaskFailed', 'a', 2, failed));
    expect(ended.task('a').status).toBe('failed');
    expect(ended.task('c').status).toBe('blocked');
  });

  it('are not tried again while the run is being stopped', () => {
    running
      .and(requestStop)
      .when(report('failed', 'a'))
      .then(taskEvent('TaskFailed', 'a', 1, failed));
  });

  it('name the timeout when the attempt was cancelled because of it', () => {
    const message = 'the attempt ran longer than its timeout of 500 ms and was cancelled';
    running
      .and(timeout)
      .when(report('cancelled', 'a'))
      .then(
        taskEvent('TaskFailed', 'a', 1, { startedAt: now, fault: { code: 'TASK_TIMED_OUT', message }, ...willRetry }),
      );
  });
});

describe('losses', () => {
  const lostTwice = running.and(lose('a'), assign('a', 2), lose('a', 2), assign('a', 3));

  it('are not counted as the user’s attempts', () => {
    expect(lostTwice.task('a').context).toMatchObject({ attempt: 3, failures: 0, losses: 2 });
  });

  it('carry the evidence', () => {
    const evidence = 'no responders for 3 s';
    const loss = taskEvent('TaskLost', 'a', 1, { evidence });
    running.when({ ...lose('a'), evidence } as WorkflowInstanceCommand).then(loss);
  });

  const tooOften = {
    code: 'TASK_LOST_TOO_OFTEN',
    message: `lost ${lossesMax + 1} times; last: ${lossReason.message}`,
  };
  const givenUp = taskEvent('TaskLost', 'a', 3, { givenUp: true, reason: tooOften });

  it('end the task at their ceiling', () => {
    const ended = lostTwice.when(lose('a', 3)).then(givenUp);
    expect(ended.task('a').status).toBe('failed');
    expect(ended.task('a').context.fault).toEqual(tooOften);
  });

  it('end it with the same words when the worker itself reports the last one', () => {
    lostTwice.when(report('lost', 'a', 3)).then(givenUp);
  });

  it('are what a cancellation is that nobody asked for', () => {
    const message = 'the worker stopped and cancelled the attempt';
    running
      .when(report('cancelled', 'a'))
      .then(taskEvent('TaskLost', 'a', 1, { reason: { code: 'TASK_CANCELLED', message } }));
  });
});

/** How each policy answers: the worker is absent, has answered without the attempt, reports it lost, or cancelled it. */
const policies = `
                    silent unknown lost   cancelled
  retry   running   Lost   Lost    Lost   Lost
  fail    running   Failed Failed  Failed Failed
  wait    running   Absent Lost    Lost   Lost
  wait    absent    -      Lost    Lost   Lost
  ask     running   Absent Absent  Absent Absent
  ask     absent    -      -       -      -
  retry   to_stop   Lost   Lost    Lost   Stopped
  fail    to_stop   Lost   Lost    Lost   Stopped
  wait    to_stop   Lost   Lost    Lost   Stopped
  ask     to_stop   Lost   Lost    Lost   Stopped
  wait    on_timeout Absent Lost   Lost   Failed
  ask     on_timeout Absent Absent Absent Failed
`;
const onLost: Record<string, OnWorkerLost> = {
  retry: { policy: 'retry' },
  wait: { policy: 'wait', returnLimitMs: 300 },
  fail: { policy: 'fail' },
  ask: { policy: 'ask' },
};
const losses: Record<string, WorkflowInstanceCommand> = {
  silent: lose('a'),
  unknown: lose('a', 1, false),
  lost: report('lost', 'a'),
  cancelled: report('cancelled', 'a'),
};
const runningUnder = (policy: string): Given => {
  const tasks = [taskOf('a', [], { retry: { attempts: 2 }, onWorkerLost: onLost[policy] }), taskOf('b')];
  return given(workflowOf(tasks), submitted, ownershipTaken(1)).and(assign('a'), report('started', 'a'));
};
const stateUnder = (policy: string, state: string): Given => {
  const running = runningUnder(policy);
  if (state === 'absent') return running.and(lose('a'));
  if (state === 'to_stop') return running.and(requestStop);
  return state === 'on_timeout' ? running.and(taskEvent('TaskTimedOut', 'a')) : running;
};

describe('a loss under a policy', () => {
  const [header = [], ...lines] = policies
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  for (const [policy = '', state = '', ...cells] of lines) {
    for (const [index, cell] of cells.entries()) {
      const how = header[index] ?? '';
      it(`${policy}, ${state}: a worker that is ${how} leads to ${cell}`, () => {
        const asked = stateUnder(policy, state).when(losses[how] as WorkflowInstanceCommand);
        if (cell === '-') asked.thenNothing();
        else if (cell === 'Absent') expect(asked.thenTypes('TaskWorkerAbsent').task('a').status).toBe('absent');
        else if (cell === 'Failed') expect(['failed', 'backingOff']).toContain(asked.thenAny().task('a').status);
        else asked.thenTypes(`Task${cell}` as 'TaskLost');
      });
    }
  }

  it('fail: the stream names the loss and the policy', () => {
    const reason = { ...lossReason, message: `${lossReason.message}; the task fails when its worker is lost` };
    const failed = runningUnder('fail')
      .when(lose('a'))
      .then(taskEvent('TaskLost', 'a', 1, { reason, givenUp: true }));
    expect(failed.task('a').context.fault).toEqual(reason);
  });

  it('wait: the absence has a limit, after which the task is lost and ready again', () => {
    const absent = runningUnder('wait')
      .when(lose('a'))
      .then(taskEvent('TaskWorkerAbsent', 'a', 1, { dueAt: now + 300 }));
    const timer = timerIds.workerReturn(attemptIdOf(1), now);
    const late = { ...fireTimer('a', timer), now: now + 300 } as WorkflowInstanceCommand;
    const message = `${lossReason.message}; it did not return within its limit of 300 ms`;
    const loss = taskEvent('TaskLost', 'a', 1, { lostAt: now + 300, reason: { ...lossReason, message } });
    expect(absent.when(late).then(loss).task('a').status).toBe('ready');
    absent.when(fireTimer('a', timerIds.workerReturn(attemptIdOf(1), now - 1))).thenNothing();
    absent.and(returnAttempt('a')).when(late).thenNothing();
  });

  it('wait: too many losses end the task here too', () => {
    const again = (attempt: number) => [assign('a', attempt), lose('a', attempt, false)];
    const lost = runningUnder('wait').and(lose('a', 1, false), ...again(2), ...again(3));
    expect(lost.task('a').context.fault?.code).toBe('TASK_LOST_TOO_OFTEN');
  });

  it('wait: a report of the returned worker counts', () => {
    const absent = runningUnder('wait').and(lose('a'));
    expect(absent.when(report('succeeded', 'a')).thenTypes('TaskSucceeded').task('a').status).toBe('succeeded');
  });
});

describe('a person’s decision on a loss', () => {
  const absent = runningUnder('ask').and(lose('a'));
  const decidedBy = { key: 'resolve-1', by: 'ann' };

  it('retry: the task runs again, and the stream names the person', () => {
    const lost = absent.when(resolveLost('a', 'retry')).then(taskEvent('TaskLost', 'a', 1, { decidedBy }));
    expect(lost.task('a').status).toBe('ready');
  });

  it('fail: the task fails, for a reason that the stream names', () => {
    const reason = { ...lossReason, message: `${lossReason.message}; ann decided that the task fails` };
    const failed = absent
      .when(resolveLost('a', 'fail'))
      .then(taskEvent('TaskLost', 'a', 1, { reason, givenUp: true, decidedBy }));
    expect(failed.task('a').status).toBe('failed');
  });

  it('that comes twice changes nothing the second time; another one is refused', () => {
    const decided = absent.and(resolveLost('a', 'retry'));
    decided.when(resolveLost('a', 'retry')).thenNothing();
    const absentAgain = decided.and(assign('a', 2), lose('a', 2));
    absentAgain.when(resolveLost('a', 'retry')).thenNothing();
    decided.when(resolveLost('a', 'fail', 'resolve-2')).thenRejected('COMMAND_NOT_ALLOWED');
  });

  it('is refused after the worker has returned', () => {
    absent.and(returnAttempt('a')).when(resolveLost('a', 'fail')).thenRejected('COMMAND_NOT_ALLOWED');
  });

  it('may come earlier than the limit of `wait`', () => {
    runningUnder('wait').and(lose('a')).when(resolveLost('a', 'retry')).thenTypes('TaskLost');
  });
});

describe('refusals', () => {
  const unknownType = { code: 'TASK_TYPE_UNKNOWN', message: 'no task type x' };
  const refuse = (attempt: number) => ({ ...reject('a', attempt), reason: unknownType }) as WorkflowInstanceCommand;
  const refusedTo = (count: number) =>
    Array.from({ length: count }, (_, index) => [assign('a', index + 1), refuse(index + 1)]).flat();

  it('that will not pass fail the task after some in a row', () => {
    const last = begun.and(...refusedTo(finalRefusalsMax - 1), assign('a', finalRefusalsMax));
    const fault = { ...unknownType, message: `refused ${finalRefusalsMax} times; last: ${unknownType.message}` };
    const failed = last.when(refuse(finalRefusalsMax)).then(taskEvent('TaskFailed', 'a', finalRefusalsMax, { fault }));
    expect(failed.task('a').status).toBe('failed');
  });

  it('for want of a slot never fail it', () => {
    const rounds = Array.from({ length: 50 }, (_, index) => [assign('a', index + 1), reject('a', index + 1)]).flat();
    expect(begun.and(...rounds).task('a').status).toBe('ready');
  });

  it('end an attempt that is being stopped as stopped', () => {
    const stopping = begun.and(...refusedTo(finalRefusalsMax - 1), assign('a', finalRefusalsMax), requestStop);
    expect(stopping.when(refuse(finalRefusalsMax)).thenTypes('TaskRejected').task('a').status).toBe('stopped');
  });
});

describe('holds', () => {
  it('are noted once per reason', () => {
    const held = begun.when(hold('a')).then(taskEvent('TaskHeld', 'a'));
    held.when(hold('a')).thenNothing();
    const other = { code: 'NO_WORKER_IN_GROUP', message: 'no worker', group: 'default' };
    held.when({ ...hold('a'), reason: other } as WorkflowInstanceCommand).thenTypes('TaskHeld');
  });
});

describe('timers', () => {
  it('of an earlier attempt or failure change nothing', () => {
    const again = running.and(report('failed', 'a'), retry, assign('a', 2), report('started', 'a', 2));
    again.when(timeout).thenNothing();
    again.when(retry).thenNothing();
  });

  it('with an unknown name change nothing', () => {
    running.when(fireTimer('a', 'nonsense')).thenNothing();
  });
});

it('a failed attempt remembers the fault that the worker gave', () => {
  expect(running.and(report('failed', 'a')).task('a').context.fault).toEqual(fault);
});
