/** The metadata of every event: who decided it, in which epoch, and because of what. */
import { z } from 'zod';
import { incarnationSchema, masterIdSchema } from './ids.ts';

export const eventMetadataSchema = z.strictObject({
  /** Version of the event type's shape; upcasters lift older ones. */
  schemaVersion: z.int().min(1),
  /** Epoch of the owner that decided it; 0 in streams without an owner. */
  epoch: z.int().min(0),
  master: masterIdSchema,
  incarnation: incarnationSchema,
  /** The same through one run: the caller's id, or the instance. */
  correlationId: z.string(),
  /** What made the owner decide: a message, a report, a timer. */
  causationId: z.string(),
  traceparent: z.string().optional(),
  /** The owner's clock, milliseconds since 1970. For people; never for decisions. */
  decidedAt: z.int(),
});

export type EventMetadata = z.infer<typeof eventMetadataSchema>;
