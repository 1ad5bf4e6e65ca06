/** The JSON Schema of workflow files, for editors. A test keeps `docs/schema/workflow.schema.json` equal to it. */
import { z } from 'zod';
import { workflowSourceSchema } from '../../schemas/definition/workflow-source.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';

type DescribedPlugin = { name: string; settingsSchema?: JsonRecord | undefined };

/**
 * Draft 7, which all common editors understand; the text of the file, with a newline at its end.
 * @param plugins whose settings are described too; without any, each name and all settings pass
 */
export function generateWorkflowSchema(plugins: readonly DescribedPlugin[] = []): string {
  const schema = z.toJSONSchema(workflowSourceSchema, { io: 'input', target: 'draft-7' });
  // Reason for the cast: a JSON Schema is JSON.
  const described = plugins.length === 0 ? schema : withPlugins(schema as unknown as JsonValue, plugins);
  return `${JSON.stringify(described, null, 2)}\n`;
}

function withPlugins(schema: JsonValue, plugins: readonly DescribedPlugin[]): JsonValue {
  if (Array.isArray(schema)) return schema.map((item) => withPlugins(item, plugins));
  if (typeof schema !== 'object' || schema === null) return schema;
  const walked = Object.entries(schema).map(([name, value]) => [name, withPlugins(value, plugins)]);
  const copy = Object.fromEntries(walked) as JsonRecord;
  return isPluginTask(copy) ? { ...copy, allOf: [namesOf(plugins), ...plugins.flatMap(settingsOf)] } : copy;
}

function isPluginTask({ properties }: JsonRecord): boolean {
  const { type } = (properties ?? {}) as { type?: { const?: unknown } }; // Of a schema of an object.
  return type?.const === 'plugin';
}

const namesOf = (plugins: readonly DescribedPlugin[]): JsonRecord => ({
  properties: { plugin: { enum: plugins.map(({ name }) => name) } },
});

function settingsOf({ name, settingsSchema }: DescribedPlugin): JsonRecord[] {
  if (settingsSchema === undefined) return [];
  const named = { properties: { plugin: { const: name } }, required: ['plugin'] };
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema; nothing awaits it.
  return [{ if: named, then: { properties: { settings: settingsSchema } } }];
}
