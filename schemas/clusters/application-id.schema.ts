/** How a program names an application that it has started. */
import { z } from 'zod';
import { kubernetesIdPattern, yarnIdPattern } from './application-ids.ts';

export const applicationIdSchema = z
  .string()
  .refine(
    (id) => yarnIdPattern.test(id) || kubernetesIdPattern.test(id),
    'an application id is application_<time>_<number>, job/<namespace>/<name> or pod/<namespace>/<name>',
  );

/** One line of the file of MILLRACE_APPLICATIONS. */
export const applicationLineSchema = z.strictObject({ id: applicationIdSchema });
