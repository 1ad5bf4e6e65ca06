/** A place in a history at which a decision was made: the state before it, and the events from there on. */
import type { Plan } from '../../actors/graph/plan.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';

export type Decided = {
  plan: Plan;
  snapshot: WorkflowInstanceSnapshot;
  /** From the first event of the decision on; what follows may belong to later ones. */
  events: readonly WorkflowInstanceEvent[];
  /** The owner's clock. */
  decidedAt: number;
};
