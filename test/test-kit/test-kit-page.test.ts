/** What the page of the test kit shows runs, with the entry that users import; so do the tests of the example. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/test-kit.md'), 'utf8');
const blocks = [...page.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);

/** Whoever runs these tests tells its children that they are tests of it. */
const { NODE_TEST_CONTEXT: _, ...environment } = process.env;

const report = (...args: string[]): string =>
  execFileSync(process.execPath, ['--test', '--test-reporter=tap', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: environment,
  });

it('has examples', () => expect(blocks.length).toBeGreaterThan(1));

it.each(blocks.map((block, index) => ({ block, name: `block-${index + 1}` })))('$name runs', ({ block, name }) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-kit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, `${name}.test.mjs`);
  // Nobody installs the package for this: its entry is named as it is found.
  const entry = import.meta.resolve('millrace/test-kit');
  writeFileSync(file, block.replaceAll("'millrace/test-kit'", `'${entry}'`));
  expect(report(file)).toContain('\n# fail 0\n');
});

it('the tests of the example run as its README says', () => {
  const readme = readFileSync(join(root, 'examples/test-kit/README.md'), 'utf8');
  expect(readme).toContain('node --test examples/test-kit/workflow.test.mjs');
  expect(report('examples/test-kit/workflow.test.mjs')).toContain('\n# pass 4\n# fail 0\n');
});

it('every word of the page is exported, and every export stands on the page', async () => {
  const kit = Object.keys(await import('../../src/test-kit/test-kit.ts'));
  for (const name of kit) expect(page, name).toContain(name);
  const launched = Object.keys(await import('../../infra/launch/test-kit.mjs' as string));
  expect(launched.toSorted()).toEqual(kit.toSorted());
});
