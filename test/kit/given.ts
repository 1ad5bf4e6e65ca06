/**
 * Specifications of a run: given what happened, when this is asked, then these events (or this refusal) and effects.
 * `given(definition, ...steps).when(command).then(...events).andEffects(...effects)`
 */
import { expect } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { ErrorCode } from '../../schemas/errors.ts';
import { isEventType } from '../../schemas/events/registry.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';

export type Step = WorkflowInstanceEvent | WorkflowInstanceCommand;

export type Given = {
  readonly actor: WorkflowInstanceActor;
  readonly snapshot: WorkflowInstanceSnapshot;
  task(name: string): TaskState;
  /** Asks for something; what it leads to is checked by the answer. */
  when(command: WorkflowInstanceCommand): Asked;
  /** Goes on from here; a command that is refused fails the test. */
  and(...steps: Step[]): Given;
};

type Asked = {
  then(...events: WorkflowInstanceEvent[]): Happened;
  /** Only the types, where the fields are specified elsewhere. */
  thenTypes(...types: WorkflowInstanceEvent['type'][]): Happened;
  /** Events that the test does not look at. */
  thenAny(): Given;
  /** The command was done already, or is too late: no event, no refusal. */
  thenNothing(): void;
  thenRejected(code: ErrorCode): void;
};

type Happened = Given & { andEffects(...effects: WorkflowInstanceEffect[]): Given };

export function given(definition: WorkflowDefinition, ...steps: Step[]): Given {
  const actor = workflowInstanceActor(planOf(definition));
  return from(actor, actor.initial()).and(...steps);
}

function from(actor: WorkflowInstanceActor, snapshot: WorkflowInstanceSnapshot): Given {
  return {
    actor,
    snapshot,
    task: (name) => taskIn(actor, snapshot, name),
    when: (command) => ask(actor, snapshot, command),
    and: (...steps) =>
      from(
        actor,
        steps.reduce((before, step) => advance(actor, before, step), snapshot),
      ),
  };
}

function ask(
  actor: WorkflowInstanceActor,
  snapshot: WorkflowInstanceSnapshot,
  command: WorkflowInstanceCommand,
): Asked {
  const before = JSON.stringify(actor.store(snapshot));
  const decision = actor.decide(snapshot, command);
  expect(JSON.stringify(actor.store(snapshot)), 'deciding changed the snapshot').toBe(before);
  const decided = () => {
    if (decision.kind === 'rejected') throw new Error(`${command.type} was refused: ${decision.rejection.message}`);
    return decision.events;
  };
  return {
    // biome-ignore lint/suspicious/noThenProperty: nothing awaits it; "given, when, then" is the language.
    then: (...events) => {
      expect(decided()).toEqual(events);
      return happened(actor, snapshot, decided());
    },
    thenTypes: (...types) => {
      expect(decided().map(({ type }) => type)).toEqual(types);
      return happened(actor, snapshot, decided());
    },
    thenAny: () => happened(actor, snapshot, decided()),
    thenNothing: () => expect(decided()).toEqual([]),
    thenRejected: (code) =>
      expect(decision).toEqual({ kind: 'rejected', rejection: { code, message: expect.any(String) } }),
  };
}

function happened(
  actor: WorkflowInstanceActor,
  before: WorkflowInstanceSnapshot,
  events: readonly WorkflowInstanceEvent[],
): Happened {
  let snapshot = before;
  const collected: WorkflowInstanceEffect[] = [];
  for (const event of events) {
    const folded = actor.fold(snapshot, event);
    snapshot = folded.snapshot;
    collected.push(...folded.effects);
  }
  const after = from(actor, snapshot);
  return {
    ...after,
    andEffects: (...effects) => {
      expect(collected).toEqual(effects);
      return after;
    },
  };
}

function advance(
  actor: WorkflowInstanceActor,
  snapshot: WorkflowInstanceSnapshot,
  step: Step,
): WorkflowInstanceSnapshot {
  if (isEvent(step)) return actor.fold(snapshot, step).snapshot;
  const decision = actor.decide(snapshot, step);
  if (decision.kind === 'rejected') throw new Error(`${step.type} was refused: ${decision.rejection.message}`);
  return decision.events.reduce((before, event) => actor.fold(before, event).snapshot, snapshot);
}

function isEvent(step: Step): step is WorkflowInstanceEvent {
  return isEventType(step.type);
}

function taskIn(actor: WorkflowInstanceActor, snapshot: WorkflowInstanceSnapshot, name: string): TaskState {
  const state = taskStateOf(actor.at(snapshot).plan, snapshot.context, name as TaskName);
  if (state === undefined) throw new Error(`the run has no task ${name}`);
  return state;
}
