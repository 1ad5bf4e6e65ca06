/** Refuses a Node.js that is too old, before anything fails on it in a way that nobody understands. */
import { exitConfiguration, LaunchError } from './launch-error.mjs';

const oldest = [20, 19];

export function ensureNodeVersion(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  const remedy = 'install a newer one, for example from https://nodejs.org, and run the same command again.';
  throw new LaunchError(
    `Node.js ${oldest.join('.')} or newer is needed, this is ${version}: ${remedy}`,
    exitConfiguration,
  );
}
