/**
 * Every event type with the schema of its current version. Reading parses with it, so that nothing unknown is folded.
 * A changed shape gets a new version here and an upcaster from the old one; a released history is never edited.
 */
import type { z } from 'zod';
import { clusterOperationsEvents } from './cluster-operations.events.ts';
import { taskGroupEvents } from './task-group.events.ts';
import { workflowDefinitionEvents } from './workflow-definition.events.ts';
import { workflowInstanceEvents } from './workflow-instance.events.ts';
import { workflowQueueEvents } from './workflow-queue.events.ts';

export const eventRegistry = {
  ...workflowInstanceEvents,
  ...workflowDefinitionEvents,
  ...taskGroupEvents,
  ...workflowQueueEvents,
  ...clusterOperationsEvents,
} as const;

export type EventType = keyof typeof eventRegistry;

/** Shape version that this build writes, per event type. */
export const schemaVersion = 1;

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(eventRegistry, type);
}

export function eventSchemaOf(type: EventType): z.ZodType {
  return eventRegistry[type];
}
