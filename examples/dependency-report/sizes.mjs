/** Measures each package folder; without node_modules, weighs each direct dependency by the packages that it brings. */
import { stat } from 'node:fs/promises';
import { directNames, filesOf, folderOf, mapLimited, needsOf, readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

const largestCount = 15;

await runTask(async ({ params, needs }) => {
  const { root, packages } = await readLock(params.lockfile);
  const result = needs.inspect.installed ? await measure(params.lockfile, packages) : weigh(root, packages);
  console.log(result.method);
  return result;
});

async function measure(lockfile, packages) {
  const rows = await mapLimited(packages, 8, async ({ name, version, path }) => {
    const folder = await folderOf(lockfile, path);
    if (folder === undefined) return undefined;
    const files = await filesOf(folder);
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return { name, version, weight: sizes.reduce((sum, size) => sum + size, 0), fileCount: files.length };
  });
  const present = rows.filter((row) => row !== undefined);
  const absentCount = rows.length - present.length;
  return {
    source: 'node_modules',
    unit: 'bytes',
    method: `Sizes were measured in node_modules: ${present.length} package folders; ${absentCount} packages of the lock are not installed here.`,
    total: present.reduce((sum, { weight }) => sum + weight, 0),
    fileCount: present.reduce((sum, { fileCount }) => sum + fileCount, 0),
    absentCount,
    largest: present.sort((a, b) => b.weight - a.weight).slice(0, largestCount),
  };
}

function weigh(root, packages) {
  const byPath = new Map(packages.map((it) => [it.path, it]));
  const direct = directNames(root)
    .map((name) => byPath.get(`node_modules/${name}`))
    .filter((it) => it !== undefined);
  const rows = direct.map((it) => ({ name: it.name, version: it.version, weight: reachable(byPath, it).size }));
  return {
    source: 'lock file',
    unit: 'packages',
    method:
      'There is no node_modules beside the lock file, and a lock tells no sizes: each direct dependency is weighed by the packages that it brings, itself included.',
    total: packages.length,
    fileCount: 0,
    absentCount: packages.length,
    largest: rows.sort((a, b) => b.weight - a.weight).slice(0, largestCount),
  };
}

function reachable(byPath, start) {
  const reached = new Set([start]);
  for (const it of reached) for (const need of needsOf(byPath, it)) reached.add(need);
  return reached;
}
