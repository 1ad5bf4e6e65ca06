/** Makes sure that a nats-server is there: on this machine, else from the system's packages, else a pinned download. */
import { downloadedNatsServerFolder, downloadNatsServer } from './download-nats-server.mjs';
import { findNatsServerIn, pathFolders, serverFolders } from './find-program.mjs';
import { installWithApt } from './install-with-apt.mjs';
import { exitUnavailable, LaunchError } from './launch-error.mjs';

/** The path of a usable nats-server (2.9 or newer). Throws a LaunchError with a remedy if there is no way to get one. */
export async function ensureNatsServer() {
  const present = await findNatsServer();
  if (present !== undefined) return present;
  const problems = [];
  for (const obtain of [installWithApt, downloadNatsServer]) {
    const problem = await obtain();
    const path = await findNatsServer();
    if (path !== undefined) return path;
    problems.push(problem ?? 'what was installed is missing or older than 2.9');
  }
  const remedy =
    'install it with your package manager (macOS: `brew install nats-server`) or from ' +
    'https://github.com/nats-io/nats-server/releases, put it on PATH and run the same command again.';
  throw new LaunchError(`nats-server 2.9 or newer is needed (${problems.join('; ')}): ${remedy}`, exitUnavailable);
}

function findNatsServer() {
  return findNatsServerIn([...pathFolders(), ...serverFolders, downloadedNatsServerFolder]);
}
