/** What a YARN ResourceManager answers (`/ws/v1/cluster`), as far as it is read. Releases differ in what they leave out. */
import { z } from 'zod';

export const yarnAppSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  finalStatus: z.string().optional(),
  name: z.string().optional(),
  user: z.string().optional(),
  trackingUrl: z.string().optional(),
  diagnostics: z.string().optional(),
  /** Separated by commas. */
  applicationTags: z.string().optional(),
});

export const yarnAppAnswerSchema = z.looseObject({ app: yarnAppSchema });

/** None: `{"apps": null}`, `{"apps": {}}` or `{"apps": ""}`. One: a list of one, or the application itself. */
export const yarnAppsAnswerSchema = z.looseObject({
  apps: z
    .union([z.looseObject({ app: z.union([z.array(yarnAppSchema), yarnAppSchema]).optional() }), z.literal('')])
    .nullish(),
});

/** A refusal of the ResourceManager itself, and not of something in between. */
export const yarnFaultSchema = z.looseObject({
  RemoteException: z.looseObject({ exception: z.string(), message: z.string().optional() }),
});

export type YarnApp = z.infer<typeof yarnAppSchema>;
