/** The journaled actor of one run: machine, decisions and effects of one plan, joined. Made once per definition version. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Plan } from '../graph/plan.ts';
import { BrokenJournal, type JournaledActor } from '../kit/decider.ts';
import { pureMachine } from '../kit/machine-fold.ts';
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
  store(snapshot: WorkflowInstanceSnapshot): StoredWorkflowInstance;
  restore(stored: StoredWorkflowInstance): WorkflowInstanceSnapshot;
};

export function workflowInstanceActor(plan: Plan): WorkflowInstanceActor {
  const pure = pureMachine<WorkflowInstanceSnapshot>(workflowInstanceMachine(plan));
  return {
    plan,
    initial: () => pure.initial(),
    decide: (snapshot, command) => decideWorkflowInstance(plan, snapshot, command),
    fold: (snapshot, event) => {
      const next = pure.transition(snapshot, event);
      // Every event that is taken counts (see the machine): the same context means that it was ignored.
      if (next.snapshot.context.eventCount === snapshot.context.eventCount) {
        throw new BrokenJournal(event.type, snapshot.value);
      }
      // Reason for the cast: `updateWithEffects` puts the whole effect into the params of the action of its name.
      return { snapshot: next.snapshot, effects: next.actions.map(({ params }) => params as WorkflowInstanceEffect) };
    },
    pendingEffects: (snapshot) => pendingEffects(snapshot),
    isFinished: ({ value }) => isEnded(value),
    store: ({ value, context }) => ({ value, context }),
    restore: ({ value, context }) => pure.at(value, context),
  };
}
