/** Runs that go through the whole language of release 0.2: ways, waiting, time, and people who steer. */
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import { runTimeoutTimer } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { Steering, WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { Condition } from '../../schemas/definition/logic-settings.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName, WorkflowName } from '../../schemas/ids.ts';
import { attemptIdOf, fault, fireTimer, hold, nameOf, requestStop, takeOwnership } from '../actors/run-events.ts';
import { chainOf, taskOf, workflowOf } from './definitions.ts';
import { childRun, type Scenario, Stage } from './history-stage.ts';

type Settings = TaskDefinition['settings'];

const namesOf = (...tasks: string[]) => tasks as TaskName[];
const ask = (key: string, type: Steering['type'], more: object = {}) =>
  ({ type, now: 0, key, by: 'ann', ...more }) as WorkflowInstanceCommand;
const ownTask = (name: string, needs: readonly string[], settings: Settings, more: Partial<TaskDefinition> = {}) => ({
  ...taskOf(name, needs),
  settings,
  ...more,
});
const withMore = (definition: WorkflowDefinition, more: Partial<WorkflowDefinition>) => ({ ...definition, ...more });
const runTimer = (round: number): WorkflowInstanceCommand => ({
  type: 'FireRunTimer',
  now: 0,
  timerId: runTimeoutTimer(round),
});
const concluded = (task: string, attempt: number, result: 'succeeded' | 'failed' | 'stopped', more: object = {}) =>
  ({
    type: 'ConcludeTask',
    now: 0,
    random: 0.5,
    task: nameOf(task),
    attemptId: attemptIdOf(attempt),
    result,
    ...more,
  }) as WorkflowInstanceCommand;

const approval: Settings = { type: 'approval', question: 'Is the report right?' };
const signal = (name: string): Settings => ({ type: 'signal', name: nameOf(name) });
const child: Settings = { type: 'workflow', name: 'child' as WorkflowName, params: {} };
const dependent: Settings = {
  type: 'dependent',
  relation: 'and',
  items: [{ relation: 'and', items: [{ workflow: 'other' as WorkflowName, cycle: 'day', range: 'today' }] }],
  onFailure: 'wait',
};
const way = (when: string, next: string[], otherwise: string[]): Settings => ({
  type: 'switch',
  cases: [{ when, next: namesOf(...next) }],
  otherwise: namesOf(...otherwise),
});
const look = (when: Condition, next: string[], otherwise: string[]): Settings => ({
  type: 'conditions',
  when,
  next: namesOf(...next),
  otherwise: namesOf(...otherwise),
});

const ways: Record<string, Scenario> = {
  'branch-and-join': {
    definition: workflowOf([
      taskOf('a'),
      ownTask('choose', ['a'], way('tasks.a.outputs.rows > 2', ['many'], ['few'])),
      taskOf('many', ['choose']),
      taskOf('few', ['choose']),
      taskOf('join', ['many', 'few']),
    ]),
    play: (definition) => new Stage(definition).run('a', 1, { rows: 3 }).run('many', 3).run('join', 4),
  },
  'failure-handled': {
    definition: workflowOf(
      [
        taskOf('load'),
        taskOf('report', ['load']),
        ownTask('guard', ['load'], look({ task: nameOf('load'), is: 'succeeded' }, [], ['repair'])),
        taskOf('repair', ['guard']),
      ],
      { failurePolicy: 'end' },
    ),
    play: (definition) => new Stage(definition).say('failed', 'load', 1).run('repair', 3),
  },
  'expression-wrong': {
    definition: workflowOf([ownTask('choose', [], way('params.unknown.field', ['a'], [])), taskOf('a', ['choose'])]),
    play: (definition) => new Stage(definition),
  },
  'disabled-and-dry': {
    definition: workflowOf([
      taskOf('a'),
      { ...taskOf('b', ['a']), enabled: false },
      ownTask('wait', ['b'], approval),
      taskOf('c', ['wait']),
    ]),
    play: (definition) => new Stage(definition, { wishes: { dryRun: true } }),
  },
  'started-in-the-middle': {
    definition: chainOf(4),
    play: (definition) =>
      new Stage(definition, { wishes: { start: { tasks: namesOf('t2'), mode: 'forward' }, priority: 'high' } })
        .run('t2', 1)
        .run('t3', 2),
  },
};

const waiting: Record<string, Scenario> = {
  'signal-before-and-after': {
    definition: workflowOf([
      taskOf('a'),
      ownTask('early', ['a'], signal('go')),
      ownTask('late', ['early'], signal('go')),
    ]),
    play: (definition) =>
      new Stage(definition)
        .tell(ask('signal-1', 'SendSignal', { name: 'go', payload: { file: 'one.csv' } }))
        .run('a', 1)
        .tell(takeOwnership(2), ask('signal-2', 'SendSignal', { name: 'go', payload: 2 })),
  },
  'approved-and-declined': {
    definition: workflowOf([ownTask('ship', [], approval), ownTask('bill', [], approval), taskOf('pack', ['ship'])]),
    play: (definition) =>
      new Stage(definition)
        .tell(ask('yes', 'ApproveTask', { task: 'ship', approved: true, reason: 'looks right' }))
        .tell(ask('no', 'ApproveTask', { task: 'bill', approved: false }))
        .run('pack', 3),
  },
  'child-run': {
    definition: workflowOf([
      ownTask('call', [], child, { retry: { ...taskOf('x').retry, attempts: 2 }, timeoutMs: 60_000 }),
      taskOf('after', ['call']),
    ]),
    play: (definition) =>
      new Stage(definition)
        .tell(concluded('call', 1, 'failed', { fault, evidence: `the run ${childRun} failed` }))
        .tell(fireTimer('call', timerIds.retry(nameOf('call'), 1)))
        .tell(takeOwnership(2), concluded('call', 2, 'succeeded', { outputs: { rows: 3 } }))
        .run('after', 3),
  },
  'child-run-too-slow': {
    definition: workflowOf([ownTask('call', [], child, { timeoutMs: 1_000 })]),
    play: (definition) =>
      new Stage(definition)
        .tell(fireTimer('call', timerIds.awaited(attemptIdOf(1))))
        .tell(concluded('call', 1, 'stopped')),
  },
  'dependent-in-vain': {
    definition: workflowOf([
      ownTask('others', [], dependent, { timeoutMs: 1_000, timeoutPolicy: 'warnAndFail' }),
      ownTask('asked', [], approval, { timeoutMs: 1_000, timeoutPolicy: 'warn' }),
    ]),
    play: (definition) =>
      new Stage(definition)
        .tell(fireTimer('asked', timerIds.awaited(attemptIdOf(2))))
        .tell(fireTimer('others', timerIds.awaited(attemptIdOf(1))))
        .tell(ask('yes', 'ApproveTask', { task: 'asked', approved: true })),
  },
};

const inTime: Record<string, Scenario> = {
  'delay-and-warning': {
    definition: workflowOf([{ ...taskOf('a', [], { timeoutMs: 500 }), delayMs: 2_000, timeoutPolicy: 'warn' }]),
    play: (definition) =>
      new Stage(definition)
        .tell(takeOwnership(2), fireTimer('a', timerIds.delay(nameOf('a'), 0)))
        .say('started', 'a', 2)
        .tell(fireTimer('a', timerIds.timeout(attemptIdOf(2))))
        .say('succeeded', 'a', 2),
  },
  'queue-timeouts': {
    definition: workflowOf([
      { ...taskOf('a'), queueTimeoutMs: 1_000, timeoutPolicy: 'warn' },
      { ...taskOf('b'), queueTimeoutMs: 1_000 },
    ]),
    play: (definition) => {
      const stage = new Stage(definition, { places: false });
      stage.tell(hold('a'), { type: 'QueueTask', now: 0, task: nameOf('a') });
      const aSince = stage.now;
      stage.tell({ type: 'QueueTask', now: 0, task: nameOf('b') });
      const bSince = stage.now;
      stage.tell(fireTimer('a', timerIds.queue(nameOf('a'), aSince)));
      stage.tell(fireTimer('b', timerIds.queue(nameOf('b'), bSince)));
      return stage.place('a').run('a', 1);
    },
  },
  'run-timeouts': {
    definition: withMore(chainOf(2), { timeoutMs: 60_000 }),
    play: (definition) =>
      new Stage(definition)
        .say('started', 't0', 1)
        .tell(runTimer(0))
        .say('cancelled', 't0', 1)
        .tell(ask('again', 'ClearTasks', { scope: 'failed' }))
        .run('t0', 2)
        .run('t1', 3),
  },
  'run-timeout-warns': {
    definition: withMore(chainOf(1), { timeoutMs: 60_000, timeoutPolicy: 'warn' }),
    play: (definition) => new Stage(definition).tell(runTimer(0)).run('t0', 1),
  },
  admitted: {
    definition: withMore(chainOf(1), { concurrency: { policy: 'wait' } }),
    play: (definition) =>
      new Stage(definition)
        .tell(takeOwnership(2), { type: 'AdmitWorkflow', now: 0, evidence: 'its turn, after 2 runs' })
        .run('t0', 1),
  },
  'stopped-in-the-queue': {
    definition: withMore(chainOf(1), { concurrency: { policy: 'discard' } }),
    play: (definition) => new Stage(definition).tell(requestStop),
  },
};

const steered: Record<string, Scenario> = {
  'paused-and-resumed': {
    definition: chainOf(3),
    play: (definition) =>
      new Stage(definition)
        .say('started', 't0', 1)
        .tell(ask('pause', 'RequestPause', { reason: 'the store is full' }))
        .say('succeeded', 't0', 1)
        .tell(takeOwnership(2), ask('resume', 'RequestResume'))
        .run('t1', 2)
        .run('t2', 3),
  },
  'stopped-while-paused': {
    definition: chainOf(2),
    play: (definition) => new Stage(definition).tell(ask('pause', 'RequestPause')).run('t0', 1).tell(requestStop),
  },
  'one-task-stopped': {
    definition: workflowOf([taskOf('a'), ownTask('asked', [], approval), taskOf('b', ['a']), taskOf('c')]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell(
          ask('stop-a', 'StopTask', { task: 'a', reason: 'it hangs' }),
          ask('stop-q', 'StopTask', { task: 'asked' }),
        )
        .say('cancelled', 'a', 1)
        .run('c', 3),
  },
  'skipped-and-forced': {
    definition: workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['b']), taskOf('d')]),
    play: (definition) =>
      new Stage(definition)
        .tell(ask('skip-b', 'SkipTask', { task: 'b', reason: 'not needed today' }))
        .say('failed', 'a', 1)
        .tell(ask('force-a', 'ForceTask', { task: 'a', outputs: { rows: 0 } }))
        .run('d', 2)
        .run('c', 3),
  },
  'cleared-and-opened-again': {
    definition: workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['b'])]),
    play: (definition) =>
      new Stage(definition)
        .run('a', 1)
        .say('failed', 'b', 2)
        .tell(takeOwnership(2), ask('again', 'ClearTasks', { scope: 'failed', reason: 'the disk was full' }))
        .run('b', 3)
        .run('c', 4)
        .tell(ask('from-b', 'ClearTasks', { scope: 'descendants', tasks: namesOf('b') }))
        .run('b', 5)
        .run('c', 6),
  },
  'isolated-and-rejoined': {
    definition: workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c')]),
    play: (definition) =>
      new Stage(definition)
        .tell(ask('isolate-a', 'IsolateTask', { task: 'a' }), ask('isolate-b', 'IsolateTask', { task: 'b' }))
        .run('a', 1)
        .run('c', 2)
        .tell(takeOwnership(2), ask('rejoin-a', 'RejoinTask', { task: 'a' }))
        .tell(ask('rejoin-b', 'RejoinTask', { task: 'b' }))
        .run('b', 3),
  },
  'priorities-changed': {
    definition: chainOf(2),
    play: (definition) =>
      new Stage(definition)
        .tell(ask('all', 'ChangePriority', { priority: 'low' }))
        .tell(ask('one', 'ChangePriority', { priority: 'highest', task: 't1' }))
        .run('t0', 1)
        .run('t1', 2),
  },
};

export const languageScenarios: Readonly<Record<string, Scenario>> = { ...ways, ...waiting, ...inTime, ...steered };
