/** Commands of users to a run, and their answer. Any master takes them and hands them to the owner of the run. */
import { z } from 'zod';
import { prioritySchema } from '../definition/workflow.definition.ts';
import { clearScopeSchema } from '../events/workflow-instance.events.ts';
import { instanceIdSchema, runTaskNameSchema } from '../ids.ts';
import { jsonRecordSchema, jsonValueSchema } from '../json.ts';

/** What every command to a run has. */
const steering = {
  instance: instanceIdSchema,
  /** Makes a repeated command harmless. Default: a new one. */
  key: z.string().min(1).max(512).optional(),
  by: z.string().max(256).default('anonymous'),
  reason: z.string().max(1_000).optional(),
};

const task = runTaskNameSchema;

/** Tasks that are named run again because somebody says so; `failed` and `all` find theirs in the state of the run. */
const namedScopes: readonly string[] = ['tasks', 'descendants'];

/** Body of `millrace.v1.command`. */
export const commandRequestSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('stop'),
      ...steering,
      /** How often the run has been opened again: one that was opened again since goes on. Default: it is stopped in any case. */
      round: z.int().min(0).optional(),
    }),
    /** Nothing more is started; what runs goes on. */
    z.strictObject({ type: z.literal('pause'), ...steering }),
    z.strictObject({ type: z.literal('resume'), ...steering }),
    /** Decides what becomes of a task whose worker is absent: it runs again, or fails. */
    z.strictObject({ type: z.literal('resolveLost'), ...steering, task, decision: z.enum(['retry', 'fail', 'adopt']) }),
    /** Ends one task; what needs it is blocked. */
    z.strictObject({ type: z.literal('stopTask'), ...steering, task }),
    /** A task that does not run is passed over; what needs it goes on. Opens an ended run again. */
    z.strictObject({ type: z.literal('skipTask'), ...steering, task }),
    /** A task that ended without success counts as succeeded, with these outputs. Opens an ended run again. */
    z.strictObject({ type: z.literal('forceTask'), ...steering, task, outputs: jsonRecordSchema.default({}) }),
    /**
     * Tasks run again as if they never had: those that failed or were stopped, the named ones, the named ones and all that
     * needs them, or all. Opens an ended run again.
     */
    z.strictObject({
      type: z.literal('clearTasks'),
      ...steering,
      scope: clearScopeSchema,
      /** For `tasks` and `descendants`. */
      tasks: z.array(runTaskNameSchema).min(1).max(1_000).optional(),
    }),
    /** The task and all that needs it are not placed until it rejoins. */
    z.strictObject({ type: z.literal('isolateTask'), ...steering, task }),
    z.strictObject({ type: z.literal('rejoinTask'), ...steering, task }),
    /** Of one task, or of all. */
    z.strictObject({
      type: z.literal('changePriority'),
      ...steering,
      priority: prioritySchema,
      task: task.optional(),
    }),
    /** Kept until a task that waits for it takes it. */
    z.strictObject({
      type: z.literal('sendSignal'),
      ...steering,
      name: z.string().min(1).max(256),
      payload: jsonValueSchema.default(null),
    }),
    /** A run that is paused or waits for its turn goes on by another version. */
    z.strictObject({
      type: z.literal('moveVersion'),
      ...steering,
      version: z.int().min(1),
      /** Only says whether it may be moved. Default: false. */
      check: z.boolean().optional(),
    }),
    /** Answers a task that waits for an approval. Declined, it fails. */
    z.strictObject({ type: z.literal('approveTask'), ...steering, task, approved: z.boolean() }),
  ])
  .refine(
    (request) => request.type !== 'clearTasks' || namedScopes.includes(request.scope) === (request.tasks !== undefined),
    {
      path: ['tasks'],
      message: 'the scopes "tasks" and "descendants" name their tasks; "failed" and "all" have none',
    },
  );

export const commandTypes = commandRequestSchema.options.map(({ shape }) => shape.type.value);
export const commandTypeSchema = z.enum(commandTypes);

/** A command that would change the run now: `scope` of `clearTasks`, `name` of a signal that a task may take. */
export const possibleCommandSchema = z.object({
  type: commandTypeSchema,
  scope: clearScopeSchema.optional(),
  name: z.string().optional(),
});

export const commandReceiptSchema = z.object({
  instance: instanceIdSchema,
  /** Last revision of the stream after the command. */
  revision: z.int(),
  /** False when the command had already been done. */
  changed: z.boolean(),
  status: z.string(),
});

export type CommandRequest = z.infer<typeof commandRequestSchema>;
/** A command without who sends it to which run. */
export type CommandBody = BodyOf<CommandRequest>;
type BodyOf<R> = R extends CommandRequest ? Omit<R, 'instance' | 'key' | 'by' | 'reason'> : never;
export type CommandBodyOf<T extends CommandType> = BodyOf<Extract<CommandRequest, { type: T }>>;
export type CommandType = CommandRequest['type'];
export type PossibleCommand = z.infer<typeof possibleCommandSchema>;
export type CommandReceipt = z.infer<typeof commandReceiptSchema>;
