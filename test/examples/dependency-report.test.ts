/** The main example on this repository's own lock file: what the reports say is counted here once more. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { loadDefinitionFile } from '../../src/definitions/load-definition-file.ts';
import { runInOrder, runTask, type TaskRun } from './task-runner.ts';

const repository = new URL('../../', import.meta.url).pathname;
const home = join(repository, 'examples/dependency-report');
const lockfile = join(repository, 'package-lock.json');

interface LockEntry {
  version?: string;
  license?: string;
}

let folder: string;
let definition: WorkflowDefinition;
let entries: [path: string, entry: LockEntry][];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-report-'));
  const loaded = await loadDefinitionFile(join(home, 'workflow.yaml'));
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  definition = loaded.definition;
  const lock = JSON.parse(await readFile(lockfile, 'utf8')) as { packages: Record<string, LockEntry> };
  entries = Object.entries(lock.packages).filter(([path]) => path !== '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function outputsOf(runs: Map<string, TaskRun>, name: string): JsonRecord {
  return runs.get(name)?.outputs ?? {};
}

async function licenceInFolder(path: string): Promise<string> {
  const text = await readFile(join(repository, path, 'package.json'), 'utf8').catch(() => '{}');
  const { license } = JSON.parse(text) as LockEntry;
  return license ?? 'unknown';
}

describe('on this repository', () => {
  let runs: Map<string, TaskRun>;
  let markdown: string;
  let html: string;
  const outputDir = () => join(folder, 'out');

  beforeAll(async () => {
    runs = await runInOrder(definition, { home, lockfile, outputDir: outputDir() }, join(folder, 'run'));
    markdown = await readFile(join(outputDir(), 'report.md'), 'utf8');
    html = await readFile(join(outputDir(), 'report.html'), 'utf8');
  });

  test('at least five tasks can run at the same time', () => {
    expect(definition.tasks.filter(({ needs }) => needs.length === 1 && needs[0] === 'inspect').length).toBeGreaterThan(
      4,
    );
  });

  test('the last task names both reports and says the result', () => {
    const { markdown: markdownPath, html: htmlPath, summary } = outputsOf(runs, 'publish');
    expect(markdownPath).toBe(join(outputDir(), 'report.md'));
    expect(htmlPath).toBe(join(outputDir(), 'report.html'));
    expect(summary).toMatch(new RegExp(`^millrace has ${entries.length} packages \\(\\d+ direct\\) under .*\\.$`));
  });

  test('all packages of the lock are counted', () => {
    expect(markdown).toContain(`| packages | ${entries.length} |`);
    expect(html).toContain(`<strong>${entries.length}</strong><span>packages</span>`);
  });

  test('licences are counted as the lock gives them, or else the package itself', async () => {
    const licences = await Promise.all(entries.map(([path, entry]) => entry.license ?? licenceInFolder(path)));
    const countOf = (licence: string) => licences.filter((it) => it === licence).length;
    expect(markdown).toContain(`| MIT | ${countOf('MIT')} | permissive |`);
    expect(html).toContain(`<title>MIT: ${countOf('MIT')} packages</title>`);
    expect(outputsOf(runs, 'licences').notableCount).toBe(countOf('MPL-2.0') + countOf('unknown'));
  });

  test('packages in several versions are those of the lock', () => {
    const versions = new Map<string, Set<string>>();
    for (const [path, { version = '' }] of entries) {
      const name = path.split('node_modules/').at(-1) ?? '';
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
    const several = [...versions].filter(([, set]) => set.size > 1);
    expect(outputsOf(runs, 'duplicates').count).toBe(several.length);
    for (const [name] of several) expect(html).toContain(`<td>${name}</td>`);
  });

  test('sizes are measured in node_modules, and both reports say so', () => {
    const sizes = outputsOf(runs, 'sizes') as {
      unit: string;
      total: number;
      largest: { name: string; weight: number }[];
    };
    expect(sizes.unit).toBe('bytes');
    expect(sizes.total).toBeGreaterThan(1_000_000);
    expect(sizes.largest).toHaveLength(15);
    for (const text of [markdown, html]) expect(text).toContain('Sizes were measured in node_modules');
    expect(markdown).toContain(`| ${sizes.largest[0]?.name.replaceAll('_', '\\_')} |`);
  });

  test('hashing reads what measuring has seen', () => {
    expect(outputsOf(runs, 'fingerprints').hashedBytes).toBe(outputsOf(runs, 'sizes').total);
  });

  test('the page has two charts, and loads nothing', () => {
    expect(html.match(/<svg /g)).toHaveLength(2);
    expect(html.match(/class="bar"/g)).toHaveLength(15);
    expect(html).not.toMatch(/<script|<link|src=|@import|url\(/);
    expect(html).toContain('prefers-color-scheme: dark');
  });
});

describe('without node_modules', () => {
  test('dependencies are weighed by what they bring, and both reports say so', async () => {
    const project = join(folder, 'bare');
    await mkdir(project);
    await copyFile(lockfile, join(project, 'package-lock.json'));
    const params = { home, lockfile: join(project, 'package-lock.json'), outputDir: join(project, 'out') };
    const runs = await runInOrder(definition, params, join(folder, 'bare-run'));
    expect(outputsOf(runs, 'sizes')).toMatchObject({ unit: 'packages', total: entries.length });
    for (const name of ['report.md', 'report.html']) {
      const text = await readFile(join(project, 'out', name), 'utf8');
      expect(text).toContain('There is no node_modules beside the lock file');
    }
  });
});

describe('a small project', () => {
  /** left needs deep 1, right needs deep 2 in a folder of its own; names hold what HTML must escape. */
  const lock = {
    name: 'a<b>&c',
    version: '1.0.0',
    lockfileVersion: 3,
    packages: {
      '': { name: 'a<b>&c', version: '1.0.0', dependencies: { left: '1', right: '1' } },
      'node_modules/left': { version: '1.0.0', license: 'MIT', dependencies: { deep: '1' } },
      'node_modules/right': { version: '1.0.0', license: '(GPL-3.0 OR MIT)', dependencies: { deep: '2' } },
      'node_modules/deep': { version: '1.0.0', license: 'GPL-3.0', dev: true },
      'node_modules/right/node_modules/deep': { version: '2.10.0', hasInstallScript: true },
    },
  };

  test('is counted, weighed and escaped exactly', async () => {
    const project = join(folder, 'small');
    await mkdir(project);
    await writeFile(join(project, 'package-lock.json'), JSON.stringify(lock));
    const params = { home, lockfile: join(project, 'package-lock.json'), outputDir: join(project, 'out') };
    const runs = await runInOrder(definition, params, join(folder, 'small-run'));
    expect(outputsOf(runs, 'count')).toMatchObject({
      total: 4,
      direct: 2,
      transitive: 2,
      development: 1,
      installScripts: ['deep'],
    });
    expect(outputsOf(runs, 'licences').notable).toEqual([
      { name: 'deep 1.0.0', licence: 'GPL-3.0', kind: 'copyleft' },
      { name: 'deep 2.10.0', licence: 'unknown', kind: 'unknown' },
    ]);
    expect(outputsOf(runs, 'duplicates').several).toEqual([{ name: 'deep', versions: ['1.0.0', '2.10.0'] }]);
    expect(outputsOf(runs, 'sizes').largest).toMatchObject([
      { name: 'left', weight: 2 },
      { name: 'right', weight: 2 },
    ]);
    expect(outputsOf(runs, 'chains').mostNeeded).toEqual([{ name: 'deep', count: 2 }]);
    const html = await readFile(join(project, 'out', 'report.html'), 'utf8');
    expect(html).toContain('<h1>a&lt;b&gt;&amp;c 1.0.0</h1>');
    expect(html).not.toContain('a<b>');
  });
});

test.each([
  ['a missing file', { lockfile: '/nowhere/package-lock.json' }, 'expected a lock file at /nowhere/package-lock.json'],
  ['a relative path', { lockfile: 'package-lock.json' }, 'expected an absolute path in the parameter "lockfile"'],
])('%s is refused with one sentence', async (_name, wrong, sentence) => {
  const inspect = definition.tasks.find(({ name }) => name === 'inspect');
  if (inspect === undefined) throw new Error('no task inspect');
  const params = { home, outputDir: join(folder, 'none'), ...wrong };
  const run = await runTask(inspect, { params, needs: {}, folder: join(folder, `wrong-${wrong.lockfile.length}`) });
  expect(run.exitCode).toBe(1);
  expect(run.log).toContain(sentence);
  expect(run.log.trim().split('\n')).toHaveLength(1);
});
