/** Runs one of the project's programs (`run.mjs bench/run.bench.ts`), after everything that it needs was put in place. */
import { ensureNatsServer } from './ensure-nats-server.mjs';
import { ensureNodeVersion } from './ensure-node-version.mjs';
import { ensurePackages } from './ensure-packages.mjs';
import { exitUnavailable, LaunchError, launch } from './launch-error.mjs';
import { inProject, isInProject } from './project-root.mjs';
import { runTypeScript } from './run-typescript.mjs';

const [program = '', ...args] = process.argv.slice(2);

await launch(async () => {
  ensureNodeVersion();
  if (!isInProject(program)) throw new LaunchError(`there is no program ${program} in this project.`, exitUnavailable);
  await ensurePackages();
  await ensureNatsServer();
  await runTypeScript(inProject(program), args);
});
