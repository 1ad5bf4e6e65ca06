/**
 * Secrets as the configuration of a worker names them: files of a folder, the name of the file is the name of the secret, and
 * single variables of the worker's environment. A file goes before a variable. Read anew for each attempt, so that a
 * changed secret needs no restart.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkerConfig } from '../../schemas/config.schema.ts';
import type { Log } from '../telemetry/log.ts';
import type { SecretSource } from './secret-source.port.ts';

/** No separators: a name leads nowhere but into the folder. */
const secretName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const sizeBytesMax = 65_536;

export function createConfiguredSecrets(
  { folder, variables }: WorkerConfig['secrets'],
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): SecretSource {
  return {
    find: (name) => {
      if (!secretName.test(name)) return undefined;
      const content = folder === undefined ? undefined : contentOf(join(folder, name), name, log);
      return content ?? (variables.includes(name) ? environment[name] : undefined);
    },
  };
}

/** One line break at the end is the editor's, and does not count. */
function contentOf(path: string, name: string, log: Log): string | undefined {
  try {
    const status = statSync(path);
    if (status.isFile() && status.size <= sizeBytesMax) return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    log.warn({ secret: name, sizeBytes: status.size, sizeBytesMax }, 'a secret is no file, or too large');
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ fault, secret: name }, 'a secret cannot be read');
  }
  return undefined;
}
