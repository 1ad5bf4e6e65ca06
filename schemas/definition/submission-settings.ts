/** Where a command submits applications, in the form that is stored. */
import { z } from 'zod';
import { clientNames } from '../clusters/application-ids.ts';
import { clusterNameSchema } from '../ids.ts';

export const submissionSettings = {
  /** Name of the cluster in the configuration. Absent: what the command starts is not looked for. */
  cluster: clusterNameSchema.optional(),
  /** In whose words its output tells of them. Absent: only the file of MILLRACE_APPLICATIONS does. */
  client: z.enum(clientNames).optional(),
};
