/** A `k8s` task in the form that users write. */
import { z } from 'zod';
import { k8sShape } from './k8s-shapes.ts';
import { orphanShape } from './submission-source.ts';
import { commonShape, hasUsedLimit, hasUsedPolicy, unusedLimit, unusedPolicy } from './task-common-source.ts';

export const k8sTaskSourceSchema = z
  .strictObject({
    type: z.literal('k8s').describe('Runs a Job of Kubernetes.'),
    ...commonShape,
    ...k8sShape,
    ...orphanShape,
  })
  .refine(hasUsedLimit, unusedLimit)
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'k8s task', description: 'Runs a Job of Kubernetes, whose output becomes the log of the attempt.' });

export type K8sTaskSource = z.infer<typeof k8sTaskSourceSchema>;
