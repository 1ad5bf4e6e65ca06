/** Machines of definitions that were met before: making one costs as much as folding a small run. */
import { planOf } from '../../actors/graph/plan.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { digestOf } from '../definitions/canonical.ts';

const keptMax = 100;
/** Larger definitions are known by object only: to compare them costs more than a machine. */
const comparedTaskCountMax = 200;

const byDefinition = new WeakMap<WorkflowDefinition, WorkflowInstanceActor>();
const byDigest = new Map<string, WorkflowInstanceActor>();

export function knownActor(definition: WorkflowDefinition): WorkflowInstanceActor {
  const known = byDefinition.get(definition);
  if (known !== undefined) return known;
  const actor = definition.tasks.length > comparedTaskCountMax ? made(definition) : compared(definition);
  byDefinition.set(definition, actor);
  return actor;
}

function compared(definition: WorkflowDefinition): WorkflowInstanceActor {
  const digest = digestOf(definition);
  const known = byDigest.get(digest);
  if (known !== undefined) return known;
  const actor = made(definition);
  byDigest.set(digest, actor);
  const [oldest] = byDigest.keys();
  if (byDigest.size > keptMax && oldest !== undefined) byDigest.delete(oldest);
  return actor;
}

const made = (definition: WorkflowDefinition) => workflowInstanceActor(planOf(definition));
