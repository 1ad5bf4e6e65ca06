/** Fields of a `k8s` task, the same in the form that users write and in the one that is stored. */
import { z } from 'zod';
import { clusterNameSchema } from '../ids.ts';

const labelName = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelsSchema = z.record(
  z.string().regex(labelName, 'a label is named as Kubernetes does: app, or example.com/app'),
  z.string().max(1_000),
);
const nameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$|[${]/,
    'a name of Kubernetes has small letters, digits, "-" and "."',
  );
const quantitySchema = z
  .string()
  .regex(
    /^\d{1,12}(?:\.\d{1,9})?(?:m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$/,
    'a quantity is a number with a unit of Kubernetes: 500m, 2, 1Gi',
  );
const quantity = (what: string) => quantitySchema.optional().describe(`${what}. Default: none.`);

export const imagePullPolicies = ['Always', 'IfNotPresent', 'Never'] as const;

export const k8sShape = {
  cluster: clusterNameSchema.describe('Name of the cluster, as in the configuration.'),
  image: z.string().min(1).describe('Image of the container.'),
  imagePullPolicy: z.enum(imagePullPolicies).optional().describe("When the image is pulled. Default: Kubernetes' own."),
  namespace: nameSchema.optional().describe('Namespace of the Job. Default: that of the cluster in the configuration.'),
  command: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("Program of the container and its first arguments. Default: the image's."),
  args: z.array(z.string()).default([]).describe('Arguments of the program. Default: none.'),
  cpu: quantity('CPU that the container asks for: 500m, 2'),
  cpuMax: quantity('CPU that it may use at most'),
  memory: quantity('Memory that the container asks for: 512Mi'),
  memoryMax: quantity('Memory that it may use at most'),
  labels: labelsSchema.default({}).describe('Labels of the Job and its pod: name to text. Default: none but our own.'),
  nodeSelector: labelsSchema.default({}).describe('Labels of the nodes on which it may run. Default: any node.'),
  pullSecret: nameSchema.optional().describe('Name of the secret with which the image is pulled. Default: none.'),
  serviceAccount: nameSchema
    .optional()
    .describe('Name of the service account of the pod. Default: that of the namespace.'),
};
