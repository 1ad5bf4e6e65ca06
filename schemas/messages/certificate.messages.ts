/**
 * The certificate of a run: what its stream proves about who owned it, what became of each attempt, and whether the
 * invariants hold. `millrace certify --json` prints it. Fields are only ever added within one format.
 */
import { z } from 'zod';
import { definitionReferenceSchema } from '../definition/workflow.definition.ts';
import { ownershipReasonSchema, parentSchema, placementReasonSchema } from '../events/workflow-instance.events.ts';
import { faultSchema } from '../fault.ts';
import {
  attemptIdSchema,
  incarnationSchema,
  instanceIdSchema,
  masterIdSchema,
  runTaskNameSchema,
  workerIdSchema,
  workflowNameSchema,
} from '../ids.ts';
import { runStatusSchema } from './client.messages.ts';
import { actorKinds } from './subjects.ts';

/** What one stream can prove. `J4` is the journal's own: revisions have no gaps. The others need more than one stream. */
export const certifiedInvariants = ['I1', 'I3', 'I4', 'I5', 'I6', 'I9', 'I11', 'J4'] as const;

export const writeSchema = z.object({
  revision: z.int(),
  type: z.string(),
  /** The owner's clock, milliseconds since 1970. */
  at: z.int(),
});

/** One owner's time. */
export const certifiedOwnerSchema = z.object({
  epoch: z.int(),
  master: masterIdSchema,
  incarnation: incarnationSchema,
  host: z.string(),
  claimRevision: z.int(),
  reason: ownershipReasonSchema,
  /** What made the owner take the run from another. */
  evidence: z.string().optional(),
  /** Its `OwnershipTaken`. */
  first: writeSchema,
  /** Its last write; the next owner's first one follows it at once. */
  last: writeSchema,
  eventCount: z.int(),
});

/** An event with the epoch of an owner whose time was over. There must be none. */
export const staleWriteSchema = writeSchema.extend({
  master: masterIdSchema,
  epoch: z.int(),
  currentEpoch: z.int(),
});

export const certifiedAttemptSchema = z.object({
  task: runTaskNameSchema,
  /** 1 for the first attempt of the task. */
  attempt: z.int(),
  attemptId: attemptIdSchema,
  /** Absent, with what follows from it, where no worker was needed. */
  worker: workerIdSchema.optional(),
  workerIncarnation: incarnationSchema.optional(),
  why: placementReasonSchema.optional(),
  /** Its events in order, `TaskAssigned` first; `reason` where the event has one. */
  life: z.array(writeSchema.extend({ reason: faultSchema.optional() })),
});

/** A run that an attempt of a `workflow` task started. */
export const certifiedChildSchema = z.object({
  task: runTaskNameSchema,
  attemptId: attemptIdSchema,
  child: instanceIdSchema,
  workflow: workflowNameSchema,
  /** Revision of the event that ordered it. */
  revision: z.int(),
});

export const certifiedInvariantSchema = z.object({
  id: z.enum(certifiedInvariants),
  /** What must hold, in one sentence. */
  rule: z.string(),
  holds: z.boolean(),
  /** Each breach with the revision of the event that shows it. */
  broken: z.array(z.object({ revision: z.int(), message: z.string() })),
});

export const certificateSchema = z.object({
  format: z.literal(1),
  instance: instanceIdSchema,
  /** The version that the run pins; absent when the stream does not tell. */
  definition: definitionReferenceSchema.optional(),
  /** Absent when the stream cannot be folded to its end. */
  status: runStatusSchema.optional(),
  eventCount: z.int(),
  holds: z.boolean(),
  owners: z.array(certifiedOwnerSchema),
  staleWrites: z.array(staleWriteSchema),
  attempts: z.array(certifiedAttemptSchema),
  /** The task that started the run; absent when nobody's did. */
  parent: parentSchema.optional(),
  /** Runs that tasks of this one started; absent when there are none. */
  children: z.array(certifiedChildSchema).optional(),
  invariants: z.array(certifiedInvariantSchema),
});

/** What the stream of a journaled actor that is no run proves: `millrace certify --actor <kind>/<id> --json`. */
export const actorCertificateSchema = z.object({
  format: z.literal(1),
  kind: z.enum(actorKinds),
  id: z.string(),
  eventCount: z.int(),
  holds: z.boolean(),
  owners: z.array(certifiedOwnerSchema),
  staleWrites: z.array(staleWriteSchema),
  violations: z.array(z.object({ invariant: z.string(), revision: z.int(), message: z.string() })),
});

/** What `millrace certify --all --json` prints. */
export const certificationSchema = z.object({
  format: z.literal(1),
  holds: z.boolean(),
  runCount: z.int(),
  eventCount: z.int(),
  elapsedMs: z.number(),
  eventsPerSecond: z.number(),
  /** Owners of all runs together, the first one of each included. */
  ownerCount: z.int(),
  /** Owners after the first one of a run. */
  takeoverCount: z.int(),
  attemptCount: z.int(),
  lostAttemptCount: z.int(),
  violationCount: z.int(),
  /** The certificate of each run that broke an invariant. */
  broken: z.array(certificateSchema),
  /** Runs that could not be read to the end. */
  unread: z.array(z.object({ instance: instanceIdSchema, code: z.string(), message: z.string() })),
  /** Task groups, workflow queues and the operations of the cluster; their events count in `eventCount`. */
  actorCount: z.int(),
  /** The certificate of each of them that broke an invariant. */
  brokenActors: z.array(actorCertificateSchema),
});

export type ActorCertificate = z.infer<typeof actorCertificateSchema>;
export type CertifiedInvariantId = (typeof certifiedInvariants)[number];
export type CertifiedAttempt = z.infer<typeof certifiedAttemptSchema>;
export type CertifiedChild = z.infer<typeof certifiedChildSchema>;
export type CertifiedInvariant = z.infer<typeof certifiedInvariantSchema>;
export type CertifiedOwner = z.infer<typeof certifiedOwnerSchema>;
export type Certificate = z.infer<typeof certificateSchema>;
export type Certification = z.infer<typeof certificationSchema>;
