/** Whether a run may go on by another version: all that stands against it, each in a sentence. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { type Plan, planOf } from '../graph/plan.ts';
import { type Decision, rejected } from '../kit/decider.ts';
import { entries } from '../kit/persistent-vector.ts';
import { hasEnded, type TaskState } from '../task-instance/task-instance.state.ts';
import { givenNames, isUntouched, movedParams } from './move.ts';
import type { WorkflowInstanceContext, WorkflowInstanceStatus } from './workflow-instance.state.ts';

type MoveVersion = Extract<WorkflowInstanceCommand, { type: 'MoveVersion' }>;
type State = { plan: Plan; value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

/** A longer list of reasons is cut off. */
const reasonsMax = 20;

export function decideMove(state: State, command: MoveVersion): Decision<WorkflowInstanceEvent> {
  const { definition: from } = state.context;
  const { to, definition, now, key, by, reason } = command;
  if (from?.version === to.version) return { kind: 'events', events: [] };
  const reasons = obstaclesTo(state, definition);
  if (from === null || reasons.length > 0) {
    const shown = reasons.slice(0, reasonsMax).join('; ');
    const more = reasons.length > reasonsMax ? `; and ${reasons.length - reasonsMax} more reasons` : '';
    return rejected('COMMAND_NOT_ALLOWED', `the run cannot be moved to version ${to.version}: ${shown}${more}`);
  }
  const asked = { key, by, ...(reason === undefined ? {} : { reason }) };
  return {
    kind: 'events',
    events: [{ type: 'WorkflowMoved', data: { ...asked, movedAt: now, from, to, definition } }],
  };
}

function obstaclesTo(state: State, to: WorkflowDefinition): string[] {
  const { value } = state;
  if (value !== 'paused' && value !== 'queued') {
    return [`it is ${value}; only a run that is paused or waits for its turn can be moved: pause it first`];
  }
  return [...runObstacles(state, to), ...paramObstacles(state, to), ...taskObstacles(state, to)];
}

function runObstacles({ value, context }: State, to: WorkflowDefinition): string[] {
  const reasons: string[] = [];
  if (value === 'queued' && to.concurrency === undefined) {
    reasons.push('it waits for its turn, and that version has no turns (no "concurrency")');
  }
  const states = [...entries(context.tasks)].map(([, state]) => state);
  if (states.some(isLeftOut)) reasons.push('it was started with chosen tasks only');
  const unhandled = to.failurePolicy === 'end' ? unhandledFailures(states, planOf(to)) : [];
  if (unhandled.length > 0) {
    reasons.push(`that version ends a run at the first failure, and ${unhandled.join(', ')} did not succeed`);
  }
  return reasons;
}

const isLeftOut = ({ context: { passOver, skip } }: TaskState) =>
  passOver === 'notSelected' || skip?.why === 'notSelected';

function unhandledFailures(states: readonly TaskState[], to: Plan): string[] {
  const isHandled = (task: TaskState['context']['task']) => to.tasks[to.indexOf(task) ?? -1]?.isFailureHandled === true;
  return states
    .filter(({ status, context: { task } }) => (status === 'failed' || status === 'stopped') && !isHandled(task))
    .map(({ context: { task } }) => task);
}

function paramObstacles({ plan, context }: State, to: WorkflowDefinition): string[] {
  const unknown = givenNames(plan.definition, context).filter((name) => !Object.hasOwn(to.params, name));
  const params = movedParams(plan.definition, to, context);
  const missing = Object.keys(params).filter((name) => params[name] === null);
  return [
    ...unknown.map((name) => `it was given the parameter ${name}, which that version does not have`),
    ...missing.map((name) => `the parameter ${name} has no default in that version, and the run was not given it`),
  ];
}

/** What has begun or ended is there, and is the same. What had, and was cleared, is there. */
function taskObstacles({ plan, context }: State, to: WorkflowDefinition): string[] {
  const others = new Map(to.tasks.map((task) => [task.name, task]));
  const reasons: string[] = [];
  for (const [index, state] of entries(context.tasks)) {
    const definition = plan.tasks[index]?.definition;
    if (definition === undefined) continue;
    const { name } = definition;
    const other = others.get(name);
    if (isUntouched(state)) {
      if (other === undefined && hasPast(state)) reasons.push(`${name} has run before, and is not in that version`);
      continue;
    }
    const fields = other === undefined ? [] : changedFields(definition, other, hasEnded(state.status));
    if (other === undefined) reasons.push(`${name} is ${state.status} and is not in that version`);
    else if (fields.length > 0) reasons.push(`${name} is ${state.status} and differs there in ${fields.join(', ')}`);
  }
  return reasons;
}

/** Left out and taken up again by a third version, it would begin anew with numbers that were given to attempts before. */
const hasPast = ({ context: { attempt } }: TaskState) => attempt > 0;

/** What an ended task was, and what it was given. Of one that goes on everything counts but what people read. */
const endFields = ['needs', 'settings', 'enabled', 'params', 'env'] as const;

function changedFields(before: TaskDefinition, after: TaskDefinition, isEnd: boolean): string[] {
  const names = isEnd ? endFields : [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const isChanged = (name: string) => name !== 'description' && textOf(before, name) !== textOf(after, name);
  return names.filter(isChanged);
}

/** The order of needs does not matter. Reason for the cast: a definition is plain JSON by its schema. */
function textOf(task: TaskDefinition, name: string): string {
  const value = (task as unknown as Record<string, JsonValue | undefined>)[name];
  return JSON.stringify(name === 'needs' ? [...task.needs].sort() : sorted(value ?? null));
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const inOrder = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(inOrder.map(([key, part]) => [key, sorted(part)]));
}
