/** How clusters write the ids of their applications, and how a program names one that it has started. */
import { z } from 'zod';

export const yarnIdPattern = /^application_\d{1,20}_\d{4,20}$/;
export const kubernetesIdPattern =
  /^(job|pod)\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

export const applicationIdSchema = z
  .string()
  .refine(
    (id) => yarnIdPattern.test(id) || kubernetesIdPattern.test(id),
    'an application id is application_<time>_<number>, job/<namespace>/<name> or pod/<namespace>/<name>',
  );

/** One line of the file of MILLRACE_APPLICATIONS. */
export const applicationLineSchema = z.strictObject({ id: applicationIdSchema });
