/** Writes report.html: one file, no scripts, nothing loaded from elsewhere. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runName, runTask, writeWhole } from './lib/task.mjs';
import { escapeHtml, formatBytes, formatCount, formatWeight } from './lib/words.mjs';

await runTask(async ({ params, needs }) => {
  const path = join(params.outputDir, 'report.html');
  const style = await readFile(new URL('lib/report.css', import.meta.url), 'utf8');
  const text = page(needs, style);
  await writeWhole(path, text);
  return { path, lengthBytes: Buffer.byteLength(text) };
});

function page(needs, style) {
  const { inspect } = needs;
  const title = escapeHtml(`${inspect.project} ${inspect.projectVersion}`.trim());
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Dependencies of ${title}</title>
<style>
${style}</style>
</head>
<body>
<main>
<header>
<p class="over">Dependency report</p>
<h1>${title}</h1>
<p class="under">package-lock.json, version ${inspect.lockVersion} · SHA-256 ${inspect.lockDigest.slice(0, 16)}…</p>
</header>
${cards(needs)}
${sizeSection(needs)}
${licenceSection(needs)}
<div class="pair">
${duplicateSection(needs)}
${neededSection(needs)}
</div>
${folderSection(needs)}
<footer>Run ${escapeHtml(runName())} of the workflow dependency-report · made by Millrace</footer>
</main>
</body>
</html>
`;
}

function cards({ count, sizes, licences, duplicates }) {
  const measured = sizes.unit === 'bytes';
  const rows = [
    [count.total.toLocaleString('en'), 'packages', `${count.direct} asked for, ${count.transitive} came along`],
    measured
      ? [formatBytes(sizes.total), 'installed', formatCount(sizes.fileCount, 'file')]
      : [count.production.toLocaleString('en'), 'for production', `${count.development} for development`],
    [
      licences.licenceCount,
      'licences',
      `${formatCount(licences.notableCount, 'package needs', 'packages need')} a look`,
    ],
    [
      duplicates.count,
      'in several versions',
      `${formatCount(count.installScripts.length, 'package runs', 'packages run')} a script`,
    ],
  ];
  const card = ([value, name, note]) =>
    `<div class="card"><strong>${escapeHtml(value)}</strong><span>${escapeHtml(name)}</span><small>${escapeHtml(note)}</small></div>`;
  return `<section class="cards">${rows.map(card).join('')}</section>`;
}

function sizeSection({ sizes, chart }) {
  const title = sizes.unit === 'bytes' ? 'Largest packages' : 'What each dependency brings';
  const total = `Total: ${formatWeight(sizes.total, sizes.unit)}.`;
  return panel(title, `${escapeHtml(sizes.method)} ${total}`, `<figure>${chart.sizes}</figure>`);
}

function licenceSection({ licences, chart }) {
  const rows = licences.notable.map(({ name, licence, kind }) => [name, licence, kind]);
  const lead = `${formatCount(licences.notableCount, 'package needs', 'packages need')} a look: copyleft or unknown.`;
  const content =
    rows.length === 0
      ? ''
      : `<details><summary>Show ${rows.length === licences.notableCount ? 'them' : `the first ${rows.length}`}</summary>${table(['Package', 'Licence', 'Kind'], rows)}</details>`;
  return panel('Licences', lead, `<figure>${chart.licences}</figure>${content}`);
}

function duplicateSection({ duplicates }) {
  const rows = duplicates.several.map(({ name, versions }) => [name, versions.join(', ')]);
  const lead = `${formatCount(duplicates.count, 'package is', 'packages are')} installed in several versions.`;
  return panel('Several versions', lead, rows.length === 0 ? '' : table(['Package', 'Versions'], rows));
}

function neededSection({ chains }) {
  const rows = chains.mostNeeded.map(({ name, count }) => [name, count]);
  const chain = chains.deepest.map(escapeHtml).join(' → ');
  return panel('Most needed', `Farthest from the project: ${chain}.`, table(['Package', 'Needed by'], rows));
}

function folderSection({ fingerprints: { hashedCount, hashedBytes, copies, repeatedBytes, drifted } }) {
  if (hashedCount === 0) return panel('Folders', 'No package folder was there to hash.', '');
  const lead = `Hashed ${formatCount(hashedCount, 'folder')} with ${formatBytes(hashedBytes)}; equal copies repeat ${formatBytes(repeatedBytes)}. ${formatCount(drifted.length, 'folder is', 'folders are')} of another version than the lock says.`;
  const rows = [
    ...copies.map(({ name, version, count }) => [name, version, `${count} equal copies`]),
    ...drifted.map(({ name, version, installedVersion }) => [name, version, `folder has ${installedVersion}`]),
  ];
  return panel('Folders', lead, rows.length === 0 ? '' : table(['Package', 'Version', 'Found'], rows));
}

/** `lead` and `content` are HTML already. */
function panel(title, lead, content) {
  return `<section class="panel"><h2>${title}</h2><p>${lead}</p>${content}</section>`;
}

function table(columns, rows) {
  const cells = (row) => row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('');
  const body = rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n');
  const headings = columns.map((column) => `<th scope="col">${column}</th>`).join('');
  return `<div class="scroll"><table><thead><tr>${headings}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
