import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../schemas/errors.ts';
import { eventRegistry } from '../schemas/events/registry.ts';
import {
  environment,
  type Fault,
  fileLength,
  fileName,
  functionLength,
  importExtensions,
  namedExports,
  noLeftovers,
  parameterCount,
  parseSource,
  purity,
  purposeComment,
  type Rule,
  type SourceFile,
  units,
} from './kit/tidy-rules.ts';

const root = new URL('..', import.meta.url).pathname;
const folders = ['schemas', 'actors', 'src', 'infra', 'test', 'bench', 'examples'];

/** What is tracked; where there is no repository (an unpacked archive), what is there. */
function listFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '--', ...folders], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
    return listed.split('\n');
  } catch {
    return folders.flatMap((folder) =>
      readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    );
  }
}

function readSource(path: string): SourceFile[] {
  try {
    return [parseSource(path, readFileSync(`${root}/${path}`, 'utf8'))];
  } catch (error) {
    // Tracked, but removed in the working tree.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const files = listFiles()
  .filter((path) => /\.(ts|mjs)$/.test(path) && !path.includes('node_modules/'))
  .flatMap(readSource);
const within = (...prefixes: string[]) =>
  files.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)));

const product = within('schemas/', 'actors/', 'src/', 'infra/');
const readers = (path: string) =>
  path.startsWith('src/config/') || path.startsWith('infra/launch/') || /^infra\/.*\.process\.ts$/.test(path);

const rules: [string, Rule, readonly SourceFile[]][] = [
  ['has at most 400 lines', fileLength, files],
  ['has functions of at most 70 lines', functionLength, files],
  ['has functions of at most four parameters', parameterCount, files],
  ['is named in kebab-case, with a known role, after what it is', fileName, files],
  ['exports by name, and only what is its own', namedExports, files],
  ['imports with the extension', importExtensions, files],
  ['says at its head what it is for', purposeComment, product],
  ['is pure if it belongs to the core', purity, within('schemas/', 'actors/')],
  ['leaves no test out and nothing to do', noLeftovers, files],
  ['names numbers with their unit', units, files],
  [
    'does not read the environment',
    environment,
    [...product, ...within('examples/')].filter(({ path }) => !readers(path)),
  ],
];

const lines = (faults: readonly Fault[]) => faults.map(({ path, line, message }) => `${path}:${line} ${message}`);

describe('every file', () => {
  it('is found', () => {
    expect(files.length).toBeGreaterThan(100);
  });

  it.each(rules)('%s', (_, rule, judged) => {
    expect(lines(judged.flatMap(rule))).toEqual([]);
  });
});

/** Read by no machine: the stream of a definition holds nothing but its versions. */
const readElsewhere: Record<string, string> = { DefinitionRegistered: 'src/definitions/definition-store.ts' };

describe('the catalogues', () => {
  it('hold no event that no machine takes', () => {
    const machines = files.filter(({ path }) => path.startsWith('actors/') && path.endsWith('.machine.ts'));
    const untaken = Object.keys(eventRegistry).filter((type) => {
      const takers = files.filter(({ path }) => path === readElsewhere[type]);
      return ![...machines, ...takers].some(({ text }) => new RegExp(`\\b${type}\\b`).test(text));
    });
    expect(untaken).toEqual([]);
  });

  it('hold no error code that nothing uses', () => {
    const users = product.filter(({ path }) => path !== 'schemas/errors.ts');
    const unused = Object.keys(errorCatalogue).filter((code) => !users.some(({ text }) => text.includes(`'${code}'`)));
    expect(unused).toEqual([]);
  });
});

const sample = (text: string, path = 'src/a/sample.ts') => parseSource(path, text);
const long = (count: number) => `export function far() {\n${'  step();\n'.repeat(count)}}\n`;

describe('each rule finds what it is for', () => {
  it.each<[string, Rule, SourceFile]>([
    ['a long file', fileLength, sample('step();\n'.repeat(401))],
    ['a long function', functionLength, sample(long(70))],
    ['a long arrow function', functionLength, sample(long(70).replace('function far()', 'const far = () =>'))],
    ['five parameters', parameterCount, sample('function f(a, b, c, d, e) {}')],
    ['a name that is not kebab-case', fileName, sample('', 'src/fooBar.ts')],
    ['an unknown role', fileName, sample('', 'src/journal.thing.ts')],
    ['a name that says nothing', fileName, sample('', 'src/journal-utils.ts')],
    ['a default export', namedExports, sample('export default class A {}')],
    ['a default value', namedExports, sample('const a = 1;\nexport default a;')],
    ['a barrel', namedExports, sample("export * from './a.ts';")],
    ['a name passed on', namedExports, sample("export { a } from './a.ts';")],
    ['an import without extension', importExtensions, sample("import { a } from './a';")],
    ['an import with a wrong extension', importExtensions, sample("import { a } from './a.js';")],
    ['a dynamic import without extension', importExtensions, sample("const a = import('./a');")],
    ['no purpose', purposeComment, sample('export const a = 1;')],
    ['a clock', purity, sample('const now = Date.now();')],
    ['a new date', purity, sample('const now = new Date();')],
    ['chance', purity, sample('const dice = Math.random();')],
    ['an environment', purity, sample('const { env } = process;')],
    ['a timer', purity, sample('setTimeout(() => {}, 1);')],
    ['a global as a shorthand', purity, sample('const world = { fetch };')],
    ['an async function', purity, sample('const a = async () => {};')],
    ['a wait', purity, sample('const a = await b;')],
    ['a print', purity, sample("console.log('a');")],
    ['a test that is left out', noLeftovers, sample(`it.${'skip'}('a', () => {});`)],
    ['a test that is alone', noLeftovers, sample(`describe.${'only'}('a', () => {});`)],
    ['a thing to do', noLeftovers, sample(`// ${'TO'}DO later`)],
    ['a timeout without unit', units, sample('type A = { timeout: number };')],
    ['a delay without unit', units, sample('const retryDelay = 500;')],
    ['a size without unit', units, sample('const shape = { logSize: z.int().min(1) };')],
    ['a parameter without unit', units, sample('function wait(interval: number) {}')],
    ['the environment', environment, sample('const { HOME } = process.env;')],
  ])('%s', (_, rule, file) => {
    expect(rule(file).length).toBeGreaterThan(0);
  });

  it.each<[string, Rule, SourceFile]>([
    ['a property that is called like a global', purity, sample('type A = { process: string }; const a = b.fetch;')],
    ['a type that is called like a global', purity, sample('type A = { at: Intl.Date };')],
    ['a unit at the end', units, sample('type A = { timeoutMs: number; sizeBytes: number };')],
    ['a text that tells a duration', units, sample('type A = { duration: string };')],
    ['a group of many tests', functionLength, sample(`describe('a', () => {\n${"it('b', () => {});\n".repeat(99)}});`)],
    ['a re-export of its own', namedExports, sample('const a = 1;\nexport { a };')],
  ])('and lets pass %s', (_, rule, file) => {
    expect(rule(file)).toEqual([]);
  });
});
