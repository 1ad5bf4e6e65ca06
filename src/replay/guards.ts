/**
 * The guards that the machines looked at: for an event, each way that it could have taken in the state before it, in order,
 * with the guard that opened or closed it; for a moment, the ways that are closed by the state alone.
 */
import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';
import { taskInstanceMachine } from '../../actors/task-instance/task-instance.machine.ts';
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import { findTask } from '../../actors/workflow-instance/task-lookup.ts';
import { workflowInstanceMachine } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { TaskName } from '../../schemas/ids.ts';
import { type RunScope, runGuardReason, taskGuardReason } from './guard-reasons.ts';
import type { Moment, ReplayedRun } from './replayed-run.ts';

export type GuardCheck = {
  machine: 'run' | 'task';
  /** The state that the way leaves. */
  state: string;
  event: string;
  /** Where the way leads; the state itself where it stays. */
  target: string;
  /** Undefined where the way is always open. */
  guard: string | undefined;
  holds: boolean;
  /** The first open way is taken; those after it are not looked at. */
  isTaken: boolean;
  why: string;
};

type Judged = { type: string; data: Record<string, unknown> };

/** Guards that look at the state and not at the event. */
const stateGuards: readonly string[] = ['endsAs', 'hasNothingLive', 'isLastNeed', 'isLastIsolation'];

/** Of the run's machine first, then of the task that the event is about. */
export function guardsOfEvent(run: ReplayedRun, revision: number): GuardCheck[] {
  const before = run.at(revision - 1);
  // Reason for the cast: a guard reads the fields that it knows, of whatever event.
  const event = run.event(revision) as unknown as Judged;
  const checks = looked(runWays(before, event.type).map((way) => judgeForRun(before, way, event)));
  const state = taskStateOf(before, event.data.task);
  if (state === undefined) return checks;
  const ofTask = taskWays(state, event.type).map((way) => judgeForTask(before, { way, event, state }));
  return [...checks, ...looked(ofTask)];
}

/** Ways out of the state, or out of the state of one task, that are closed now, whatever event may come. */
export function closedWays(moment: Moment, task?: string): GuardCheck[] {
  const probe = (type: string): Judged => ({ type, data: {} });
  const state = task === undefined ? undefined : taskStateOf(moment, task);
  // A guard that looks at the event has nothing to look at here.
  const ofState = (way: AnyTransitionDefinition) => stateGuards.includes(guardOf(way).guard ?? '');
  const checks =
    state === undefined
      ? allWays(machineOf(moment), moment.snapshot.value)
          .filter(ofState)
          .map((way) => judgeForRun(moment, way, probe(way.eventType)))
      : allWays(taskInstanceMachine, state.status)
          .filter(ofState)
          .map((way) => judgeForTask(moment, { way, event: probe(way.eventType), state }));
  return checks.filter(({ holds }) => !holds);
}

function machineOf({ actor }: Moment): AnyStateMachine {
  return machines.get(actor.plan) ?? kept(actor.plan);
}

const machines = new WeakMap<object, AnyStateMachine>();

function kept(plan: Moment['actor']['plan']): AnyStateMachine {
  const machine = workflowInstanceMachine(plan);
  machines.set(plan, machine);
  return machine;
}

function runWays(moment: Moment, type: string): AnyTransitionDefinition[] {
  return waysOf(machineOf(moment), moment.snapshot.value, type);
}

const taskWays = ({ status }: TaskState, type: string) => waysOf(taskInstanceMachine, status, type);

function waysOf(machine: AnyStateMachine, state: string, type: string): AnyTransitionDefinition[] {
  return [...(machine.states[state]?.transitions.get(type) ?? []), ...(machine.root.transitions.get(type) ?? [])];
}

function allWays(machine: AnyStateMachine, state: string): AnyTransitionDefinition[] {
  return [...(machine.states[state]?.transitions.values() ?? [])].flat();
}

function judgeForRun({ actor, snapshot }: Moment, way: AnyTransitionDefinition, event: Judged): GuardCheck {
  const { context } = snapshot;
  const scope: RunScope = { plan: actor.plan, status: snapshot.value, context, data: event.data };
  const judged = judge(way, machineOf({ actor, snapshot, revision: 0 }), { context, event, state: snapshot.value });
  const why = judged.guard === undefined ? 'always open' : runGuardReason(judged.guard, scope);
  return { machine: 'run', ...judged, why };
}

type TaskWay = { way: AnyTransitionDefinition; event: Judged; state: TaskState };

function judgeForTask({ actor, snapshot }: Moment, { way, event, state }: TaskWay): GuardCheck {
  const judged = judge(way, taskInstanceMachine, { context: state.context, event, state: state.status });
  const run: RunScope = { plan: actor.plan, status: snapshot.value, context: snapshot.context, data: event.data };
  const why = judged.guard === undefined ? 'always open' : taskGuardReason(judged.guard, { ...run, state });
  return { machine: 'task', ...judged, why };
}

type Scope = { context: unknown; event: Judged; state: string };

function judge(
  way: AnyTransitionDefinition,
  machine: AnyStateMachine,
  scope: Scope,
): Omit<GuardCheck, 'machine' | 'why'> {
  const { guard, params } = guardOf(way);
  // A way that all states have in common leaves the one that it is, and may lead nowhere else.
  const place = {
    state: scope.state,
    event: way.eventType,
    target: way.target?.[0]?.key ?? scope.state,
    isTaken: false,
  };
  if (guard === undefined) return { ...place, guard, holds: true };
  const judgeIt: unknown = machine.implementations.guards[guard];
  // Reason for the cast: guards of journaled machines are functions of scope and parameters.
  const holds = (judgeIt as (scope: Scope, params: unknown) => boolean)(scope, params);
  return { ...place, guard, holds };
}

function guardOf({ guard }: AnyTransitionDefinition): { guard: string | undefined; params: unknown } {
  if (guard === undefined) return { guard: undefined, params: undefined };
  if (typeof guard === 'string') return { guard, params: undefined };
  return 'type' in guard ? { guard: guard.type, params: guard.params } : { guard: undefined, params: undefined };
}

/** Up to the first open way. */
function looked(checks: readonly GuardCheck[]): GuardCheck[] {
  const taken = checks.findIndex(({ holds }) => holds);
  if (taken === -1) return [...checks];
  return checks.slice(0, taken + 1).map((check, index) => ({ ...check, isTaken: index === taken }));
}

function taskStateOf({ actor, snapshot }: Moment, task: unknown): TaskState | undefined {
  return typeof task === 'string' ? findTask(actor.plan, snapshot.context, task as TaskName)?.state : undefined;
}
