/** What must not happen twice, or too late: commands with a known key, and what was still meant when a run paused. */
import { describe, expect, it } from 'vitest';
import { checkProgress } from '../../actors/invariants/check-history.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import { chainOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { given } from '../kit/given.ts';
import {
  assign,
  attemptIdOf,
  conclude,
  nameOf,
  now,
  ownershipTaken,
  reject,
  report,
  requestStop,
  submitted,
} from './run-events.ts';

const begun = [submitted, ownershipTaken(1)];
const asked = { now, by: 'ann' };
const t0 = nameOf('t0');
const pause: WorkflowInstanceCommand = { type: 'RequestPause', ...asked, key: 'pause-1' };
const isolate: WorkflowInstanceCommand = { type: 'IsolateTask', ...asked, key: 'isolate-1', task: t0 };
const startTask = (attempt = 1): WorkflowInstanceCommand => ({
  type: 'StartTask',
  now,
  task: t0,
  attemptId: attemptIdOf(attempt),
});
const approve = (key: string): WorkflowInstanceCommand => ({
  type: 'ApproveTask',
  ...asked,
  key,
  task: t0,
  approved: true,
});
const clearAll: WorkflowInstanceCommand = { type: 'ClearTasks', ...asked, key: 'clear-1', scope: 'all' };
const approval = workflowOf([{ ...taskOf('t0'), settings: { type: 'approval' } }]);

describe('a command with a known key', () => {
  it('does not stop a run again that was opened again', () => {
    const stopped = given(chainOf(1), ...begun, requestStop, conclude, clearAll);
    expect(stopped.snapshot.value).toBe('active');
    stopped.when(requestStop).thenNothing();
  });

  it('does not approve a second time', () => {
    const approved = given(approval, ...begun, startTask(), approve('approve-1'));
    approved.when(approve('approve-1')).thenNothing();
    const asksAnew = approved.and(conclude, clearAll, startTask(2));
    asksAnew.when(approve('approve-1')).thenNothing();
    asksAnew.when(approve('approve-2')).thenTypes('TaskConcluded');
  });
});

describe('what comes too late', () => {
  it('places nothing while a run pauses', () => {
    const paused = given(approval, ...begun, pause);
    paused.when(startTask()).thenNothing();
    paused.when(assign('t0')).thenRejected('COMMAND_NOT_ALLOWED');
    paused.when({ type: 'QueueTask', now, task: t0 }).thenNothing();
  });

  it('places no isolated task', () => {
    const isolated = given(approval, ...begun, isolate);
    isolated.when(startTask()).thenNothing();
    isolated.when(assign('t0')).thenRejected('COMMAND_NOT_ALLOWED');
  });

  it('does not assign a task for which a worker was chosen before it was cleared: its slots were for another round', () => {
    const run = given(chainOf(1), ...begun);
    const chosen = { ...assign('t0'), round: run.task('t0').context.round } as WorkflowInstanceCommand;
    run.when(chosen).thenTypes('TaskAssigned');
    const cleared = run.and({ type: 'ClearTasks', ...asked, key: 'clear-2', scope: 'tasks', tasks: [t0] });
    cleared.when(chosen).thenRejected('COMMAND_NOT_ALLOWED');
  });
});

describe('a run that a person holds back', () => {
  it('does not count as stalled (I6): it is paused, or what is ready is isolated', () => {
    const paused = given(chainOf(1), ...begun, pause, { type: 'ConcludePause', now });
    expect(paused.snapshot.value).toBe('paused');
    expect(checkProgress(paused.actor, paused.snapshot, 3)).toEqual([]);
    const isolated = given(chainOf(1), ...begun, isolate);
    expect(checkProgress(isolated.actor, isolated.snapshot, 2)).toEqual([]);
  });
});

describe('a task that was stopped', () => {
  it('ends a run under the failure policy end also when its worker refuses it', () => {
    const stopTask: WorkflowInstanceCommand = { type: 'StopTask', ...asked, key: 'stop-task-1', task: t0 };
    const run = given(chainOf(2, { failurePolicy: 'end' }), ...begun, assign('t0'), stopTask, reject('t0'));
    expect(run.snapshot.value).toBe('ending');
    expect(run.task('t1').status).toBe('stopped');
  });

  it('with its run, untried since its state was cleared, waits again with what it needs', () => {
    const ended = given(chainOf(2), ...begun, assign('t0', 1), report('succeeded', 't0', 1), assign('t1', 2));
    const again = ended.and(report('succeeded', 't1', 2), conclude, clearAll, requestStop, conclude);
    expect(again.task('t1').status).toBe('stopped');
    const cleared = again.and({ type: 'ClearTasks', ...asked, key: 'clear-2', scope: 'tasks', tasks: [t0] });
    expect(cleared.task('t1').status).toBe('waiting');
  });
});

describe('what is kept', () => {
  it('are at most 100 signals of one name', () => {
    const waiting = workflowOf([
      taskOf('t0'),
      { ...taskOf('t1', ['t0']), settings: { type: 'signal', name: nameOf('go') } },
    ]);
    const signal = (number: number): WorkflowInstanceCommand => ({
      type: 'SendSignal',
      ...asked,
      key: `signal-${number}`,
      name: 'go',
      payload: number,
    });
    const full = given(waiting, ...begun, ...Array.from({ length: 100 }, (_, number) => signal(number)));
    full.when(signal(100)).thenRejected('COMMAND_NOT_ALLOWED');
  });
});
