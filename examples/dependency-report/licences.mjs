/** Groups packages by licence, and lists those whose licence asks for more than a notice. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderOf, readLock } from './lib/packages.mjs';
import { runTask } from './lib/task.mjs';

const listedMax = 50;

await runTask(async ({ params }) => {
  const { packages } = await readLock(params.lockfile);
  const byLicence = new Map();
  for (const it of packages) {
    const licence = it.license ?? (await licenceInFolder(params.lockfile, it.path)) ?? 'unknown';
    byLicence.set(licence, [...(byLicence.get(licence) ?? []), `${it.name} ${it.version}`]);
  }
  const groups = [...byLicence]
    .map(([licence, names]) => ({ licence, count: names.length, kind: kindOf(licence) }))
    .sort((a, b) => b.count - a.count || a.licence.localeCompare(b.licence));
  const notable = [...byLicence]
    .filter(([licence]) => kindOf(licence) !== 'permissive')
    .flatMap(([licence, names]) => names.map((name) => ({ name, licence, kind: kindOf(licence) })));
  notable.sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
  const licenceCount = groups.filter(({ licence }) => licence !== 'unknown').length;
  console.log(`${licenceCount} licences; ${notable.length} packages need a look`);
  return {
    licenceCount,
    groups: groups.slice(0, listedMax),
    notable: notable.slice(0, listedMax),
    notableCount: notable.length,
  };
});

/** Where the lock is silent, the package itself may speak. */
async function licenceInFolder(lockfile, path) {
  const folder = await folderOf(lockfile, path);
  if (folder === undefined) return undefined;
  const { license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  return typeof license === 'string' ? license : license?.type;
}

/** `A OR B` lets one choose, so the milder one counts; `A AND B` binds to both. */
function kindOf(licence) {
  const alternatives = licence.replace(/[()]/g, '').split(/\s+OR\s+/i);
  const kinds = alternatives.map((one) => strictest(one.split(/\s+AND\s+/i).map(kindOfOne)));
  return ['permissive', 'copyleft', 'unknown'].find((kind) => kinds.includes(kind));
}

function strictest(kinds) {
  return ['copyleft', 'unknown', 'permissive'].find((kind) => kinds.includes(kind));
}

function kindOfOne(licence) {
  if (/^(A?GPL|LGPL|MPL|EPL|CDDL|EUPL|OSL)/i.test(licence)) return 'copyleft';
  if (/^(MIT|ISC|BSD|0BSD|Apache|BlueOak|Unlicense|CC0|CC-BY|Python|Zlib|WTFPL|Artistic)/i.test(licence))
    return 'permissive';
  return 'unknown';
}
