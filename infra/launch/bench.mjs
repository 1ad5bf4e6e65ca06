/** `npm run bench`: everything that is needed is put in place, then the benchmarks run, in this process. */
import { ensureNatsServer } from './ensure-nats-server.mjs';
import { ensureNodeVersion } from './ensure-node-version.mjs';
import { ensurePackages } from './ensure-packages.mjs';
import { exitUnavailable, LaunchError, launch } from './launch-error.mjs';
import { inProject, isInProject } from './project-root.mjs';
import { runTypeScript } from './run-typescript.mjs';

await launch(async () => {
  ensureNodeVersion();
  if (!isInProject('bench', 'run.bench.ts')) throw new LaunchError('bench/run.bench.ts is missing.', exitUnavailable);
  await ensurePackages();
  await ensureNatsServer();
  await runTypeScript(inProject('bench', 'run.bench.ts'), process.argv.slice(2));
});
