/**
 * The journaled actor of one run: machine, decisions and effects of one plan, joined. Made once per definition version. A run
 * that was moved to another version brings that one along in its state: every actor folds every run to its end.
 */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import { type Plan, planOf } from '../graph/plan.ts';
import { BrokenJournal, type JournaledActor } from '../kit/decider.ts';
import { pureMachine } from '../kit/machine-fold.ts';
import { propagateMove } from './move.ts';
import { decideWorkflowInstance } from './workflow-instance.decide.ts';
import { pendingEffects, type WorkflowInstanceEffect } from './workflow-instance.effects.ts';
import { type WorkflowInstanceSnapshot, workflowInstanceMachine } from './workflow-instance.machine.ts';
import { isEnded, type WorkflowInstanceContext, type WorkflowInstanceStatus } from './workflow-instance.state.ts';

/** A snapshot as plain JSON: what is stored, compared and shown. */
export type StoredWorkflowInstance = { value: WorkflowInstanceStatus; context: WorkflowInstanceContext };

export type WorkflowInstanceActor = JournaledActor<
  WorkflowInstanceSnapshot,
  WorkflowInstanceEvent,
  WorkflowInstanceCommand,
  WorkflowInstanceEffect
> & {
  readonly plan: Plan;
  /** The actor whose plan the run goes by in this state: another one after it was moved. */
  at(snapshot: Pick<WorkflowInstanceSnapshot, 'context'>): WorkflowInstanceActor;
  store(snapshot: WorkflowInstanceSnapshot): StoredWorkflowInstance;
  restore(stored: StoredWorkflowInstance): WorkflowInstanceSnapshot;
};

export function workflowInstanceActor(plan: Plan): WorkflowInstanceActor {
  const pure = pureMachine<WorkflowInstanceSnapshot>(workflowInstanceMachine(plan));
  const fold = (snapshot: WorkflowInstanceSnapshot, event: WorkflowInstanceEvent) => {
    const next = pure.transition(snapshot, event);
    // Every event that is taken counts (see the machine): the same context means that it was ignored.
    if (next.snapshot.context.eventCount === snapshot.context.eventCount) {
      throw new BrokenJournal(event.type, snapshot.value);
    }
    if (event.type === 'WorkflowMoved') return move(plan, next.snapshot, event);
    // Reason for the cast: `updateWithEffects` puts the whole effect into the params of the action of its name.
    return { snapshot: next.snapshot, effects: next.actions.map(({ params }) => params as WorkflowInstanceEffect) };
  };
  /** The actor of the other version, if the run was moved to one. */
  const otherOf = ({ movedTo }: WorkflowInstanceContext) =>
    movedTo === null || movedTo === plan.definition ? undefined : actorOf(movedTo);
  const actor: WorkflowInstanceActor = {
    plan,
    at: ({ context }) => otherOf(context) ?? actor,
    initial: () => pure.initial(),
    decide: (snapshot, command) =>
      otherOf(snapshot.context)?.decide(snapshot, command) ?? decideWorkflowInstance(plan, snapshot, command),
    fold: (snapshot, event) => otherOf(snapshot.context)?.fold(snapshot, event) ?? fold(snapshot, event),
    pendingEffects: (snapshot) => pendingEffects(snapshot),
    isFinished: ({ value }) => isEnded(value),
    store: ({ value, context }) => ({ value, context }),
    restore: ({ value, context }) => otherOf(context)?.restore({ value, context }) ?? pure.at(value, context),
  };
  return actor;
}

function move(
  from: Plan,
  { value, context }: WorkflowInstanceSnapshot,
  event: WorkflowInstanceEventOf<'WorkflowMoved'>,
) {
  const { plan, restore } = actorOf(event.data.definition);
  const moved = propagateMove({ from, to: plan }, { value, context }, event.data);
  return { snapshot: restore({ value, context: moved.context }), effects: moved.effects };
}

const actors = new WeakMap<WorkflowDefinition, WorkflowInstanceActor>();

/** Of a version that a run was moved to. */
function actorOf(definition: WorkflowDefinition): WorkflowInstanceActor {
  const known = actors.get(definition);
  if (known !== undefined) return known;
  const actor = workflowInstanceActor(planOf(definition));
  actors.set(definition, actor);
  return actor;
}
