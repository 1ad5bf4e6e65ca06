/**
 * Makes sure that node_modules is what package-lock.json says. The usual case, nothing to do, costs one hash of the
 * lock: it is compared with the one noted after the last install.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitUnavailable, LaunchError, say } from './launch-error.mjs';
import { withLock } from './launch-lock.mjs';
import { cacheDir, inProject, isInProject, projectRoot } from './project-root.mjs';
import { exitNoSuchProgram, runCaptured } from './run-command.mjs';

const installTimeoutMs = 15 * 60_000;
const shownLineCountMax = 20;
const recordPath = join(cacheDir, 'package-lock.sha256');
/** npm writes it at the end of an install: without it an install was broken off. */
const installedLockPath = inProject('node_modules', '.package-lock.json');

/** `requiredPackages`: must be there in any case; names development dependencies that an install may have left out. */
export async function ensurePackages({ requiredPackages = [] } = {}) {
  if (arePackagesCurrent(requiredPackages)) return;
  // Outside node_modules, which `npm ci` removes.
  await withLock(
    inProject('.millrace', 'npm-ci.lock'),
    { timeoutMs: installTimeoutMs, onWait: sayWaiting },
    async () => {
      if (arePackagesCurrent(requiredPackages)) return;
      await installPackages();
      recordInstall();
    },
  );
}

function sayWaiting() {
  say('another start is installing the packages: waiting for it.');
}

function arePackagesCurrent(requiredPackages) {
  if (!isInProject('node_modules', '.package-lock.json')) return false;
  if (!requiredPackages.every((name) => isInProject('node_modules', name, 'package.json'))) return false;
  const recorded = readRecord();
  if (recorded !== undefined) return recorded === lockHash();
  // Installed by hand: right if the lock was not changed since.
  if (statSync(installedLockPath).mtimeMs < statSync(inProject('package-lock.json')).mtimeMs) return false;
  recordInstall();
  return true;
}

async function installPackages() {
  say('installing the packages with `npm ci`; this is done once and takes up to a minute ...');
  const startedAt = performance.now();
  let install = await runNpm('ci');
  if (install.output.includes('npm error code EUSAGE')) {
    // A lock made elsewhere may leave out packages for other platforms. The versions of the lock still hold.
    say('package-lock.json is not complete for this npm: trying `npm install --no-save` ...');
    install = await runNpm('install', '--no-save');
  }
  if (install.exitCode !== 0) throw installFailed(install);
  say(`the packages are installed (${Math.round((performance.now() - startedAt) / 1000)} s).`);
}

function runNpm(...command) {
  const args = [...command, '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return runCaptured('npm', args, { cwd: projectRoot, timeoutMs: installTimeoutMs });
}

function installFailed({ exitCode, output }) {
  if (exitCode === exitNoSuchProgram) {
    const remedy = 'put npm on PATH (it comes with Node.js) and run the same command again.';
    return new LaunchError(`npm could not be started (${output.trim()}): ${remedy}`, exitUnavailable);
  }
  process.stderr.write(`${output.trim().split('\n').slice(0, shownLineCountMax).join('\n')}\n`);
  const remedy = `see its message above, check the network, or run \`npm ci\` in ${projectRoot} yourself.`;
  return new LaunchError(`npm ended with code ${exitCode}: ${remedy}`, exitUnavailable);
}

function recordInstall() {
  mkdirSync(cacheDir, { recursive: true });
  writeFileSync(recordPath, lockHash());
}

function readRecord() {
  try {
    return readFileSync(recordPath, 'utf8');
  } catch {
    return undefined;
  }
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(inProject('package-lock.json')))
    .digest('hex');
}
