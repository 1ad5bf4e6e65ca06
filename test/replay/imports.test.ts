/** The replay can do nothing but read: the rule of the import checker says so, and the rule finds what breaks it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const checker = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const rules = join(root, '.ci/dependency-cruiser.cjs');

/** The names of the rules that are broken. */
function brokenRules(cwd: string, ...folders: string[]): string[] {
  const args = [checker, '--config', rules, '--output-type', 'json', ...folders];
  const report = execFileSync(process.execPath, args, { cwd, encoding: 'utf8', maxBuffer: 100_000_000 });
  const { summary } = JSON.parse(report) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))];
}

function project(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-imports-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'tsconfig.json'), '{}');
  writeFileSync(join(folder, 'package.json'), '{}');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

it('holds here', () => {
  const found = brokenRules(root, 'src/replay', 'actors', 'schemas').filter((name) => name.startsWith('replay-'));
  expect(found).toEqual([]);
});

it('finds a replay that opens a file or a connection, also by way of others', () => {
  const direct = project({ 'src/replay/a.ts': "import { writeFileSync } from 'node:fs';\nwriteFileSync('a', '');\n" });
  expect(brokenRules(direct, 'src')).toEqual(expect.arrayContaining(['replay-can-do-nothing']));
  const roundabout = project({
    'src/replay/a.ts': "import { b } from '../errors/b.ts';\nb();\n",
    'src/errors/b.ts': "import { connect } from 'node:net';\nexport const b = () => connect(1);\n",
  });
  expect(brokenRules(roundabout, 'src')).toEqual(['replay-can-do-nothing']);
});
