/** Installs nats-server with apt-get, where that is possible without asking anybody. It stops and disables nothing. */

import { findProgram } from './find-program.mjs';
import { lastLines, say } from './launch-error.mjs';
import { runCaptured } from './run-command.mjs';

const commandTimeoutMs = 5 * 60_000;
const sudoTimeoutMs = 5_000;
const installArgs = ['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', 'nats-server'];

/** Resolves with undefined, or with the reason why it did not work. */
export async function installWithApt() {
  const aptGet = findProgram('apt-get');
  if (aptGet === undefined) return 'there is no apt-get';
  const prefix = await rootPrefix();
  if (prefix === undefined) return 'apt-get needs root, and sudo asks for a password';
  say('installing nats-server with apt-get; this is done once ...');
  let install = await runAsRoot(prefix, [aptGet, ...installArgs]);
  if (install.exitCode !== 0) {
    say('apt-get does not find it: refreshing the package lists ...');
    await runAsRoot(prefix, [aptGet, 'update']);
    install = await runAsRoot(prefix, [aptGet, ...installArgs]);
  }
  if (install.exitCode !== 0) return `apt-get ended with code ${install.exitCode}: ${lastLines(install.output, 2)}`;
  say(
    'nats-server is installed. Its package may have started a service on port 4222; Millrace leaves it alone and runs',
  );
  say('a server of its own on another port.');
  return undefined;
}

/** The words to put before a command to run it as root; undefined if that takes a password. */
async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram('sudo');
  if (sudo === undefined) return undefined;
  const trial = await runCaptured(sudo, ['-n', 'true'], { timeoutMs: sudoTimeoutMs });
  // `env`, as sudo drops our environment.
  return trial.exitCode === 0 ? [sudo, '-n', 'env', 'DEBIAN_FRONTEND=noninteractive'] : undefined;
}

function runAsRoot(prefix, command) {
  const [program, ...args] = [...prefix, ...command];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return runCaptured(program, args, { env, timeoutMs: commandTimeoutMs });
}
