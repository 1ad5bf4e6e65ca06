/** Finds a usable nats-server: on PATH and the usual folders of servers, then in the project's own cache folder. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAtLeast } from './nats-conf.ts';
import { NatsServerError } from './nats-server.error.ts';

export interface NatsServerBinary {
  path: string;
  /** For example `2.9.10`. */
  version: string;
}

export interface FindNatsServerOptions {
  /** Use exactly this program. */
  binary?: string | undefined;
  /** Value of PATH; default: none, only the usual folders are looked through. */
  searchPath?: string | undefined;
  /** Folders to look in; default: the search path, the usual folders, the cache of the project. */
  folders?: readonly string[] | undefined;
}

const oldestVersion = [2, 9] as const;
const versionTimeoutMs = 5_000;
const execFileAsync = promisify(execFile);
const remedy =
  'Install nats-server 2.9 or newer (Debian and Ubuntu: apt-get install nats-server; macOS: brew install nats-server; ' +
  'others: https://github.com/nats-io/nats-server/releases) and put it on PATH, or run `npm start` once, which does it.';

/** Throws `nats-server-unusable` for a given program that is none, `nats-server-not-found` if a search finds none. */
export async function findNatsServer(options: FindNatsServerOptions = {}): Promise<NatsServerBinary> {
  if (options.binary !== undefined) return inspectNatsServer(options.binary);
  const refusals: NatsServerError[] = [];
  for (const path of candidatesIn(options.folders ?? searchFolders(options.searchPath ?? ''))) {
    try {
      return await inspectNatsServer(path);
    } catch (error) {
      if (!(error instanceof NatsServerError)) throw error;
      refusals.push(error);
    }
  }
  throw (
    refusals[0] ?? new NatsServerError('nats-server-not-found', 'No nats-server was found on this machine.', { remedy })
  );
}

async function inspectNatsServer(path: string): Promise<NatsServerBinary> {
  const output = await printVersion(path);
  const version = /nats-server: v(\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (version === undefined) throw unusable(path, `it answered --version with ${JSON.stringify(output.slice(0, 120))}`);
  if (!isAtLeast(version, oldestVersion)) throw unusable(path, `version ${version} is older than 2.9`);
  return { path, version };
}

async function printVersion(path: string): Promise<string> {
  try {
    return (await execFileAsync(path, ['--version'], { timeout: versionTimeoutMs })).stdout;
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message.trim() : String(error), error);
  }
}

function unusable(path: string, reason: string, cause?: unknown): NatsServerError {
  return new NatsServerError('nats-server-unusable', `${path} cannot be used as nats-server: ${reason}.`, {
    remedy,
    cause,
  });
}

function candidatesIn(folders: readonly string[]): string[] {
  return [...new Set(folders)].map((folder) => join(folder, 'nats-server')).filter(isExecutableFile);
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function searchFolders(searchPath: string): string[] {
  const onPath = searchPath.split(delimiter).filter((folder) => folder !== '');
  return [...onPath, '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', ...cacheFolders()];
}

/** `node_modules/.cache/millrace/nats-server-<version>/`, newest version first. */
function cacheFolders(): string[] {
  const cacheDir = join(projectRoot(), 'node_modules', '.cache', 'millrace');
  if (!existsSync(cacheDir)) return [];
  const newestFirst = new Intl.Collator('en', { numeric: true });
  return readdirSync(cacheDir)
    .filter((name) => name.startsWith('nats-server-'))
    .sort((left, right) => newestFirst.compare(right, left))
    .map((name) => join(cacheDir, name));
}

/** The nearest folder above with a package.json: this file runs from the sources and from `dist`. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
