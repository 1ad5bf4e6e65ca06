/**
 * What the owner of a run itself has asked of clusters, and seen there, about the applications of an attempt: because nobody
 * runs the attempt any more, or because it is to end.
 */
import { z } from 'zod';
import { faultSchema } from '../fault.ts';
import { attemptIdSchema, runTaskNameSchema } from '../ids.ts';

const at = z.int();
const attempt = { task: runTaskNameSchema, attemptId: attemptIdSchema };
/** Name of the cluster in the configuration. */
const cluster = z.string().min(1).max(100);
/** As the cluster writes it. */
const id = z.string();

const decidedBy = z.object({ key: z.string(), by: z.string(), reason: z.string().optional() }).optional();

export const orphanPolicies = ['adopt', 'kill', 'ask'] as const;

/** The policy or the limit of the task, the end of its attempt, or a person. */
export const killReasonSchema = z.enum(['policy', 'limit', 'failure', 'stop', 'timeout', 'person']);

export const applicationEvents = {
  /** Nothing runs the attempt any more, and it may have applications: they decide. `why`: its worker is lost, or its client has failed or was cancelled. */
  TaskOrphaned: z.object({
    ...attempt,
    /** From then on the clusters are asked. */
    since: at,
    /** Its worker is `lost`, or its client has `failed` or was `cancelled`. */
    why: z.enum(['lost', 'failed', 'cancelled']),
    /** What becomes of applications that run on. */
    policy: z.enum(orphanPolicies),
    /** Where the attempt may have applications. */
    clusters: z.array(cluster),
    reason: faultSchema,
    evidence: z.string().optional(),
    /** What the worker told of the end of the client. */
    client: z.object({ startedAt: at.optional(), finishedAt: at, exitCode: z.int().optional() }).optional(),
  }),
  /** The cluster was asked. Written once for each change. Without `id`: of all that bears the tag of the attempt. */
  ApplicationSeen: z.object({
    ...attempt,
    cluster,
    id: id.optional(),
    /** `unknown`: the cluster does not know it, or nothing bears the tag. `away`: the cluster does not answer. */
    state: z.enum(['accepted', 'running', 'unknown', 'away']),
    seenAt: at,
    reason: faultSchema.optional(),
    /** How long a better answer is waited for. */
    dueAt: at.optional(),
  }),
  /** The cluster says that nothing of it runs any more. */
  ApplicationEnded: z.object({
    ...attempt,
    cluster,
    id,
    /** `unknown`: the cluster cannot say how it ended. */
    state: z.enum(['succeeded', 'failed', 'killed', 'unknown']),
    seenAt: at,
    diagnostics: z.string().optional(),
  }),
  /** The owner follows the application until it has ended, at the latest until then. */
  ApplicationAdopted: z.object({ ...attempt, cluster, id, adoptedAt: at, dueAt: at, decidedBy }),
  /** The application is to end. The cluster is asked for it until it says so, at the latest until then. */
  ApplicationKillRequested: z.object({
    ...attempt,
    cluster,
    id,
    requestedAt: at,
    /** The policy or the limit of the task, the end of its client or of its attempt, or a person. */
    why: killReasonSchema,
    dueAt: at,
    /** Of a person: what becomes of the task then. */
    decision: z.enum(['retry', 'fail']).optional(),
    decidedBy,
  }),
  /** The limit is over: nobody asks any more. With the state `unknown` the cluster knows of nothing that runs; else it may run on. */
  ApplicationGivenUp: z.object({
    ...attempt,
    cluster,
    id: id.optional(),
    givenUpAt: at,
    state: z.enum(['accepted', 'running', 'unknown', 'away']),
    reason: faultSchema,
  }),
} as const;

export type OrphanPolicy = (typeof orphanPolicies)[number];
export type KillReason = z.infer<typeof killReasonSchema>;
