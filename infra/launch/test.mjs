/** `npm test`: everything that is needed is put in place, then vitest runs; the last line counts its results. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countResults } from './count-test-results.mjs';
import { ensureNatsServer } from './ensure-nats-server.mjs';
import { ensureNodeVersion } from './ensure-node-version.mjs';
import { ensurePackages } from './ensure-packages.mjs';
import { launch, say } from './launch-error.mjs';
import { inProject, projectRoot } from './project-root.mjs';
import { runInForeground } from './run-command.mjs';

await launch(async () => {
  ensureNodeVersion();
  await ensurePackages({ requiredPackages: ['vitest'] });
  await ensureNatsServer();
  const reportDir = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  try {
    await runTests(join(reportDir, 'report.json'), process.argv.slice(2));
  } finally {
    rmSync(reportDir, { recursive: true, force: true });
  }
});

async function runTests(reportPath, args) {
  // A reporter on the command line replaces those of the configuration.
  const shown = args.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=default'];
  const report = ['--reporter=json', `--outputFile.json=${reportPath}`];
  const vitest = inProject('node_modules', 'vitest', 'vitest.mjs');
  const vitestArgs = [vitest, 'run', '--config', '.ci/vitest.config.ts', ...shown, ...report, ...args];
  process.exitCode = await runInForeground(process.execPath, vitestArgs, { cwd: projectRoot });
  const counts = countResults(reportPath);
  if (counts === undefined) say('vitest ended without a report.');
  // Last, and alone on its line.
  process.stdout.write(`\n${counts ?? '0 passed, 0 failed'}\n`);
}
