/**
 * The facts of one task group (stream `taskGroup-<name>`): how many slots it has, who asked for some, who holds them.
 * How many are taken is nowhere counted: it follows from the holders (I8).
 */
import { z } from 'zod';
import { prioritySchema } from '../definition/workflow.definition.ts';
import { instanceIdSchema, runTaskNameSchema } from '../ids.ts';
import { workflowInstanceEvents } from './workflow-instance.events.ts';

const at = z.int();
const asked = { key: z.string(), by: z.string(), reason: z.string().optional() };

/** Who holds slots or waits for them: a task of a run, in one turn of it. */
export const slotHolderSchema = z.object({
  instance: instanceIdSchema,
  task: runTaskNameSchema,
  /** How often the task was cleared to run again. */
  round: z.int().min(0),
  /** How often it failed and backed off in this round: it gives its slots back meanwhile, and asks anew. */
  turn: z.int().min(0),
});

export const slotEndSchema = z.enum(['ended', 'runEnded', 'notLive']);

export const taskGroupEvents = {
  OwnershipTaken: workflowInstanceEvents.OwnershipTaken,
  TaskGroupConfigured: z.object({
    slots: z.int().min(0),
    /** A closed group grants nothing. */
    isOpen: z.boolean(),
    configuredAt: at,
    ...asked,
  }),
  SlotRequested: z.object({
    holder: slotHolderSchema,
    priority: prioritySchema,
    /** How many it takes. */
    slots: z.int().min(1),
    requestedAt: at,
  }),
  SlotGranted: z.object({ holder: slotHolderSchema, grantedAt: at }),
  /** Granted by a person, whatever the group has left. */
  SlotForced: z.object({ holder: slotHolderSchema, forcedAt: at, ...asked }),
  SlotReleased: z.object({ holder: slotHolderSchema, why: slotEndSchema, releasedAt: at }),
  RequestWithdrawn: z.object({ holder: slotHolderSchema, why: slotEndSchema, withdrawnAt: at }),
  SlotPriorityChanged: z.object({ holder: slotHolderSchema, priority: prioritySchema, ...asked }),
} as const;

export type TaskGroupEvent = {
  [T in keyof typeof taskGroupEvents]: { type: T; data: z.infer<(typeof taskGroupEvents)[T]> };
}[keyof typeof taskGroupEvents];

export type SlotHolder = z.infer<typeof slotHolderSchema>;
export type SlotEnd = z.infer<typeof slotEndSchema>;
