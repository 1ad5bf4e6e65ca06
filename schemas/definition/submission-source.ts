/** Where a command submits applications, in the form that users write. */
import { z } from 'zod';
import { type ClientName, clientNames } from '../clusters/application-ids.ts';
import { orphanPolicies } from '../events/application.events.ts';
import { type ClusterName, clusterNameSchema } from '../ids.ts';
import { durationSourceSchema } from './task-common-source.ts';

const orphanPolicySourceSchema = z.enum(orphanPolicies);

/** Of every task that may start applications. */
export const orphanShape = {
  onOrphaned: z
    .union([
      orphanPolicySourceSchema,
      z.strictObject({
        policy: orphanPolicySourceSchema.default('adopt').describe('As the short form. Default: adopt.'),
        followLimit: durationSourceSchema(1)
          .optional()
          .describe('With `adopt`: how long they are followed before they are killed, with its unit. Default: 7d.'),
        answerLimit: durationSourceSchema(1)
          .optional()
          .describe('How long a cluster that does not answer is asked, with its unit. Default: 10m.'),
      }),
    ])
    .optional()
    .describe(
      'When the worker is lost while applications of the attempt run on: `adopt` follows them to their end, `kill` kills them and runs the task again, `ask` waits for a person (`millrace resolve`). Or a map with limits. Default: adopt.',
    ),
};

export const submissionShape = {
  cluster: clusterNameSchema
    .optional()
    .describe(
      'Name of the cluster, as in the configuration, on which the command starts applications: they become known to the run while it goes on. Default: none.',
    ),
  client: z
    .enum(clientNames)
    .optional()
    .describe(
      'The program in whose words the output tells of applications: spark, flink, mapreduce or yarn. Only with `cluster`. Default: only the file of MILLRACE_APPLICATIONS tells.',
    ),
  ...orphanShape,
};

type Submission = { cluster?: ClusterName | undefined; client?: ClientName | undefined };

export const hasUsedClient = ({ cluster, client }: Submission) => client === undefined || cluster !== undefined;
export const unusedClient = {
  path: ['client'],
  message: 'a client starts applications on a cluster, and the task names none',
  params: { remedy: 'Name the cluster of the configuration under "cluster", or remove "client".' },
  when: () => true,
};

type Orphaned = { cluster?: ClusterName | undefined; onOrphaned?: unknown };

export const hasUsedOrphaned = ({ cluster, onOrphaned }: Orphaned) => onOrphaned === undefined || cluster !== undefined;
export const unusedOrphaned = {
  path: ['onOrphaned'],
  message: '"onOrphaned" is about applications on a cluster, and the task names none',
  params: { remedy: 'Name the cluster of the configuration under "cluster", or remove "onOrphaned".' },
  when: () => true,
};

/** As it is stored. */
export function submissionOf({ cluster, client }: Submission) {
  return { ...(cluster === undefined ? {} : { cluster }), ...(client === undefined ? {} : { client }) };
}
