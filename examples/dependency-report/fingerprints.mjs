/** Hashes each package folder: finds equal copies, and folders of another version than the lock says. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { filesOf, folderOf, mapLimited, readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

const listedMax = 50;

await runTask(async ({ params }) => {
  const { packages } = await readLock(params.lockfile);
  const prints = await mapLimited(packages, 4, (it) => fingerprint(params.lockfile, it));
  const hashed = prints.filter(({ source }) => source === 'folder');
  const copies = equalCopies(prints);
  const drifted = hashed.filter(({ version, installedVersion }) => version !== installedVersion);
  console.log(
    `hashed ${hashed.length} folders; packages with equal copies: ${copies.length}, of another version: ${drifted.length}`,
  );
  return {
    hashedCount: hashed.length,
    hashedBytes: hashed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    withoutIntegrity: packages
      .filter(({ integrity }) => integrity === undefined)
      .map(({ name }) => name)
      .slice(0, listedMax),
    copies: copies.slice(0, listedMax),
    repeatedBytes: copies.reduce((sum, { sizeBytes, count }) => sum + sizeBytes * (count - 1), 0),
    drifted: drifted
      .slice(0, listedMax)
      .map(({ name, version, installedVersion }) => ({ name, version, installedVersion })),
  };
});

/** SHA-256 over names and contents of all files; of what is not installed, the integrity that the lock gives. */
async function fingerprint(lockfile, { name, version, path, integrity }) {
  const folder = await folderOf(lockfile, path);
  if (folder === undefined) return { name, version, source: 'lock', print: integrity, sizeBytes: 0 };
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for (const file of await filesOf(folder)) {
    const content = await readFile(file);
    hash.update(`${relative(folder, file)}\0${content.length}\0`).update(content);
    sizeBytes += content.length;
  }
  const own = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  return { name, version, source: 'folder', print: hash.digest('hex'), sizeBytes, installedVersion: own.version };
}

function equalCopies(prints) {
  const byPrint = groupByPrint(prints);
  return [...byPrint]
    .filter(([print, group]) => print !== undefined && group.length > 1)
    .map(([, group]) => ({
      name: group[0].name,
      version: group[0].version,
      count: group.length,
      sizeBytes: group[0].sizeBytes,
    }))
    .sort((a, b) => b.sizeBytes * b.count - a.sizeBytes * a.count || a.name.localeCompare(b.name));
}

function groupByPrint(prints) {
  const groups = new Map();
  for (const it of prints) groups.set(it.print, [...(groups.get(it.print) ?? []), it]);
  return groups;
}
