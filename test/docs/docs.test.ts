import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { createCommandLine } from '../cli/command-line.ts';
import { docCommentsOf } from './doc-comments.ts';
import { generatePages } from './generate-docs.ts';
import { anchorsOf, codeOf, type MarkdownFile, markdownFiles, relativeLinks, root } from './markdown.ts';

const files = markdownFiles();
const textByPath = new Map(files.map(({ path, text }) => [path, text]));

describe('the generated pages', () => {
  it.each(generatePages())('$file is the one that the schemas make', async ({ file, text }) => {
    const path = join(root, file);
    if (process.env.MILLRACE_UPDATE === '1') await writeFile(path, text);
    const remedy = `${file} is older than schemas/. Write it anew with: MILLRACE_UPDATE=1 npx vitest run --config .ci/vitest.config.ts test/docs`;
    expect(await readFile(path, 'utf8').catch(() => ''), remedy).toBe(text);
  });

  it('take the comments of the schemas', () => {
    const comments = docCommentsOf(new URL('../../schemas/envelope.ts', import.meta.url));
    expect(comments.get('eventMetadataSchema.epoch')).toMatch(/^Epoch of the owner/);
  });
});

test('every relative link leads to a file, and to a heading that is there', () => {
  const broken = files.flatMap((file) =>
    relativeLinks(file).flatMap((link) => (leadsSomewhere(file, link) ? [] : [`${file.path}: ${link}`])),
  );
  expect(broken).toEqual([]);
});

function leadsSomewhere(from: MarkdownFile, link: string): boolean {
  const [target = '', anchor] = link.split('#');
  const path = target === '' ? from.path : normalize(join(dirname(from.path), target));
  if (!existsSync(join(root, path))) return false;
  const text = textByPath.get(path);
  return anchor === undefined || text === undefined || anchorsOf(text).has(anchor);
}

test('no page names a folder of the machine on which it was written', () => {
  const machinePath = /(?<![\w.])\/(work|tmp|root|var\/folders|home\/[a-z]\w*|Users\/\w+)\b/;
  const found = files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (machinePath.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});

/** `npx millrace submit hello --wait` -> submit, --wait. Prose between backticks ends at the first odd word. */
function commandsIn(file: MarkdownFile): { name: string; flags: string[]; line: string }[] {
  return codeOf(file).flatMap((line) => {
    const [, name, rest = ''] =
      /^(?:[$#] )?(?:npx |node infra\/launch\/)?millrace(?:\.mjs)? ([a-z]+(?:-[a-z]+)*)\b(.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    return [{ name, flags: rest.match(/(?<=[\s[])--[a-z-]+/g) ?? [], line }];
  });
}

test('every command and flag that a page names exists', async () => {
  const helps = new Map<string, string>();
  const helpOf = async (name: string): Promise<string> => {
    const known = helps.get(name);
    if (known !== undefined) return known;
    const box = createCommandLine();
    const help = (await box.run(name, '--help')) === 0 ? box.stdout() : '';
    helps.set(name, help);
    return help;
  };
  const commands = files.flatMap((file) => commandsIn(file).map((command) => ({ ...command, path: file.path })));
  const unknown: string[] = [];
  for (const { name, flags, line, path } of commands) {
    const help = await helpOf(name);
    const isKnown = help.startsWith(`Usage: millrace ${name}`);
    if (!isKnown || flags.some((flag) => !help.includes(flag))) unknown.push(`${path}: ${line}`);
  }
  expect(commands.length).toBeGreaterThan(20);
  expect(unknown).toEqual([]);
});

test('every npm script that a page names exists', () => {
  const scripts = Object.keys(packageJson.scripts);
  const unknown = files.flatMap((file) =>
    codeOf(file).flatMap((line) => {
      const [, ran, short] = /\bnpm (?:run ([a-z:]+)|(start|test))\b/.exec(line) ?? [];
      const name = ran ?? short;
      return name === undefined || scripts.includes(name) ? [] : [`${file.path}: ${line}`];
    }),
  );
  expect(unknown).toEqual([]);
});
