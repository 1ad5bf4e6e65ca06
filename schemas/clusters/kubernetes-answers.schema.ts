/** What the API of Kubernetes answers, as far as it is read. */
import { z } from 'zod';

const metadataSchema = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  labels: z.record(z.string(), z.string()).nullish(),
  deletionTimestamp: z.string().nullish(),
  ownerReferences: z.array(z.looseObject({ kind: z.string() })).nullish(),
});

export const kubernetesJobSchema = z.looseObject({
  metadata: metadataSchema,
  status: z
    .looseObject({
      active: z.int().nullish(),
      ready: z.int().nullish(),
      conditions: z
        .array(
          z.looseObject({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});

export const kubernetesPodSchema = z.looseObject({
  metadata: metadataSchema,
  status: z
    .looseObject({ phase: z.string().optional(), reason: z.string().optional(), message: z.string().optional() })
    .nullish(),
});

/** With what its container has come to. */
export const kubernetesPodOfJobSchema = z.looseObject({
  metadata: metadataSchema.extend({ creationTimestamp: z.string().nullish() }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      containerStatuses: z
        .array(
          z.looseObject({
            name: z.string(),
            state: z.looseObject({ terminated: z.looseObject({ exitCode: z.int() }).nullish() }).nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});
export const kubernetesPodsOfJobSchema = z.looseObject({ items: z.array(kubernetesPodOfJobSchema) });

export const kubernetesJobsSchema = z.looseObject({ items: z.array(kubernetesJobSchema) });
export const kubernetesPodsSchema = z.looseObject({ items: z.array(kubernetesPodSchema) });

/** A refusal of the API itself, and not of something in between. */
export const kubernetesFaultSchema = z.looseObject({
  kind: z.literal('Status'),
  reason: z.string().optional(),
  message: z.string().optional(),
});

export type KubernetesJob = z.infer<typeof kubernetesJobSchema>;
export type KubernetesPodOfJob = z.infer<typeof kubernetesPodOfJobSchema>;
export type KubernetesPod = z.infer<typeof kubernetesPodSchema>;
