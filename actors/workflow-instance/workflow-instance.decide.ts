/**
 * Commands to a run, decided into events. Legality is the machine's: an event is only returned if the machine takes it.
 * A repeated command that has been done already is answered with no events, not with a rejection.
 */
import type { Steering, WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { type Decision, rejected } from '../kit/decider.ts';
import { decideConclusion } from '../task-instance/awaiting.decide.ts';
import { decideOrphanResolution } from '../task-instance/orphan-resolution.decide.ts';
import { decideUse, withKeptResult } from '../task-instance/results.decide.ts';
import {
  decideApplications,
  decideLoss,
  decideRejection,
  decideReport,
  decideResolution,
  decideReturn,
} from '../task-instance/task-instance.decide.ts';
import type { TaskState } from '../task-instance/task-instance.state.ts';
import { decideTimer } from '../task-instance/task-timers.decide.ts';
import { decideTold } from '../task-instance/tended.decide.ts';
import { decideBegin } from './begin.decide.ts';
import { decideCollection } from './map.decide.ts';
import { decideSteering, isSteering, unknownTask } from './steering.decide.ts';
import { findTask } from './task-lookup.ts';
import { runTimeoutTimer } from './workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from './workflow-instance.machine.ts';
import { isEnded, outcomeOf } from './workflow-instance.state.ts';

type Decided = Decision<WorkflowInstanceEvent>;
type OwnCommand = Exclude<WorkflowInstanceCommand, Steering>;
type CommandOf<T extends WorkflowInstanceCommand['type']> = Extract<WorkflowInstanceCommand, { type: T }>;

export function decideWorkflowInstance(
  plan: Plan,
  snapshot: WorkflowInstanceSnapshot,
  command: WorkflowInstanceCommand,
): Decided {
  return isSteering(command) ? decideSteering(plan, snapshot, command) : decideOwn(plan, snapshot, command);
}

/** What nobody asks for but submitters, owners, workers and clocks; and the stop. */
function decideOwn(plan: Plan, snapshot: WorkflowInstanceSnapshot, command: OwnCommand): Decided {
  switch (command.type) {
    case 'SubmitWorkflow':
      return submit(snapshot, command);
    case 'TakeOwnership':
      return takeOwnership(snapshot, command);
    case 'AssignTask':
      return assignTask(plan, snapshot, command);
    case 'HoldTask':
      return holdTask(plan, snapshot, command);
    case 'RejectAttempt':
      return rejectAttempt(plan, snapshot, command);
    case 'RecordReport':
      return forTask(plan, snapshot, command.report.task, (task, state) =>
        withKeptResult(task.definition, state, decideReport(task.definition, state, command)),
      );
    case 'RecordApplications':
      return forTask(plan, snapshot, command.task, (_, state) => decideApplications(state, command));
    case 'LoseAttempt':
      return forTask(plan, snapshot, command.task, (task, state) => decideLoss(task.definition, state, command));
    case 'TellApplications':
      return forTask(plan, snapshot, command.task, (task, state) => decideTold(task.definition, state, command));
    case 'ReturnAttempt':
      return forTask(plan, snapshot, command.task, (_, state) => decideReturn(state, command));
    case 'ResolveLost':
      return resolveLost(plan, snapshot, command);
    case 'FireTimer':
      return forTask(plan, snapshot, command.task, (task, state) => decideTimer(task.definition, state, command));
    case 'FireRunTimer':
      return runTimeout(plan, snapshot, command);
    case 'StartTask':
      return forTask(plan, snapshot, command.task, (task, state) =>
        mayBegin(snapshot, state) ? decideBegin(plan, snapshot.context, task, command) : [],
      );
    case 'QueueTask':
      return forTask(plan, snapshot, command.task, (task, state) =>
        mayBegin(snapshot, state) ? decideQueue(task.definition, state, command.now) : [],
      );
    case 'UseResult':
      return forTask(plan, snapshot, command.task, (task, state) =>
        mayBegin(snapshot, state) ? decideUse(task.definition, state, command) : [],
      );
    case 'CollectItems':
      return forTask(plan, snapshot, command.task, (task, state) => decideCollection(task, state, command));
    case 'ConcludeTask':
      return forTask(plan, snapshot, command.task, (task, state) => decideConclusion(task.definition, state, command));
    case 'AdmitWorkflow':
      return admit(snapshot, command);
    case 'ConcludePause':
      return concludePause(snapshot, command);
    case 'RequestStop':
      return requestStop(snapshot, command);
    case 'ConcludeWorkflow':
      return conclude(snapshot, command);
  }
}

/** The first owner takes the run in the same append: nothing of it is decided before it has one. */
function submit(snapshot: WorkflowInstanceSnapshot, command: CommandOf<'SubmitWorkflow'>): Decided {
  const { definition, key, params, now, owner } = command;
  const submitted = ifLegal(snapshot, {
    type: 'WorkflowSubmitted',
    data: { definition, key, params, submittedAt: now, ...wishesOf(command) },
  });
  if (submitted.kind === 'rejected' || owner === undefined) return submitted;
  const data = { epoch: snapshot.context.epoch + 1, ...owner, reason: 'created' as const };
  return { kind: 'events', events: [...submitted.events, { type: 'OwnershipTaken', data }] };
}

/** What a submission may say or leave out. */
function wishesOf({ given, start, dryRun, priority, logicalAt, parent }: CommandOf<'SubmitWorkflow'>) {
  return {
    ...(given === undefined ? {} : { given }),
    ...(start === undefined ? {} : { start }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(priority === undefined ? {} : { priority }),
    ...(logicalAt === undefined ? {} : { logicalAt }),
    ...(parent === undefined ? {} : { parent }),
  };
}

function takeOwnership(snapshot: WorkflowInstanceSnapshot, command: CommandOf<'TakeOwnership'>): Decided {
  const { master, incarnation, host, claimRevision, reason, evidence } = command;
  const epoch = snapshot.context.epoch + 1;
  const data = {
    epoch,
    master,
    incarnation,
    host,
    claimRevision,
    reason,
    ...(evidence === undefined ? {} : { evidence }),
  };
  return ifLegal(snapshot, { type: 'OwnershipTaken', data });
}

function assignTask(plan: Plan, snapshot: WorkflowInstanceSnapshot, command: CommandOf<'AssignTask'>): Decided {
  const { task, attemptId, worker, workerIncarnation, why, cacheKey, round } = command;
  const found = findTask(plan, snapshot.context, task);
  if (found === undefined) return unknownTask(plan, task);
  const { state } = found;
  if (state.context.isolations > 0) return rejected('COMMAND_NOT_ALLOWED', `the task ${task} is isolated`);
  if (round !== undefined && round !== state.context.round)
    return rejected('COMMAND_NOT_ALLOWED', `the task ${task} was cleared while a worker was chosen for it`);
  const attempt = state.context.attempt + 1;
  return ifLegal(snapshot, {
    type: 'TaskAssigned',
    data: { task, attemptId, attempt, worker, workerIncarnation, why, ...(cacheKey === undefined ? {} : { cacheKey }) },
  });
}

/** What was owed when the run was not paused and the task not isolated may be asked for too late. */
function mayBegin({ value }: WorkflowInstanceSnapshot, { context }: TaskState): boolean {
  return value === 'active' && context.isolations === 0;
}

/** One event per change of the reason: a task that is held for the same reason as before gets none. */
function holdTask(plan: Plan, snapshot: WorkflowInstanceSnapshot, { task, reason }: CommandOf<'HoldTask'>): Decided {
  return forTask(plan, snapshot, task, (_, { context, status }) => {
    if (status !== 'ready' || context.held?.code === reason.code) return [];
    return [{ type: 'TaskHeld', data: { task, reason } }];
  });
}

function rejectAttempt(plan: Plan, snapshot: WorkflowInstanceSnapshot, command: CommandOf<'RejectAttempt'>): Decided {
  const found = findTask(plan, snapshot.context, command.task);
  if (found === undefined) return unknownTask(plan, command.task);
  return ifLegal(snapshot, decideRejection(found.planned.definition, found.state, command));
}

function resolveLost(plan: Plan, snapshot: WorkflowInstanceSnapshot, command: CommandOf<'ResolveLost'>): Decided {
  const found = findTask(plan, snapshot.context, command.task);
  if (found === undefined) return unknownTask(plan, command.task);
  const { state } = found;
  const { definition } = found.planned;
  const events = decideOrphanResolution(definition, state, command) ?? decideResolution(state, command);
  if (events !== undefined && 'unasked' in events) {
    const clusters = events.unasked.join(', ');
    const what = `${clusters} did not say yet what became of the applications of the task ${command.task}`;
    return rejected('COMMAND_NOT_ALLOWED', `${what}; decide again in a moment`);
  }
  if (events !== undefined) return { kind: 'events', events };
  return rejected(
    'COMMAND_NOT_ALLOWED',
    `the task ${command.task} is ${state.status}; only one whose worker is absent waits for a decision`,
  );
}

/** A run that ends because a task failed is being stopped already. */
function requestStop(snapshot: WorkflowInstanceSnapshot, command: CommandOf<'RequestStop'>): Decided {
  const { key, by, reason, round } = command;
  const { value, context } = snapshot;
  if (context.commandKeys.includes(key)) return { kind: 'events', events: [] };
  if (round !== undefined && round !== context.round) {
    const found = `the run has been opened again ${context.round} times, not ${round}`;
    return rejected('COMMAND_NOT_ALLOWED', `${found}; leave out the round to stop it in any case`);
  }
  if (value === 'stopping' || value === 'ending' || value === 'stopped') return { kind: 'events', events: [] };
  if (value === 'submitted' || isEnded(value)) {
    return rejected('COMMAND_NOT_ALLOWED', `a run that is ${value} cannot be stopped; only a running one can`);
  }
  const data = { key, by, ...(reason === undefined ? {} : { reason }) };
  return { kind: 'events', events: [{ type: 'WorkflowStopRequested', data }] };
}

function conclude(snapshot: WorkflowInstanceSnapshot, { now }: CommandOf<'ConcludeWorkflow'>): Decided {
  const { context, value } = snapshot;
  const finishedAt = now;
  switch (outcomeOf(value, context)) {
    case 'succeeded':
      return ifLegal(snapshot, { type: 'WorkflowSucceeded', data: { finishedAt } });
    case 'failed': {
      const data = { finishedAt, failedTasks: [...context.failedTasks], failedCount: context.counts.failed };
      return ifLegal(snapshot, { type: 'WorkflowFailed', data });
    }
    case 'stopped':
      return ifLegal(snapshot, { type: 'WorkflowStopped', data: { finishedAt, by: context.stop?.by ?? 'unknown' } });
  }
}

function runTimeout(
  plan: Plan,
  snapshot: WorkflowInstanceSnapshot,
  { timerId, now }: CommandOf<'FireRunTimer'>,
): Decided {
  const { round, timedOut } = snapshot.context;
  if (timerId !== runTimeoutTimer(round) || timedOut !== null) return { kind: 'events', events: [] };
  const action = plan.definition.timeoutPolicy === 'warn' ? 'warn' : 'fail';
  return ifPossible(snapshot, { type: 'WorkflowTimedOut', data: { timedOutAt: now, action } });
}

/** Only tasks with a queue timeout are noted, once. */
function decideQueue({ queueTimeoutMs }: TaskDefinition, state: TaskState, now: number): WorkflowInstanceEvent[] {
  const { task, queue } = state.context;
  if (queueTimeoutMs === undefined || queue !== null || state.status !== 'ready') return [];
  return [{ type: 'TaskQueued', data: { task, since: now, dueAt: now + queueTimeoutMs } }];
}

/** A turn of a run that has ended since is over: opened again, it waits for another one. */
function admit(snapshot: WorkflowInstanceSnapshot, { now, evidence, round }: CommandOf<'AdmitWorkflow'>): Decided {
  if (round !== undefined && round !== snapshot.context.round) return { kind: 'events', events: [] };
  const data = { admittedAt: now, ...(evidence === undefined ? {} : { evidence }) };
  return ifPossible(snapshot, { type: 'WorkflowAdmitted', data });
}

function concludePause(snapshot: WorkflowInstanceSnapshot, { now }: CommandOf<'ConcludePause'>): Decided {
  return ifPossible(snapshot, { type: 'WorkflowPaused', data: { pausedAt: now } });
}

function forTask(
  plan: Plan,
  snapshot: WorkflowInstanceSnapshot,
  name: TaskName,
  decide: (task: PlannedTask, state: TaskState) => WorkflowInstanceEvent[],
): Decided {
  const found = findTask(plan, snapshot.context, name);
  if (found === undefined) return unknownTask(plan, name);
  if (isEnded(snapshot.value)) return { kind: 'events', events: [] };
  return { kind: 'events', events: decide(found.planned, found.state) };
}

/** What is no longer possible was done, or is no longer wanted. */
function ifPossible(snapshot: WorkflowInstanceSnapshot, event: WorkflowInstanceEvent): Decided {
  return { kind: 'events', events: snapshot.can(event) ? [event] : [] };
}

function ifLegal(snapshot: WorkflowInstanceSnapshot, event: WorkflowInstanceEvent): Decided {
  if (snapshot.can(event)) return { kind: 'events', events: [event] };
  return rejected('COMMAND_NOT_ALLOWED', `${event.type} is not possible while the run is ${snapshot.value}`);
}
