/** Where a command submits applications, in the form that users write. */
import { z } from 'zod';
import { type ClientName, clientNames } from '../clusters/application-ids.ts';
import { type ClusterName, clusterNameSchema } from '../ids.ts';

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
};

type Submission = { cluster?: ClusterName | undefined; client?: ClientName | undefined };

export const hasUsedClient = ({ cluster, client }: Submission) => client === undefined || cluster !== undefined;
export const unusedClient = {
  path: ['client'],
  message: 'a client starts applications on a cluster, and the task names none',
  params: { remedy: 'Name the cluster of the configuration under "cluster", or remove "client".' },
  when: () => true,
};

/** As it is stored. */
export function submissionOf({ cluster, client }: Submission) {
  return { ...(cluster === undefined ? {} : { cluster }), ...(client === undefined ? {} : { client }) };
}
