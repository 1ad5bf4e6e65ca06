#!/usr/bin/env node
/** The `millrace` command. It installs nothing: `npm start` does. */
import { ensureNodeVersion } from './ensure-node-version.mjs';
import { launch } from './launch-error.mjs';
import { runMillrace } from './run-millrace.mjs';

await launch(async () => {
  ensureNodeVersion();
  await runMillrace(process.argv.slice(2));
});
