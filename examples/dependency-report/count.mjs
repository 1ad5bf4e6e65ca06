/** Counts packages by how they came in. */
import { directNames, readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

await runTask(async ({ params }) => {
  const { root, packages } = await readLock(params.lockfile);
  const direct = new Set(directNames(root).map((name) => `node_modules/${name}`));
  const countIf = (test) => packages.filter(test).length;
  const directCount = countIf(({ path }) => direct.has(path));
  const development = countIf(({ dev }) => dev === true);
  console.log(`${directCount} asked for, ${packages.length - directCount} came along`);
  return {
    total: packages.length,
    direct: directCount,
    transitive: packages.length - directCount,
    production: packages.length - development,
    development,
    optional: countIf(({ optional }) => optional === true),
    platformBound: countIf(({ os, cpu }) => os !== undefined || cpu !== undefined),
    installScripts: packages.filter(({ hasInstallScript }) => hasInstallScript === true).map(({ name }) => name),
  };
});
