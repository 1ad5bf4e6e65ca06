/** Checks the parameters and the lock file, so that every other task can trust them. */
import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { folderOf, readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

await runTask(async ({ params }) => {
  for (const name of ['lockfile', 'outputDir']) {
    if (typeof params[name] !== 'string' || !isAbsolute(params[name])) {
      throw new Error(`expected an absolute path in the parameter "${name}", came ${JSON.stringify(params[name])}`);
    }
  }
  const { text, version, root, packages } = await readLock(params.lockfile);
  const installed = (await folderOf(params.lockfile, 'node_modules')) !== undefined;
  console.log(`${params.lockfile}: ${packages.length} packages, node_modules ${installed ? 'found' : 'not found'}`);
  return {
    project: root.name ?? 'unnamed',
    projectVersion: root.version ?? '',
    lockVersion: version,
    lockDigest: createHash('sha256').update(text).digest('hex'),
    packageCount: packages.length,
    installed,
  };
});
