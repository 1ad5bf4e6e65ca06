/**
 * What people ask of a run, decided. Each command has a key: a repeated one was done and is answered without events. A
 * command that the state does not allow is rejected with what was found and what is possible.
 */
import type { Steering, WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { Plan } from '../graph/plan.ts';
import { type Decision, rejected } from '../kit/decider.ts';
import { at } from '../kit/persistent-vector.ts';
import { canTaskTake } from '../task-instance/task-instance.fold.ts';
import { hasEnded, type TaskEvent, type TaskState, type TaskStatus } from '../task-instance/task-instance.state.ts';
import { decideMove } from './move.decide.ts';
import { clearedBy } from './steering.ts';
import { allItems, type FoundTask, findTask } from './task-lookup.ts';
import type { WorkflowInstanceSnapshot } from './workflow-instance.machine.ts';
import { isEnded, type WorkflowInstanceContext, type WorkflowInstanceStatus } from './workflow-instance.state.ts';

type Decided = Decision<WorkflowInstanceEvent>;
type SteeringCommand = { now: number } & Steering;
type CommandOf<T extends Steering['type']> = { now: number } & Extract<Steering, { type: T }>;
type State = { plan: Plan; value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

const steeringTypes: readonly string[] = [
  'RequestPause',
  'RequestResume',
  'StopTask',
  'SkipTask',
  'ForceTask',
  'ClearTasks',
  'IsolateTask',
  'RejoinTask',
  'ChangePriority',
  'SendSignal',
  'ApproveTask',
  'MoveVersion',
] satisfies Steering['type'][];

export function isSteering(command: WorkflowInstanceCommand): command is SteeringCommand {
  return steeringTypes.includes(command.type);
}

const nothing: Decided = { kind: 'events', events: [] };

export function decideSteering(plan: Plan, snapshot: WorkflowInstanceSnapshot, command: SteeringCommand): Decided {
  const state = { plan, value: snapshot.value as WorkflowInstanceStatus, context: snapshot.context };
  if (state.context.commandKeys.includes(command.key)) return nothing;
  switch (command.type) {
    case 'RequestPause':
      return pause(state, command);
    case 'RequestResume':
      return resume(state, command);
    case 'StopTask':
      return forOpenRun(state, command, (found) => ofTask(found, stopOf(command)));
    case 'SkipTask':
      return redress(state, command, { type: 'TaskSkipped', data: { task: command.task, ...askedOf(command) } });
    case 'ForceTask': {
      const { task, now, outputs } = command;
      return redress(state, command, {
        type: 'TaskForced',
        data: { task, ...askedOf(command), forcedAt: now, outputs },
      });
    }
    case 'ClearTasks':
      return clear(state, command);
    case 'IsolateTask':
      return forOpenRun(
        state,
        command,
        ({
          planned: {
            definition: { name },
          },
        }) => {
          if (state.context.isolated.some(({ task }) => task === name)) return nothing;
          return events({ type: 'IsolationAdded', data: { task: name, ...askedOf(command) } });
        },
      );
    case 'RejoinTask':
      return rejoin(state, command);
    case 'ChangePriority':
      return changePriority(state, command);
    case 'SendSignal':
      return signal(state, command);
    case 'MoveVersion':
      return decideMove(state, command);
    case 'ApproveTask':
      return forOpenRun(state, command, (found) => approve(found, command));
  }
}

function askedOf({ key, by, reason }: SteeringCommand) {
  return { key, by, ...(reason === undefined ? {} : { reason }) };
}

const events = (...decided: WorkflowInstanceEvent[]): Decided => ({ kind: 'events', events: decided });
const notAllowed = (message: string): Decided => rejected('COMMAND_NOT_ALLOWED', message);

const isOpen = (value: WorkflowInstanceStatus) => value === 'active' || value === 'pausing' || value === 'paused';
const openOnly = (value: WorkflowInstanceStatus) =>
  notAllowed(`the run is ${value}; only one that is running, pausing or paused takes this command`);
const openOrEndedOnly = (value: WorkflowInstanceStatus) =>
  notAllowed(`the run is ${value}; only one that is running, pausing, paused or ended takes this command`);

function pause({ value }: State, command: CommandOf<'RequestPause'>): Decided {
  if (value === 'pausing' || value === 'paused') return nothing;
  if (value !== 'active') return notAllowed(`a run that is ${value} cannot be paused; only a running one can`);
  return events({ type: 'WorkflowPauseRequested', data: askedOf(command) });
}

function resume({ value }: State, command: CommandOf<'RequestResume'>): Decided {
  if (value === 'active') return nothing;
  if (value !== 'pausing' && value !== 'paused') {
    return notAllowed(`a run that is ${value} cannot be resumed; only a paused one can`);
  }
  return events({ type: 'WorkflowResumed', data: askedOf(command) });
}

function forOpenRun(
  { plan, value, context }: State,
  { task }: { task: TaskName },
  decide: (found: FoundTask) => Decided,
): Decided {
  if (!isOpen(value)) return openOnly(value);
  const found = findTask(plan, context, task);
  return found === undefined ? unknownTask(plan, task) : decide(found);
}

const tasksNamedMax = 10;

export function unknownTask(plan: Plan, task: TaskName): Decided {
  if (plan.find(task) !== undefined) return rejected('ATTEMPT_NOT_FOUND', `the map of ${task} has no such item now`);
  const { name, tasks } = plan.definition;
  const named = tasks.slice(0, tasksNamedMax).map((one) => one.name);
  const more = tasks.length > tasksNamedMax ? ` and ${tasks.length - tasksNamedMax} more` : '';
  return rejected('ATTEMPT_NOT_FOUND', `the workflow ${name} has no task ${task}; it has ${named.join(', ')}${more}`);
}

function stopOf(command: CommandOf<'StopTask'>): TaskEvent {
  return { type: 'TaskStopRequested', data: { task: command.task, ...askedOf(command) } };
}

const takers: Partial<Record<TaskEvent['type'], string>> = {
  TaskStopRequested: 'only one that has not ended can be stopped',
  TaskSkipped:
    'only one that does not run can be skipped: waiting, ready, delayed, backing off, failed, stopped or blocked',
  TaskForced: 'only one that is failed, stopped, blocked or skipped can be declared to have succeeded',
};

function ofTask({ state }: FoundTask, event: TaskEvent): Decided {
  if (canTaskTake(state, event)) return events(event);
  return notAllowed(
    `the task ${state.context.task} is ${state.status}; ${takers[event.type] ?? 'it cannot take that'}`,
  );
}

/** Also in a run that has ended: it goes on. */
function redress(state: State, command: CommandOf<'SkipTask' | 'ForceTask'>, event: TaskEvent): Decided {
  const { plan, value, context } = state;
  if (!isOpen(value) && !isEnded(value)) return openOrEndedOnly(value);
  const found = findTask(plan, context, command.task);
  if (found === undefined) return unknownTask(plan, command.task);
  const decided = ofTask(found, event);
  return decided.kind === 'rejected' ? decided : events(...reopening(state, command), ...decided.events);
}

function reopening({ value }: State, command: SteeringCommand): WorkflowInstanceEvent[] {
  if (!isEnded(value)) return [];
  return [{ type: 'WorkflowReopened', data: { ...askedOf(command), reopenedAt: command.now } }];
}

/** Attempts run, or may run, or something is awaited. */
const underWay: readonly TaskStatus[] = [
  'assigned',
  'accepted',
  'running',
  'awaiting',
  'expanded',
  'absent',
  'cancelling',
];
const namedMax = 3;

function clear(state: State, command: CommandOf<'ClearTasks'>): Decided {
  const { plan, context, value } = state;
  const { scope, tasks } = command;
  if (!isOpen(value) && !isEnded(value)) return openOrEndedOnly(value);
  if (scope === 'all' && !isEnded(value)) {
    return notAllowed(`the run is ${value}; only one that has ended can be run again as a whole: stop it first`);
  }
  const unknown = tasks?.find((task) => findTask(plan, context, task) === undefined);
  if (unknown !== undefined) return unknownTask(plan, unknown);
  const { chosen, items } = clearedBy(plan, context, { scope, tasks });
  if (chosen.size + items.size === 0) {
    return notAllowed('no task has failed or was stopped; there is nothing to run again');
  }
  const states = [...chosen].map((index) => at(context.tasks, index));
  for (const [map, numbers] of items) states.push(...itemStates(at(context.tasks, map), numbers));
  const busy = states.filter(({ status }) => underWay.includes(status));
  if (busy.length > 0) return notAllowed(`${namesOf(busy)} under way; stop it first, or wait for its end`);
  const named = tasks === undefined ? {} : { tasks };
  const cleared = { type: 'StateCleared', data: { scope, ...named, ...askedOf(command) } } as const;
  return events(...reopening(state, command), cleared);
}

function itemStates(map: TaskState, numbers: ReadonlySet<number>): TaskState[] {
  return [...allItems(map)].filter(([item]) => numbers.has(item)).map(([, state]) => state);
}

function namesOf(states: readonly TaskState[]): string {
  const names = states.slice(0, namedMax).map(({ context }) => context.task);
  const more = states.length > namedMax ? ` and ${states.length - namedMax} more are` : ' is';
  return `${names.join(', ')}${more}`;
}

/** An item that its map no longer has can rejoin all the same. */
function rejoin({ plan, context, value }: State, command: CommandOf<'RejoinTask'>): Decided {
  const { task } = command;
  if (!isOpen(value)) return openOnly(value);
  if (plan.find(task) === undefined) return unknownTask(plan, task);
  if (!context.isolated.some((entry) => entry.task === task)) {
    const named = context.isolated.map((entry) => entry.task).join(', ');
    return notAllowed(`the task ${task} is not isolated; isolated are: ${named === '' ? 'none' : named}`);
  }
  return events({ type: 'IsolationRemoved', data: { task, ...askedOf(command) } });
}

function changePriority({ plan, value, context }: State, command: CommandOf<'ChangePriority'>): Decided {
  const { task, priority } = command;
  if (!isOpen(value)) return openOnly(value);
  if (task !== undefined && findTask(plan, context, task) === undefined) return unknownTask(plan, task);
  return events({
    type: 'PriorityChanged',
    data: { ...(task === undefined ? {} : { task }), priority, ...askedOf(command) },
  });
}

/** Of one name, that no task has taken. */
const signalsKeptMax = 100;

/** The first task that awaits the signal takes it; without one it is kept. */
function signal({ plan, context, value }: State, command: CommandOf<'SendSignal'>): Decided {
  const { name, payload, now, key, by } = command;
  if (!isOpen(value)) return openOnly(value);
  if (plan.signalTasks(name).length === 0) {
    return notAllowed(`no task of the workflow ${plan.definition.name} waits for a signal ${name}`);
  }
  if ((context.signals[name]?.length ?? 0) >= signalsKeptMax) {
    return notAllowed(`${signalsKeptMax} signals ${name} wait to be taken; the run keeps no more of them`);
  }
  const received = { type: 'SignalReceived', data: { name, payload, ...askedOf(command) } } as const;
  const taker = plan
    .signalTasks(name)
    .map((index) => at(context.tasks, index))
    .find(({ status }) => status === 'awaiting');
  if (taker?.context.awaiting == null) return events(received);
  const { task, awaiting } = taker.context;
  const taken = context.signals[name]?.[0] ?? payload;
  const end = { task, attemptId: awaiting.attemptId, finishedAt: now, outputs: { payload: taken } };
  const evidence = `the signal ${name} of ${by} (${key})`;
  return events(received, { type: 'TaskConcluded', data: { ...end, result: 'succeeded', evidence } });
}

function approve({ planned: { definition }, state }: FoundTask, command: CommandOf<'ApproveTask'>): Decided {
  const { approved, by, reason, now } = command;
  const { status, context: task } = state;
  if (status !== 'awaiting' || task.awaiting?.awaits.kind !== 'approval') {
    const found = hasEnded(status) ? `has ended as ${status}` : `is ${status}`;
    return notAllowed(
      `the task ${definition.name} ${found}; only one that awaits an approval can be approved or declined`,
    );
  }
  const { attemptId } = task.awaiting;
  const end = { task: definition.name, attemptId, finishedAt: now, decidedBy: askedOf(command) };
  if (approved) {
    const outputs = { approved, by, ...(reason === undefined ? {} : { comment: reason }) };
    return events({ type: 'TaskConcluded', data: { ...end, result: 'succeeded', outputs } });
  }
  const message = `declined by ${by}${reason === undefined ? '' : `: ${reason}`}`;
  return events({
    type: 'TaskConcluded',
    data: { ...end, result: 'failed', fault: { code: 'APPROVAL_DECLINED', message } },
  });
}
