/** Where the project is, whatever the current folder. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Emptied by `npm ci`, like all of node_modules. */
export const cacheDir = join(projectRoot, 'node_modules', '.cache', 'millrace');

export function inProject(...parts) {
  return join(projectRoot, ...parts);
}

export function isInProject(...parts) {
  return existsSync(inProject(...parts));
}
