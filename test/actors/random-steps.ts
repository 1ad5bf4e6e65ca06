/** What may happen next in the random world (`random-run.ts`): what goes well, what does not, what people ask, echoes. */
import type { Plan, PlannedTask } from '../../actors/graph/plan.ts';
import { at } from '../../actors/kit/persistent-vector.ts';
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import { beginsAtOwner } from '../../actors/workflow-instance/begin.decide.ts';
import { allTasks } from '../../actors/workflow-instance/task-lookup.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { Steering, WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { AttemptId, InstanceId } from '../../schemas/ids.ts';
import type { Happening } from '../kit/language-model.ts';
import {
  assign,
  attemptIdOf,
  findApplication,
  fireTimer,
  hold,
  lose,
  nameOf,
  now,
  type ReportKind,
  reject,
  report,
  requestStop,
  resolveLost,
  returnAttempt,
} from './run-events.ts';

/** `asked`: by a person, and refused where the model does not allow it. `isEcho`: must change nothing. */
export type Step = {
  command: WorkflowInstanceCommand;
  happening?: Happening;
  asked?: Happening;
  isEcho?: boolean;
};

type Attempt = { task: string; count: number; phase: 'offered' | 'accepted' | 'started'; isCancelled: boolean };

/** What the outside knows of the run. */
export type WorldView = {
  toPlace: Set<string>;
  attempts: Map<AttemptId, Attempt>;
  /** Child runs by the attempt that awaits them. */
  children: Map<AttemptId, { task: string; isLeft: boolean }>;
  /** Tasks by timer. */
  timers: Map<string, string>;
  runTimers: Set<string>;
  /** The run has asked for its turn. */
  isQueued: boolean;
  attemptCount: number;
  stopsLeft: number;
  /** How often an ended run may still be opened again. */
  repairsLeft: number;
};

let keyCount = 0;

/** What goes well, and what brings whatever waits to its end. */
export function calmSteps(plan: Plan, snapshot: WorkflowInstanceSnapshot, world: WorldView): Step[] {
  const steps: Step[] = [...world.toPlace].map((task) => place(plan, snapshot, world, task));
  if (world.isQueued) steps.push({ command: { type: 'AdmitWorkflow', now }, happening: { kind: 'admitted' } });
  for (const { task, count, phase, isCancelled } of world.attempts.values()) {
    if (isCancelled) {
      steps.push(say('cancelled', task, count));
      continue;
    }
    if (phase === 'offered') steps.push(say('accepted', task, count));
    steps.push(say(phase === 'started' ? 'succeeded' : 'started', task, count));
    if (statusOf(plan, snapshot, task) === 'absent') steps.push(comeBack(task, count));
  }
  for (const [attemptId, { task, isLeft }] of world.children) {
    steps.push(endChild(attemptId, task, isLeft ? 'stopped' : 'succeeded'));
  }
  for (const [timerId, task] of world.timers) steps.push(fire(plan, snapshot, world, { timerId, task }));
  steps.push(...answers(plan, snapshot, true));
  const { context, value } = snapshot;
  if (value === 'pausing' || value === 'paused') steps.push(ask({ type: 'RequestResume' }, { kind: 'resumed' }));
  for (const { task } of context.isolated) steps.push(ask({ type: 'RejoinTask', task }, { kind: 'rejoined', task }));
  return steps;
}

/** What goes wrong, and what people ask. */
export function wildSteps(plan: Plan, snapshot: WorkflowInstanceSnapshot, world: WorldView): Step[] {
  const steps: Step[] = [];
  for (const task of world.toPlace) {
    steps.push({ command: hold(task) });
    steps.push({ command: { type: 'QueueTask', now, task: nameOf(task) } });
  }
  for (const attempt of world.attempts.values()) steps.push(...mishaps(plan, snapshot, attempt));
  for (const [attemptId, { task }] of world.children) {
    for (const result of ['failed', 'stopped'] as const) steps.push(endChild(attemptId, task, result));
  }
  for (const timerId of world.runTimers) steps.push(fireRunTimer(plan, timerId));
  steps.push(...tooLate(plan, snapshot, world));
  steps.push(...answers(plan, snapshot, false), ...requests(snapshot, world));
  return steps;
}

/** What was sent before and is sent again, or comes too late. */
export function echoesOf(sent: readonly WorkflowInstanceCommand[], world: WorldView): Step[] {
  return sent.filter((command) => !isNews(command, world)).map((command) => ({ command, isEcho: true }));
}

function isNews(command: WorkflowInstanceCommand, { attempts }: WorldView): boolean {
  if (command.type === 'LoseAttempt') return attempts.has(command.attemptId);
  // Items of new lists know nothing of the former ones.
  if (command.type === 'RecordApplications') return true;
  if (command.type !== 'RecordReport') return false;
  const { attemptId, kind } = command.report;
  return attempts.has(attemptId) && kind !== 'accepted' && kind !== 'started';
}

function place(plan: Plan, { context }: WorkflowInstanceSnapshot, { attemptCount }: WorldView, task: string): Step {
  const planned = plannedOf(plan, task);
  const count = attemptCount + 1;
  if (!beginsAtOwner(planned, context)) return { command: assign(task, count), happening: { kind: 'placed', task } };
  const child =
    planned.definition.settings.type === 'workflow' ? { child: attemptIdOf(count) as string as InstanceId } : {};
  const command = { type: 'StartTask', now, task: nameOf(task), attemptId: attemptIdOf(count), ...child } as const;
  return { command, happening: { kind: 'began', task } };
}

/** A ready task is not placed while its run is paused or the task isolated, even if somebody still means to. */
function tooLate(plan: Plan, snapshot: WorkflowInstanceSnapshot, world: WorldView): Step[] {
  const { context } = snapshot;
  const kept = [...allTasks(context)].filter(({ status, context: { task } }) => {
    return status === 'ready' && !world.toPlace.has(task);
  });
  return kept.flatMap(({ context: { task } }) => [
    { command: place(plan, snapshot, world, task).command, isEcho: true },
    { command: assign(task, world.attemptCount + 1), isEcho: true },
    { command: { type: 'QueueTask', now, task } as const, isEcho: true },
  ]);
}

function mishaps(plan: Plan, snapshot: WorkflowInstanceSnapshot, { task, count, phase, isCancelled }: Attempt): Step[] {
  const steps = (['failed', 'failed', 'failed', 'lost', 'succeeded'] as const).map((kind) => say(kind, task, count));
  if (!isCancelled) steps.push(say('cancelled', task, count));
  steps.push({ command: lose(task, count, false), happening: { kind: 'lost', task } });
  steps.push({ command: lose(task, count), happening: { kind: 'missed', task } });
  steps.push({ command: lose(task, count), happening: { kind: 'missed', task } });
  const found = { command: findApplication(task, count) };
  if (phase === 'started') steps.push(found, found);
  if (isCancelled) steps.push({ command: report('started', task, count), isEcho: true });
  if (statusOf(plan, snapshot, task) === 'absent') steps.push(comeBack(task, count), ...decisions(task));
  else if (phase === 'offered') steps.push({ command: reject(task, count), happening: { kind: 'rejected', task } });
  return steps;
}

/** To tasks that await a signal or an approval. */
function answers(plan: Plan, { context }: WorkflowInstanceSnapshot, isGood: boolean): Step[] {
  return plan.tasks.flatMap(({ index, definition: { name: task, settings } }) => {
    const isAwaiting = at(context.tasks, index).status === 'awaiting';
    if (settings.type === 'signal' && isAwaiting === isGood) {
      const { name } = settings;
      return [ask({ type: 'SendSignal', name, payload: 1 }, { kind: 'signalled', name })];
    }
    if (settings.type !== 'approval' || !isAwaiting) return [];
    return [
      ask({ type: 'ApproveTask', task, approved: isGood }, { kind: isGood ? 'succeeded' : 'failedForGood', task }),
    ];
  });
}

/** Whatever a person may ask, possible or not. */
function requests({ context, value }: WorkflowInstanceSnapshot, world: WorldView): Step[] {
  const isOver = value === 'succeeded' || value === 'failed' || value === 'stopped';
  if (isOver && world.repairsLeft === 0) return [];
  const steps = [...allTasks(context)].flatMap(({ context: { task } }) => [
    ask({ type: 'StopTask', task }, { kind: 'killed', task }),
    ask({ type: 'SkipTask', task }, { kind: 'skipped', task }),
    ask({ type: 'ForceTask', task, outputs: {} }, { kind: 'forced', task }),
    ask({ type: 'ClearTasks', scope: 'tasks', tasks: [task] }, { kind: 'cleared', scope: 'tasks', tasks: [task] }),
    ask(
      { type: 'ClearTasks', scope: 'descendants', tasks: [task] },
      { kind: 'cleared', scope: 'descendants', tasks: [task] },
    ),
    ask({ type: 'IsolateTask', task }, { kind: 'isolated', task }),
    ask({ type: 'RejoinTask', task }, { kind: 'rejoined', task }),
  ]);
  steps.push(ask({ type: 'ChangePriority', priority: 'high' }, { kind: 'prioritised' }));
  for (const scope of ['failed', 'all'] as const) {
    steps.push(ask({ type: 'ClearTasks', scope }, { kind: 'cleared', scope, tasks: [] }));
  }
  if (value === 'active')
    steps.push(...Array.from({ length: 3 }, () => ask({ type: 'RequestPause' }, { kind: 'pauseRequested' })));
  if (context.pause !== null && !isOver) steps.push(ask({ type: 'RequestResume' }, { kind: 'resumed' }));
  if (world.stopsLeft > 0 && !isOver) steps.push({ command: requestStop, asked: { kind: 'stopRequested' } });
  return steps;
}

/** Reason for the cast: a union of commands without its members' common fields cannot be put together by the compiler. */
function ask(steering: DistributiveOmit<Steering, 'key' | 'by'>, asked: Happening): Step {
  keyCount += 1;
  return { command: { ...steering, now, key: `asked-${keyCount}`, by: 'ann' } as WorkflowInstanceCommand, asked };
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function say(kind: ReportKind, task: string, count: number): Step {
  return { command: report(kind, task, count), happening: { kind, task } };
}

function comeBack(task: string, count: number): Step {
  return { command: returnAttempt(task, count), happening: { kind: 'returned', task } };
}

/** What a person may say of a task that waits for one. */
function decisions(task: string): Step[] {
  keyCount += 1;
  return [
    { command: resolveLost(task, 'retry', `resolve-${keyCount}`), happening: { kind: 'letRunAgain', task } },
    { command: resolveLost(task, 'fail', `resolve-${keyCount}`), happening: { kind: 'letFail', task } },
  ];
}

function endChild(attemptId: AttemptId, task: string, result: 'succeeded' | 'failed' | 'stopped'): Step {
  const kind = result === 'stopped' ? 'childStopped' : result;
  return {
    command: { type: 'ConcludeTask', now, random: 0.5, task: nameOf(task), attemptId, result },
    happening: { kind, task },
  };
}

/** A timer that fires when the task no longer waits for it is an echo. */
function fire(
  plan: Plan,
  snapshot: WorkflowInstanceSnapshot,
  world: WorldView,
  timer: { timerId: string; task: string },
): Step {
  const { timerId, task } = timer;
  const command = fireTimer(task, timerId);
  const { settings, timeoutPolicy } = plannedOf(plan, task).definition;
  const isWarning = timeoutPolicy === 'warn';
  switch (timerId.slice(0, timerId.indexOf('.'))) {
    case 'retry':
      return { command, happening: { kind: 'retryDue', task } };
    case 'delay':
      return { command, happening: { kind: 'delayOver', task } };
    case 'return':
      return { command, happening: { kind: 'returnDue', task } };
    case 'queue':
      if (!isQueued(stateOf(plan, snapshot, task))) return { command, isEcho: true };
      return isWarning ? { command } : { command, happening: { kind: 'failedForGood', task } };
    case 'await':
      if (!['awaiting', 'expanded'].includes(statusOf(plan, snapshot, task))) return { command, isEcho: true };
      if (isWarning) return { command };
      return {
        command,
        happening: { kind: ['workflow', 'map'].includes(settings.type) ? 'timedOut' : 'failed', task },
      };
    default: {
      const attempt = [...world.attempts.values()].find((candidate) => candidate.task === task);
      if (attempt?.isCancelled !== false) return { command, isEcho: true };
      return isWarning ? { command } : { command, happening: { kind: 'timedOut', task } };
    }
  }
}

function isQueued({ status, context }: TaskState): boolean {
  return status === 'ready' && context.queue !== null;
}

function fireRunTimer({ definition }: Plan, timerId: string): Step {
  const command = { type: 'FireRunTimer', now, timerId } as const;
  return definition.timeoutPolicy === 'warn' ? { command } : { command, happening: { kind: 'timedOutRun' } };
}

function plannedOf(plan: Plan, task: string): PlannedTask {
  const planned = plan.find(nameOf(task));
  if (planned === undefined) throw new Error(`the plan has no task ${task}`);
  return planned;
}

function stateOf(plan: Plan, { context }: WorkflowInstanceSnapshot, task: string): TaskState {
  const state = taskStateOf(plan, context, nameOf(task));
  if (state === undefined) throw new Error(`the run has no task ${task}`);
  return state;
}

function statusOf(plan: Plan, snapshot: WorkflowInstanceSnapshot, task: string): TaskState['status'] {
  return stateOf(plan, snapshot, task).status;
}
