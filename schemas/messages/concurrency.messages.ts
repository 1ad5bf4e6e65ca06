/** What users ask of task groups and of the cluster, and what masters tell each other of slots and turns. */
import { z } from 'zod';
import { concurrencySchema, prioritySchema } from '../definition/workflow.definition.ts';
import { frozenSchema } from '../events/cluster-operations.events.ts';
import { slotEndSchema, slotHolderSchema } from '../events/task-group.events.ts';
import { holdReasonSchema } from '../events/workflow-instance.events.ts';
import {
  instanceIdSchema,
  masterIdSchema,
  runTaskNameSchema,
  taskGroupNameSchema,
  taskNameSchema,
  workflowNameSchema,
} from '../ids.ts';

const asked = {
  /** Makes a repeated request harmless. Default: a new one. */
  key: z.string().min(1).max(512).optional(),
  by: z.string().max(256).default('anonymous'),
  reason: z.string().max(1_000).optional(),
};
const group = { group: taskGroupNameSchema };
const slots = z.int().min(0).max(1_000_000);
const waiting = { instance: instanceIdSchema, task: runTaskNameSchema };

/** Body of `millrace.v1.taskGroup.set`: the group has that many slots from now on. A new group is open. */
export const setGroupSchema = z.strictObject({ ...group, slots, ...asked });
/** Body of `millrace.v1.taskGroup.open` and `.close`. */
export const toggleGroupSchema = z.strictObject({ ...group, ...asked });
/** Body of `millrace.v1.taskGroup.force`: a waiting task gets its slots, whatever the group has left. */
export const forceSlotSchema = z.strictObject({ ...group, ...waiting, ...asked });
/** Body of `millrace.v1.taskGroup.priority`: another place in line for a waiting task. */
export const slotPrioritySchema = z.strictObject({ ...group, ...waiting, priority: prioritySchema, ...asked });
/** Body of `millrace.v1.taskGroup.list`. Default: all groups. */
export const listGroupsSchema = z.strictObject({ group: taskGroupNameSchema.optional() });

const held = { ...slotHolderSchema.shape, slots: z.int(), priority: prioritySchema };

export const taskGroupViewSchema = z.object({
  name: taskGroupNameSchema,
  /** `unset`: tasks wait for it, but nobody has said how many slots it has. */
  status: z.enum(['unset', 'open', 'closed']),
  slots: z.int(),
  /** Slots of all holders together. More than `slots` when some were forced, or the group was made smaller. */
  taken: z.int(),
  waitingCount: z.int(),
  /** The first hundred. */
  holders: z.array(z.object({ ...held, grantedAt: z.int(), isForced: z.boolean() })),
  /** The first hundred, in the order in which they asked. */
  waiting: z.array(z.object({ ...held, requestedAt: z.int() })),
  owner: z.object({ master: masterIdSchema, epoch: z.int() }).optional(),
});
export const groupsReplySchema = z.object({ groups: z.array(taskGroupViewSchema) });

/** Body of `millrace.v1.operations`. */
export const operationRequestSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('crown'),
    ...waiting,
    /** Of the tasks that it needs, those that may run. Default: all. The others must have ended. */
    upstreams: z.array(taskNameSchema).optional(),
    ...asked,
  }),
  z.strictObject({ type: z.literal('uncrown'), id: z.string().min(1).max(512), ...asked }),
  z.strictObject({ type: z.literal('freeze'), target: frozenSchema, ...asked }),
  z.strictObject({ type: z.literal('unfreeze'), target: frozenSchema, ...asked }),
  z.strictObject({ type: z.literal('list') }),
]);

/** Body of `millrace.v1.actorEvents`; answered with a page of events, as those of a run are. */
export const actorEventsQuerySchema = z.strictObject({
  kind: z.enum(['taskGroup', 'workflowQueue', 'clusterOperations']),
  /** Name of the task group or of the workflow; `main` for the operations. */
  id: z.string().min(1).max(63),
  from: z.int().min(0).default(0),
  limit: z.int().min(1).max(1_000).default(200),
});

const placed = { placedAt: z.int(), by: z.string(), reason: z.string().optional() };

/** What is in force after the request. */
export const operationsReplySchema = z.object({
  crowns: z.array(
    z.object({
      id: z.string(),
      instance: instanceIdSchema,
      task: taskNameSchema,
      upstreams: z.array(taskNameSchema),
      ...placed,
    }),
  ),
  freezes: z.array(z.object({ target: frozenSchema, ...placed })),
});

const slotReasonSchema = holdReasonSchema.pick({ code: true, message: true });

/** Of the owner of the run. What a former owner says late is not heard. */
const epoch = z.int().min(0);

/** From the owner of runs to the owner of a group: who needs slots, and who is done with them. Repeated until answered. */
export const slotSyncSchema = z.object({
  /** Of the sender, rising. What arrives after a later one is not heard. */
  sequence: z.int().min(0),
  requests: z.array(z.object({ holder: slotHolderSchema, priority: prioritySchema, slots: z.int().min(1), epoch })),
  releases: z.array(z.object({ holder: slotHolderSchema, why: slotEndSchema, epoch })),
});
export const slotStateSchema = z.discriminatedUnion('state', [
  z.object({ holder: slotHolderSchema, state: z.literal('granted') }),
  z.object({ holder: slotHolderSchema, state: z.literal('waiting'), reason: slotReasonSchema }),
]);
/** Also sent to all masters when a slot was granted. */
export const slotStatesSchema = z.object({ group: taskGroupNameSchema, states: z.array(slotStateSchema) });

/** From the owner of a run to the owner of its workflow's queue. */
export const admissionRequestSchema = z.object({
  instance: instanceIdSchema,
  priority: prioritySchema,
  concurrency: concurrencySchema,
  /** How often the run was opened again. Absent: never. */
  round: z.int().min(1).optional(),
});
export const admissionStateSchema = z.object({
  state: z.enum(['waiting', 'admitted', 'discarded', 'left']),
  evidence: z.string(),
  /** Of the entry in the queue: it says nothing of a run that was opened again since. */
  round: z.int().min(1).optional(),
});
/** To all masters: the run has been admitted, turned away, or is to stop. */
export const admissionNoticeSchema = z.object({
  workflow: workflowNameSchema,
  instance: instanceIdSchema,
  ...admissionStateSchema.shape,
});

export type TaskGroupView = z.infer<typeof taskGroupViewSchema>;
export type GroupsReply = z.infer<typeof groupsReplySchema>;
export type OperationsReply = z.infer<typeof operationsReplySchema>;
export type SlotSync = z.infer<typeof slotSyncSchema>;
export type SlotState = z.infer<typeof slotStateSchema>;
export type SlotStates = z.infer<typeof slotStatesSchema>;
export type AdmissionState = z.infer<typeof admissionStateSchema>;
export type AdmissionNotice = z.infer<typeof admissionNoticeSchema>;
