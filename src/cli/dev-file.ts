/** The file by which a running `millrace dev` tells where it listens. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

export const devFileSchema = z.object({
  /** Address of the NATS server. */
  nats: z.string(),
  /** Process that wrote the file. */
  pid: z.int(),
  /** Connection string of the event store. */
  store: z.string().optional(),
});

export type DevFile = z.infer<typeof devFileSchema>;

export function devFilePath(options: { dataDir: string; cwd: string }): string {
  return resolve(options.cwd, options.dataDir, 'dev.json');
}

/** Undefined when there is none, or none that can be read: it is a hint, not a truth. */
export function readDevFile(path: string): DevFile | undefined {
  try {
    return devFileSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
