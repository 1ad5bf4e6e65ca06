import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { generateWorkflowSchema } from '../../src/definitions/generate-schema.ts';

const file = new URL('../../docs/schema/workflow.schema.json', import.meta.url);
const remedy =
  'docs/schema/workflow.schema.json is older than schemas/definition. Write it anew with: ' +
  'MILLRACE_UPDATE=1 npx vitest run --config .ci/vitest.config.ts test/definitions/generate-schema';

test('the committed JSON Schema is the one that the schemas make', async () => {
  const generated = generateWorkflowSchema();
  if (process.env.MILLRACE_UPDATE === '1') await writeFile(file, generated);
  const committed: unknown = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));
  expect(committed, remedy).toEqual(JSON.parse(generated));
});

test('every field of a workflow file is described', () => {
  const undescribed: string[] = [];
  const schema: Schema = JSON.parse(generateWorkflowSchema());
  const described = Object.entries(schema.definitions ?? {}).filter(([, { description }]) => description !== undefined);
  const references = new Set(described.map(([name]) => `#/definitions/${name}`));
  collectUndescribed(schema, 'workflow', { references, found: undescribed });
  expect(undescribed).toEqual([]);
});

test('the settings of configured plugins are described beside their name', () => {
  const settingsSchema = { type: 'object', required: ['who'] };
  const generated = generateWorkflowSchema([{ name: 'greeting', settingsSchema }, { name: 'plain' }]);
  const found: unknown[] = [];
  collectConditions(JSON.parse(generated), found);
  const named = { properties: { plugin: { const: 'greeting' } }, required: ['plugin'] };
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema; nothing awaits it.
  const settings = { if: named, then: { properties: { settings: settingsSchema } } };
  expect(found).toEqual([[{ properties: { plugin: { enum: ['greeting', 'plain'] } } }, settings]]);
});

function collectConditions(schema: unknown, found: unknown[]): void {
  if (typeof schema !== 'object' || schema === null) return;
  if ('allOf' in schema && 'title' in schema && schema.title === 'plugin task') found.push(schema.allOf);
  else for (const part of Object.values(schema)) collectConditions(part, found);
}

type Schema = {
  properties?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
  description?: string;
  $ref?: string;
} & { [key: string]: unknown };

/** What a field refers to may be described in its place. */
type Search = { references: ReadonlySet<string>; found: string[] };

function collectUndescribed(schema: Schema, path: string, search: Search): void {
  for (const [name, { description, $ref = '' }] of Object.entries(schema.properties ?? {})) {
    if (description === undefined && !search.references.has($ref)) search.found.push(`${path}.${name}`);
  }
  for (const [key, part] of Object.entries(schema)) {
    if (typeof part === 'object' && part !== null && key !== 'default') {
      collectUndescribed(part as Schema, `${path}.${key}`, search);
    }
  }
}
