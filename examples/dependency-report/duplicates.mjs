/** Finds packages that are installed in several versions. */
import { readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

const listedMax = 50;

await runTask(async ({ params }) => {
  const { packages } = await readLock(params.lockfile);
  const versionsByName = new Map();
  for (const { name, version } of packages) {
    versionsByName.set(name, (versionsByName.get(name) ?? new Set()).add(version));
  }
  const several = [...versionsByName]
    .filter(([, versions]) => versions.size > 1)
    .map(([name, versions]) => ({ name, versions: [...versions].sort(byVersion) }))
    .sort((a, b) => b.versions.length - a.versions.length || a.name.localeCompare(b.name));
  console.log(`${several.length} packages in several versions`);
  return { count: several.length, several: several.slice(0, listedMax) };
});

function byVersion(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
