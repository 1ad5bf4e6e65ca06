/** `npm run verify`: all checks in order, one line each; ends at the first that fails, with all that it printed. */
import { ensureNatsServer } from './ensure-nats-server.mjs';
import { ensureNodeVersion } from './ensure-node-version.mjs';
import { ensurePackages } from './ensure-packages.mjs';
import { lastLines, launch } from './launch-error.mjs';
import { inProject, isInProject, projectRoot } from './project-root.mjs';
import { runCaptured } from './run-command.mjs';

const sourceFolders = ['schemas', 'actors', 'src', 'infra', 'test', 'bench'];

await launch(async () => {
  ensureNodeVersion();
  await ensurePackages({ requiredPackages: ['vitest', '@biomejs/biome', 'typescript', 'dependency-cruiser', 'knip'] });
  await ensureNatsServer();
  for (const step of steps()) {
    if (!(await passes(step))) {
      process.exitCode = 1;
      return;
    }
  }
});

function steps() {
  const generate = isInProject('infra', 'launch', 'generate.mjs');
  return [
    { name: 'lint', args: [bin('biome'), 'check'] },
    { name: 'types', args: [bin('tsc'), '--noEmit', '-p', 'tsconfig.json'] },
    { name: 'imports', args: [bin('depcruise'), '--config', '.ci/dependency-cruiser.cjs', ...existingFolders()] },
    { name: 'unused', args: [bin('knip'), '--config', '.ci/knip.json'] },
    ...(generate ? [{ name: 'generated', args: [launchScript('generate.mjs'), '--check'] }] : []),
    { name: 'tests', args: [launchScript('test.mjs')], note: (output) => lastLines(output, 1) },
    { name: 'build', args: [bin('tsc'), '-p', 'tsconfig.build.json'] },
  ];
}

async function passes({ name, args, note }) {
  const startedAt = performance.now();
  const { exitCode, output } = await runCaptured(process.execPath, args, { cwd: projectRoot });
  const durationS = ((performance.now() - startedAt) / 1000).toFixed(1);
  const verdict = exitCode === 0 ? 'ok  ' : 'FAIL';
  process.stdout.write(
    `${`${verdict} ${name.padEnd(10)} ${durationS.padStart(6)} s  ${note?.(output) ?? ''}`.trimEnd()}\n`,
  );
  if (exitCode !== 0) process.stdout.write(`\n${output}`);
  return exitCode === 0;
}

function bin(name) {
  return inProject('node_modules', '.bin', name);
}

function launchScript(name) {
  return inProject('infra', 'launch', name);
}

function existingFolders() {
  return sourceFolders.filter((folder) => isInProject(folder));
}
