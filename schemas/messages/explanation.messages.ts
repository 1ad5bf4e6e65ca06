/** Why a task is where it is: one sentence, and the facts behind it. Question and answer of `millrace.v1.query.why`. */
import { z } from 'zod';
import { foundApplicationSchema } from '../clusters/application.schema.ts';
import { prioritySchema } from '../definition/workflow.definition.ts';
import { awaitedSchema, holdReasonSchema, resultSourceSchema } from '../events/workflow-instance.events.ts';
import { faultSchema } from '../fault.ts';
import { attemptIdSchema, instanceIdSchema, runTaskNameSchema, workerGroupSchema, workerIdSchema } from '../ids.ts';

const at = z.int();
const person = { by: z.string(), reason: z.string().optional() };
const named = z.object({ task: runTaskNameSchema, status: z.string() });

/** `concurrency`: items under way at a time; missing without a limit. `failed`: of the ended ones, stopped ones included. */
const items = { concurrency: z.int().optional(), count: z.int(), ended: z.int(), failed: z.int() };

/** Times are milliseconds since 1970. Lists of tasks name the first 20 of them. */
export const factSchema = z.discriminatedUnion('kind', [
  /** Tasks that it needs and that have not ended. */
  z.object({ kind: z.literal('waitsFor'), tasks: z.array(named), count: z.int() }),
  /** The run waits for its turn among the runs of its workflow. */
  z.object({ kind: z.literal('queuedRun') }),
  z.object({ kind: z.literal('paused'), ...person }),
  /** Isolated tasks: itself, or what it needs. */
  z.object({ kind: z.literal('isolated'), tasks: z.array(z.object({ task: runTaskNameSchema, ...person })) }),
  z.object({ kind: z.literal('held'), ...holdReasonSchema.shape }),
  /** Ready, and nothing is known to stand against it. */
  z.object({ kind: z.literal('waitsForWorker'), group: workerGroupSchema, priority: prioritySchema }),
  /** Ready, and decided by the owner of the run itself. */
  z.object({ kind: z.literal('waitsForDecision') }),
  z.object({ kind: z.literal('queueLimit'), since: at, dueAt: at, hasWarned: z.boolean() }),
  z.object({ kind: z.literal('delayed'), dueAt: at }),
  z.object({
    kind: z.literal('backsOff'),
    failures: z.int(),
    attemptsMax: z.int(),
    dueAt: at,
    fault: faultSchema.optional(),
  }),
  /** The current attempt, or the last one. `startedAt` is missing while nothing is known of its start. */
  z.object({
    kind: z.literal('attempt'),
    attempt: z.int(),
    attemptId: attemptIdSchema,
    worker: workerIdSchema,
    startedAt: at.optional(),
    timeoutAt: at.optional(),
  }),
  /** What its attempts have started on clusters, where it lives on without them; the newest last. */
  z.object({
    kind: z.literal('applications'),
    applications: z.array(foundApplicationSchema.extend({ attemptId: attemptIdSchema })),
    count: z.int(),
  }),
  /** An item that has not begun, and how the items of its map stand. */
  z.object({ kind: z.literal('itemTurn'), map: runTaskNameSchema, status: z.string(), ...items }),
  /** A map whose items go on. */
  z.object({ kind: z.literal('items'), ...items }),
  /** `dueAt` is missing where nothing ends the waiting but the answer. */
  z.object({ kind: z.literal('awaits'), awaits: awaitedSchema, since: at, dueAt: at.optional() }),
  /** Its owner sees to its applications, because nobody runs it any more (then with `since`), or because it is to end. */
  z.object({
    kind: z.literal('tended'),
    since: at.optional(),
    why: z.enum(['lost', 'failed', 'cancelled']).optional(),
    fault: faultSchema.optional(),
    /** A person decides. */
    isAsked: z.boolean(),
    applications: z.array(
      z.object({
        cluster: z.string(),
        /** Missing: of all that bears the tag of the attempt. */
        id: z.string().optional(),
        state: z.string(),
        doing: z.enum(['asked', 'followed', 'killed', 'ended', 'givenUp']),
        dueAt: at.optional(),
        reason: z.string().optional(),
      }),
    ),
  }),
  /** Its worker. `dueAt` is missing while a person is asked. */
  z.object({ kind: z.literal('absent'), since: at, dueAt: at.optional(), fault: faultSchema }),
  z.object({ kind: z.literal('timedOut') }),
  z.object({ kind: z.literal('stoppedBy'), scope: z.enum(['task', 'run']), ...person }),
  /** The run is over before its time: a task failed under the failure policy `end`, or the run took too long. */
  z.object({
    kind: z.literal('runEnded'),
    cause: z.enum(['failure', 'timeout']),
    failedTasks: z.array(runTaskNameSchema),
  }),
  /** The failed or stopped tasks from which the blocking comes. */
  z.object({
    kind: z.literal('blockedBy'),
    causes: z.array(z.object({ ...named.shape, fault: faultSchema.optional() })),
  }),
  /** Ways that were taken and do not lead to it. */
  z.object({ kind: z.literal('otherWay'), taken: z.array(z.object({ task: runTaskNameSchema, choice: z.string() })) }),
  z.object({ kind: z.literal('disabled') }),
  /** The run was started with other tasks. */
  z.object({ kind: z.literal('notSelected') }),
  z.object({ kind: z.literal('skippedBy'), ...person }),
  z.object({ kind: z.literal('forcedBy'), ...person }),
  z.object({ kind: z.literal('tookWay'), choice: z.string(), next: z.array(runTaskNameSchema) }),
  z.object({ kind: z.literal('approvedBy'), ...person }),
  z.object({ kind: z.literal('signalCame'), name: z.string() }),
  z.object({ kind: z.literal('dryRun') }),
  /** It did not run: its result is that of an earlier run. */
  z.object({ kind: z.literal('cached'), source: resultSourceSchema }),
  z.object({ kind: z.literal('failedWith'), fault: faultSchema }),
  z.object({ kind: z.literal('ended'), finishedAt: at }),
]);

export const whyQuerySchema = z.strictObject({
  instance: instanceIdSchema,
  task: runTaskNameSchema,
  /** Revision at which to look. Default: the last one. */
  at: z.int().min(0).optional(),
});

export const whyReplySchema = z.object({
  instance: instanceIdSchema,
  task: runTaskNameSchema,
  /** Of the last event that was looked at. */
  revision: z.int(),
  status: z.string(),
  /** Of the run, in the words of its machine. */
  runStatus: z.string(),
  sentence: z.string(),
  facts: z.array(factSchema),
});

export type Fact = z.infer<typeof factSchema>;
export type WhyReply = z.infer<typeof whyReplySchema>;
