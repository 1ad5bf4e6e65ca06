/** For each state of a task and of a run a history that leads to it: what people may ask there is tried on them. */
import type { TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceStatus } from '../../actors/workflow-instance/workflow-instance.state.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import {
  assign,
  attemptIdOf,
  conclude,
  nameOf,
  now,
  ownershipTaken,
  report,
  requestStop,
  submitted,
  taskEvent,
} from '../actors/run-events.ts';
import { mapOf, taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given, type Step } from '../kit/given.ts';

export type Sample = { run: Given; task: string };

const asked = { now, by: 'ann' } as const;
const b = nameOf('b');
const begun = [submitted, ownershipTaken(1)];

const approval: Partial<TaskDefinition> = { settings: { type: 'approval' } };
const map: Partial<TaskDefinition> = { settings: mapOf([1, 2]) };
const signal: Partial<TaskDefinition> = { settings: { type: 'signal', name: nameOf('go') } };

/** b needs a, and c goes on meanwhile, so that the run does not end with them. */
function sampleOf(of: Partial<TaskDefinition>, ...steps: Step[]): Sample {
  const tasks = [taskOf('a'), { ...taskOf('b', ['a'], { retry: { attempts: 2 } }), ...of }, taskOf('c')];
  return { run: given(workflowOf(tasks), ...begun, ...steps), task: 'b' };
}

const aSucceeded = [assign('a', 1), report('succeeded', 'a', 1)];
const bAssigned = [...aSucceeded, assign('b', 2)];
const bRunning = [...bAssigned, report('started', 'b', 2)];
const startB: WorkflowInstanceCommand = { type: 'StartTask', now, task: b, attemptId: attemptIdOf(2) };
const stopB: WorkflowInstanceCommand = { type: 'StopTask', ...asked, key: 'stop-b', task: b };

export const taskSamples: Readonly<Record<TaskStatus, Sample>> = {
  waiting: sampleOf({}),
  ready: sampleOf({}, ...aSucceeded),
  delayed: sampleOf({ delayMs: 60_000 }, ...aSucceeded, startB),
  assigned: sampleOf({}, ...bAssigned),
  accepted: sampleOf({}, ...bAssigned, report('accepted', 'b', 2)),
  running: sampleOf({}, ...bRunning),
  awaiting: sampleOf(approval, ...aSucceeded, startB),
  expanded: sampleOf(map, ...aSucceeded, startB),
  absent: sampleOf({}, ...bRunning, taskEvent('TaskWorkerAbsent', 'b', 2)),
  cancelling: sampleOf({}, ...bRunning, stopB),
  backingOff: sampleOf({}, ...bRunning, report('failed', 'b', 2)),
  succeeded: sampleOf({}, ...bRunning, report('succeeded', 'b', 2)),
  failed: sampleOf({}, ...bRunning, taskEvent('TaskFailed', 'b', 2)),
  stopped: sampleOf({}, stopB),
  blocked: sampleOf({}, assign('a', 1), taskEvent('TaskFailed', 'a', 1)),
  skipped: sampleOf({ enabled: false }, ...aSucceeded),
};

const pause: WorkflowInstanceCommand = { type: 'RequestPause', ...asked, key: 'pause-1' };
const concludePause: WorkflowInstanceCommand = { type: 'ConcludePause', now };

/** A failed task, one that awaits a signal, and one that is under way where that can be. */
function runOf(options: Partial<WorkflowDefinition>, ...steps: Step[]): Given {
  const tasks = [taskOf('a'), { ...taskOf('b'), ...signal }, taskOf('c')];
  return given({ ...workflowOf(tasks), ...options }, ...steps);
}

const aFailed = [assign('a', 1), report('failed', 'a', 1)];
const cRunning = [assign('c', 2), report('started', 'c', 2)];
const ended = [
  ...begun,
  { type: 'SendSignal', ...asked, key: 'signal-1', name: 'go', payload: 1 } as const,
  { ...startB },
];
const endings = (kind: 'succeeded' | 'failed') => [
  assign('a', 1),
  report('succeeded', 'a', 1),
  assign('c', 3),
  report(kind, 'c', 3),
  conclude,
];

export const runSamples: Readonly<Record<WorkflowInstanceStatus, Given>> = {
  submitted: runOf({}),
  queued: runOf({ concurrency: { policy: 'wait' } }, ...begun),
  active: runOf({}, ...begun, ...aFailed, ...cRunning),
  pausing: runOf({}, ...begun, ...aFailed, ...cRunning, pause),
  paused: runOf({}, ...begun, ...aFailed, pause, concludePause),
  stopping: runOf({}, ...begun, ...aFailed, ...cRunning, requestStop),
  ending: runOf({ failurePolicy: 'end' }, ...begun, ...cRunning, ...aFailed),
  succeeded: runOf({}, ...ended, ...endings('succeeded')),
  failed: runOf({}, ...ended, ...endings('failed')),
  stopped: runOf({}, ...begun, requestStop, conclude),
};
