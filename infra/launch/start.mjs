/** `npm start`: everything that is needed is put in place, then `millrace dev` runs, in this process. */
import { ensureNatsServer } from './ensure-nats-server.mjs';
import { ensureNodeVersion } from './ensure-node-version.mjs';
import { ensurePackages } from './ensure-packages.mjs';
import { launch } from './launch-error.mjs';
import { runMillrace } from './run-millrace.mjs';

await launch(async () => {
  ensureNodeVersion();
  await ensurePackages();
  await ensureNatsServer();
  await runMillrace(['dev', ...process.argv.slice(2)]);
});
