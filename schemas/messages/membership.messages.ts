/** What masters and workers keep alive in the members bucket, and the value of a claim. */
import { z } from 'zod';
import { incarnationSchema, masterIdSchema, workerGroupSchema, workerIdSchema } from '../ids.ts';

/** Shares of the machine in use, each 0 to 1. */
export const loadSchema = z.object({ cpu: z.number(), memory: z.number() });

export const masterMemberSchema = z.object({
  kind: z.literal('master'),
  id: masterIdSchema,
  incarnation: incarnationSchema,
  host: z.string(),
  pid: z.int(),
  startedAt: z.int(),
  state: z.enum(['active', 'draining']),
  actorCount: z.int(),
  /** Breaches of invariants that it found in runs that it took over. A person must look. */
  incidentCount: z.int().optional(),
  load: loadSchema,
});

export const workerMemberSchema = z.object({
  kind: z.literal('worker'),
  id: workerIdSchema,
  incarnation: incarnationSchema,
  host: z.string(),
  pid: z.int(),
  startedAt: z.int(),
  state: z.enum(['active', 'draining']),
  groups: z.array(workerGroupSchema).min(1),
  slots: z.int().min(1),
  /** Attempts that hold a slot at the moment of the heartbeat. */
  runningCount: z.int(),
  /** Of these, how many each master owns: what it holds itself, it knows better than any heartbeat. */
  runningByMaster: z.record(z.string(), z.int()),
  load: loadSchema,
});

export const memberSchema = z.discriminatedUnion('kind', [masterMemberSchema, workerMemberSchema]);

/** Who tries to write an actor's stream. The journal decides who may. */
export const claimSchema = z.object({
  master: masterIdSchema,
  incarnation: incarnationSchema,
  host: z.string(),
  /** Epoch the claimer will take, or took, in the stream. */
  epoch: z.int().min(1),
});

export type Load = z.infer<typeof loadSchema>;
export type MasterMember = z.infer<typeof masterMemberSchema>;
export type WorkerMember = z.infer<typeof workerMemberSchema>;
export type Member = z.infer<typeof memberSchema>;
export type Claim = z.infer<typeof claimSchema>;
