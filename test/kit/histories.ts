/** Reads golden histories: JSON Lines, the definition first, then one event per line. */
import { readFileSync } from 'node:fs';
import { planOf } from '../../actors/graph/plan.ts';
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import {
  type StoredWorkflowInstance,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { type WorkflowDefinition, workflowDefinitionSchema } from '../../schemas/definition/workflow.definition.ts';
import { eventSchemaOf, isEventType } from '../../schemas/events/registry.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';

export type History = { definition: WorkflowDefinition; recorded: HistoryEvent[] };

export const historiesFolder = new URL('../histories', import.meta.url).pathname;

export function readHistory(file: string): History {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const { format, definition } = JSON.parse(header ?? '{}') as { format?: number; definition?: unknown };
  if (format !== 1) throw new Error(`${file} has format ${format}, expected 1`);
  const recorded = lines.map((line) => JSON.parse(line) as HistoryEvent);
  return { definition: workflowDefinitionSchema.parse(definition), recorded };
}

/** The event as the journal's reader passes it on. */
export function eventOf({ type, data }: HistoryEvent): WorkflowInstanceEvent {
  if (!isEventType(type)) throw new Error(`${type} is not an event`);
  return { type, data: eventSchemaOf(type).parse(data) } as WorkflowInstanceEvent;
}

export function foldHistory({ definition, recorded }: History): StoredWorkflowInstance {
  const actor = workflowInstanceActor(planOf(definition));
  const fold = (snapshot: ReturnType<typeof actor.initial>, event: HistoryEvent) =>
    actor.fold(snapshot, eventOf(event)).snapshot;
  return actor.store(recorded.reduce(fold, actor.initial()));
}
