/** An application on a cluster, in words that are the same for all kinds of clusters. */
import { z } from 'zod';

/**
 * `accepted`: waits to run. `unknown`: the cluster answered, and cannot say: it never knew the application, or has
 * forgotten it, or its history is lost.
 */
export const applicationStates = ['accepted', 'running', 'succeeded', 'failed', 'killed', 'unknown'] as const;
export const applicationStateSchema = z.enum(applicationStates);

export const applicationSchema = z.strictObject({
  /** As the cluster writes it: `application_1700000000000_0001`, `job/<namespace>/<name>`, `pod/<namespace>/<name>`. */
  id: z.string(),
  state: applicationStateSchema,
  /** True when the cluster says that nothing of it runs any more. */
  hasEnded: z.boolean(),
  name: z.string().optional(),
  user: z.string().optional(),
  /** Where a person finds it. */
  trackingUrl: z.string().optional(),
  tags: z.array(z.string()),
  /** What the cluster says of its state, shortened. */
  diagnostics: z.string().optional(),
});

export const applicationKinds = ['yarn', 'kubernetes'] as const;

/** An application that an attempt has started. */
export const foundApplicationSchema = z.object({
  /** The kind of the cluster. */
  kind: z.enum(applicationKinds),
  /** As the cluster writes it. */
  id: z.string().min(1).max(400),
  /** Name of the cluster in the configuration. */
  cluster: z.string().min(1).max(100),
  /** Whose it is at the cluster. */
  user: z.string().max(200).optional(),
  /** Where a person finds it. */
  trackingUrl: z.string().max(2_000).optional(),
});

export type FoundApplication = z.infer<typeof foundApplicationSchema>;
export type ApplicationState = z.infer<typeof applicationStateSchema>;
export type Application = z.infer<typeof applicationSchema>;
