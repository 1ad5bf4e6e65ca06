/** A folder with programs called like the clients of clusters, for the PATH of a command. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const client = fileURLToPath(new URL('clients/stand-in-client.mjs', import.meta.url));

export function installStandInClients(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const program of ['spark-submit', 'flink', 'hadoop', 'yarn']) {
    const path = join(folder, program);
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${client}' '${program}' "$@"\n`);
    chmodSync(path, 0o755);
  }
  return folder;
}
