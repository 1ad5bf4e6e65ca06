/** Looks programs up on PATH, and a nats-server that is new enough in a list of folders. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCaptured } from './run-command.mjs';

/** Folders of servers that PATH often leaves out. */
export const serverFolders = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin'];

const oldestNatsVersion = [2, 9];
const versionTimeoutMs = 5_000;

export function pathFolders() {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

/** The path of an executable file, or undefined. */
export function findProgram(name, folders = pathFolders()) {
  return folders.map((folder) => join(folder, name)).find(isExecutableFile);
}

/** The path of the first nats-server that runs and is not too old, or undefined. */
export async function findNatsServerIn(folders) {
  for (const folder of new Set(folders)) {
    const path = findProgram('nats-server', [folder]);
    if (path !== undefined && (await isUsableNatsServer(path))) return path;
  }
  return undefined;
}

async function isUsableNatsServer(path) {
  const { output } = await runCaptured(path, ['--version'], { timeoutMs: versionTimeoutMs });
  const version = /nats-server: v(\d+)\.(\d+)\./.exec(output);
  if (version === null) return false;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > oldestNatsVersion[0] || (major === oldestNatsVersion[0] && minor >= oldestNatsVersion[1]);
}

function isExecutableFile(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
