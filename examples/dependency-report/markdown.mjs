/** Writes report.md. */
import { join } from 'node:path';
import { runName, runTask, writeWhole } from './lib/task.mjs';
import { escapeMarkdown, formatBytes, formatCount, formatWeight } from './lib/words.mjs';

await runTask(async ({ params, needs }) => {
  const path = join(params.outputDir, 'report.md');
  const text = [
    head(needs),
    counts(needs),
    sizes(needs),
    licences(needs),
    duplicates(needs),
    chains(needs),
    folders(needs),
  ]
    .flat()
    .concat('', `Run ${runName()} of the workflow dependency-report.`, '')
    .join('\n');
  await writeWhole(path, text);
  return { path, lengthBytes: Buffer.byteLength(text) };
});

function head({ inspect }) {
  const title = escapeMarkdown(`${inspect.project} ${inspect.projectVersion}`.trim());
  return [
    `# Dependencies of ${title}`,
    '',
    `Lock file version ${inspect.lockVersion}, SHA-256 \`${inspect.lockDigest}\`.`,
  ];
}

function counts({ count }) {
  const rows = [
    ['packages', count.total],
    ['asked for by the project', count.direct],
    ['came along with those', count.transitive],
    ['for production', count.production],
    ['for development', count.development],
    ['optional', count.optional],
    ['bound to a platform', count.platformBound],
  ];
  const scripts = count.installScripts.map(escapeMarkdown).join(', ');
  return [
    '',
    '## Packages',
    '',
    ...table(['', 'count'], rows),
    '',
    `Run a script when installed: ${scripts || 'none'}.`,
  ];
}

function sizes({ sizes: { unit, method, total, largest } }) {
  const weightMax = Math.max(1, ...largest.map(({ weight }) => weight));
  const rows = largest.map(({ name, version, weight }) => {
    const bar = '█'.repeat(Math.max(1, Math.round((weight / weightMax) * 24)));
    return [escapeMarkdown(name), escapeMarkdown(version), formatWeight(weight, unit), bar];
  });
  const columns = ['package', 'version', unit === 'bytes' ? 'size' : 'brings', ''];
  return ['', '## Sizes', '', `${method} Total: ${formatWeight(total, unit)}.`, '', ...table(columns, rows)];
}

function licences({ licences: { groups, notable, notableCount } }) {
  const rows = groups.map(({ licence, count, kind }) => [escapeMarkdown(licence), count, kind]);
  const list = notable.map(({ name, licence }) => `- ${escapeMarkdown(name)}: ${escapeMarkdown(licence)}`);
  const intro = `${formatCount(notableCount, 'package needs', 'packages need')} a look (copyleft or unknown):`;
  return ['', '## Licences', '', ...table(['licence', 'packages', 'kind'], rows), ...section(intro, list)];
}

function duplicates({ duplicates: { count, several } }) {
  const rows = several.map(({ name, versions }) => [escapeMarkdown(name), versions.map(escapeMarkdown).join(', ')]);
  const lead = `${formatCount(count, 'package is', 'packages are')} installed in several versions.`;
  return [
    '',
    '## Several versions',
    '',
    lead,
    ...(rows.length === 0 ? [] : ['', ...table(['package', 'versions'], rows)]),
  ];
}

function chains({ chains: { mostNeeded, deepest } }) {
  const rows = mostNeeded.map(({ name, count }) => [escapeMarkdown(name), count]);
  const chain = deepest.map(escapeMarkdown).join(' → ');
  return [
    '',
    '## Most needed',
    '',
    ...table(['package', 'needed by'], rows),
    '',
    `Farthest from the project: ${chain}.`,
  ];
}

function folders({ fingerprints: { hashedCount, hashedBytes, copies, repeatedBytes, drifted } }) {
  if (hashedCount === 0) return ['', '## Folders', '', 'No package folder was there to hash.'];
  const lead = `Hashed ${formatCount(hashedCount, 'folder')} with ${formatBytes(hashedBytes)}; equal copies repeat ${formatBytes(repeatedBytes)}.`;
  const equal = copies.map(({ name, version, count }) => `- ${escapeMarkdown(name)} ${version}: ${count} times`);
  const other = drifted.map((it) => `- ${escapeMarkdown(it.name)}: lock ${it.version}, folder ${it.installedVersion}`);
  return [
    '',
    '## Folders',
    '',
    lead,
    ...section('Equal copies:', equal),
    ...section('Not the version of the lock:', other),
  ];
}

function section(intro, list) {
  return list.length === 0 ? [] : ['', intro, '', ...list];
}

function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)];
}
