/** Finds the packages that most others need, and how deep the tree goes. */
import { directNames, needsOf, readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

const listedMax = 10;

await runTask(async ({ params }) => {
  const { root, packages } = await readLock(params.lockfile);
  const byPath = new Map(packages.map((it) => [it.path, it]));
  const neededBy = new Map();
  for (const it of packages) {
    for (const need of needsOf(byPath, it))
      neededBy.set(need.name, (neededBy.get(need.name) ?? new Set()).add(it.name));
  }
  const mostNeeded = [...neededBy]
    .map(([name, names]) => ({ name, count: names.size }))
    .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
  const deepest = deepestChain(byPath, root);
  console.log(`the deepest package is ${deepest.length} steps from the project: ${deepest.join(' > ')}`);
  return { mostNeeded: mostNeeded.slice(0, listedMax), deepest };
});

/** Breadth first: the shortest way from the project to the package that is farthest away. */
function deepestChain(byPath, root) {
  const direct = directNames(root)
    .map((name) => byPath.get(`node_modules/${name}`))
    .filter((it) => it !== undefined);
  const reachedFrom = new Map(direct.map((it) => [it, undefined]));
  for (const it of reachedFrom.keys()) {
    for (const need of needsOf(byPath, it)) if (!reachedFrom.has(need)) reachedFrom.set(need, it);
  }
  const chain = [];
  for (let it = [...reachedFrom.keys()].at(-1); it !== undefined; it = reachedFrom.get(it)) chain.unshift(it.name);
  return chain;
}
