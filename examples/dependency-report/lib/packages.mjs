/** Reads the packages of a lock file, and the folders that npm made of them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const marker = 'node_modules/';

/** The root of the project and its packages, each with the `path` of its folder below the lock file. */
export async function readLock(lockfile) {
  const text = await readFile(lockfile, 'utf8').catch((fault) => {
    throw new Error(`expected a lock file at ${lockfile}, but reading it failed: ${fault.code}`);
  });
  const lock = parseJson(text, lockfile);
  if (typeof lock.packages !== 'object' || lock.packages === null) {
    throw new Error(
      `expected "packages" in ${lockfile} (lockfileVersion 2 or 3), came version ${lock.lockfileVersion}`,
    );
  }
  const packages = Object.entries(lock.packages)
    .filter(([path, entry]) => path.includes(marker) && entry.link !== true)
    .map(([path, entry]) => ({ ...entry, path, name: entry.name ?? nameOf(path), version: entry.version ?? '' }));
  return { text, version: lock.lockfileVersion, root: lock.packages[''] ?? {}, packages };
}

function parseJson(text, lockfile) {
  try {
    return JSON.parse(text);
  } catch (fault) {
    throw new Error(`expected JSON in ${lockfile}: ${fault.message}`);
  }
}

function nameOf(path) {
  return path.slice(path.lastIndexOf(marker) + marker.length);
}

/** Names of what the project itself asks for. */
export function directNames(root) {
  return Object.keys({ ...root.dependencies, ...root.devDependencies, ...root.optionalDependencies });
}

/** The package that `name` means inside the folder `from`: npm looks in that folder, then in each one above. */
export function resolvePackage(byPath, from, name) {
  for (let folder = from; ; folder = parentOf(folder)) {
    const found = byPath.get(folder === '' ? `${marker}${name}` : `${folder}/${marker}${name}`);
    if (found !== undefined || folder === '') return found;
  }
}

function parentOf(path) {
  const cut = path.lastIndexOf(`/${marker}`);
  return cut === -1 ? '' : path.slice(0, cut);
}

/** The packages that this one needs, as far as they are in the lock. */
export function needsOf(byPath, it) {
  const names = Object.keys({ ...it.dependencies, ...it.optionalDependencies, ...it.peerDependencies });
  return names.map((name) => resolvePackage(byPath, it.path, name)).filter((found) => found !== undefined);
}

/** The folder of a package, or undefined when it is not installed here. */
export async function folderOf(lockfile, path) {
  const folder = join(dirname(lockfile), path);
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() ? folder : undefined;
}

/** The files of a package, without those of packages below it, in a fixed order. Links are not followed. */
export async function filesOf(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesOf(path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return found.flat().sort();
}

/** `work` on each item, at most `limit` at once; results in the order of the items. */
export async function mapLimited(items, limit, work) {
  const results = new Array(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: limit }, lane));
  return results;
}
