/** Settings of a `k8s` task, in the form that is stored. */
import { z } from 'zod';
import { k8sShape } from './k8s-shapes.ts';

/** Runs a Job of Kubernetes, and takes its end for that of the attempt. */
export const k8sSettingsSchema = z.strictObject({ type: z.literal('k8s'), ...k8sShape });

export type K8sSettings = z.infer<typeof k8sSettingsSchema>;
