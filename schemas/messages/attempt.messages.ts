/**
 * Between masters and workers: offers, reports, cancellation, takeover. Requests carry the sender's epoch for the
 * instance; a worker refuses a lower one than it has seen. Reports are acked after they are in the journal.
 */
import { z } from 'zod';
import { foundApplicationSchema } from '../clusters/application.schema.ts';
import { taskSettingsSchema } from '../definition/task-settings.ts';
import { errorReplySchema } from '../errors.ts';
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
import { jsonRecordSchema } from '../json.ts';
import { timeZoneSchema } from '../time-zone.ts';

/** What an attempt is given: its parameters with their values, and the outputs of the tasks it needs, by task. */
export const attemptInputsSchema = z.object({
  params: jsonRecordSchema,
  /** The task that finished first in front: of outputs of one name, its one counts. */
  needs: z.record(z.string(), jsonRecordSchema),
  /** What `$[...]` and `system.*` are relative to; milliseconds since 1970. Absent: an older master, no times are filled in. */
  logicalAt: z.int().optional(),
  /** Absent: `UTC`. */
  timeZone: timeZoneSchema.optional(),
  /** Parameters that are filled in on the worker, as they are written: they lead to a secret, or to the folder of the attempt. */
  late: jsonRecordSchema.optional(),
  /** Parameters that have no value, with the reason: whoever uses one fails. */
  faulty: z.record(z.string(), faultSchema).optional(),
});

export const offerSchema = z.object({
  instance: instanceIdSchema,
  workflow: workflowNameSchema,
  epoch: z.int().min(1),
  master: masterIdSchema,
  host: z.string(),
  task: runTaskNameSchema,
  attemptId: attemptIdSchema,
  attempt: z.int().min(1),
  /** The same for every attempt of the task until its state is cleared. Absent: from an older master. */
  idempotencyKey: z.string().optional(),
  /** The worker life that was chosen; a restarted worker refuses. */
  workerIncarnation: incarnationSchema,
  settings: taskSettingsSchema,
  env: z.record(z.string(), z.string()),
  inputs: attemptInputsSchema,
  traceparent: z.string().optional(),
});

export const offerReplySchema = z.union([
  z.object({ accepted: z.literal(true) }),
  z.object({ accepted: z.literal(false), reason: faultSchema }),
]);

/** Applications of one attempt that are told. */
export const applicationsMax = 100;

const reported = {
  instance: instanceIdSchema,
  task: runTaskNameSchema,
  attemptId: attemptIdSchema,
  /** Grows by one with each report of the attempt; a later report implies what earlier ones said. */
  sequence: z.int().min(1),
  /** Highest epoch of the instance that the worker had seen: a master of a lower one is no longer its owner. */
  epoch: z.int().min(0).optional(),
  /** Applications on clusters that the attempt has started, as far as no ack has covered them yet. */
  applications: z.array(foundApplicationSchema).max(applicationsMax).optional(),
};

export const attemptReportSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), ...reported }),
  z.object({ kind: z.literal('started'), ...reported, startedAt: z.int() }),
  z.object({
    kind: z.literal('succeeded'),
    ...reported,
    startedAt: z.int(),
    finishedAt: z.int(),
    outputs: jsonRecordSchema,
  }),
  z.object({
    kind: z.literal('failed'),
    ...reported,
    startedAt: z.int().optional(),
    finishedAt: z.int(),
    fault: faultSchema,
    exitCode: z.int().optional(),
  }),
  /** Ended because it was cancelled. */
  z.object({ kind: z.literal('cancelled'), ...reported, startedAt: z.int().optional(), finishedAt: z.int() }),
  /** The worker was restarted and the attempt's process is gone without a result. */
  z.object({ kind: z.literal('lost'), ...reported, finishedAt: z.int(), fault: faultSchema }),
]);

/** Reports of one worker to one owner, oldest first for each attempt. */
export const reportBatchSchema = z.object({
  worker: workerIdSchema,
  incarnation: incarnationSchema,
  reports: z.array(attemptReportSchema).min(1).max(1_000),
});

/** Sent to the batch's reply subject when reports are durable, or to say who owns their instance now. */
export const reportAckSchema = z.object({
  acked: z.array(z.object({ attemptId: attemptIdSchema, sequence: z.int() })),
  notOwner: z.array(
    z.object({ instance: instanceIdSchema, owner: masterIdSchema.optional(), epoch: z.int().optional() }),
  ),
});

export const cancelSchema = z.object({
  instance: instanceIdSchema,
  epoch: z.int().min(1),
  attemptId: attemptIdSchema,
  reason: z.enum(['stop', 'timeout', 'revoked']),
});

/** What a worker knows of an attempt. `unknown` after a cancel means it will never start here. */
export const attemptStateSchema = z.enum(['queued', 'running', 'finished', 'unknown']);

export const cancelReplySchema = z.union([
  z.object({ state: attemptStateSchema }),
  z.object({ error: errorReplySchema }),
]);

/** A new owner names itself to a worker that holds attempts of its instances. */
export const takeoverSchema = z.object({
  master: masterIdSchema,
  host: z.string(),
  instances: z
    .array(
      z.object({
        instance: instanceIdSchema,
        epoch: z.int().min(1),
        attempts: z.array(attemptIdSchema),
        /** Those of them that a worker which does not have them must never start: their offers may still be on their way. */
        revoked: z.array(attemptIdSchema).optional(),
      }),
    )
    .max(5_000),
});

export const takeoverReplySchema = z.object({
  worker: workerIdSchema,
  incarnation: incarnationSchema,
  /** Instances for which this worker has seen a later epoch: the sender no longer owns them. */
  refused: z.array(z.object({ instance: instanceIdSchema, epoch: z.int() })),
  attempts: z.array(z.object({ attemptId: attemptIdSchema, state: attemptStateSchema })),
});

export const pingReplySchema = z.object({ incarnation: incarnationSchema });

export type AttemptInputs = z.infer<typeof attemptInputsSchema>;
export type Offer = z.infer<typeof offerSchema>;
export type OfferReply = z.infer<typeof offerReplySchema>;
export type AttemptReport = z.infer<typeof attemptReportSchema>;
export type ReportBatch = z.infer<typeof reportBatchSchema>;
export type ReportAck = z.infer<typeof reportAckSchema>;
export type Cancel = z.infer<typeof cancelSchema>;
export type CancelReply = z.infer<typeof cancelReplySchema>;
export type AttemptState = z.infer<typeof attemptStateSchema>;
export type Takeover = z.infer<typeof takeoverSchema>;
export type TakeoverReply = z.infer<typeof takeoverReplySchema>;
