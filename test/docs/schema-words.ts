/** What a schema says of a field, in words for a table: `whole number`, `list of text`, `one of `a`, `b``. */
import { z } from 'zod';

type JsonSchema = {
  type?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
};

export type FieldRow = { path: string; kind: string; isOptional: boolean };

const sha256Pattern = '^[0-9a-f]{64}$';

/** One row for each field; fields of an object inside follow it as `object.field`. `whole` names objects that stay shut. */
export function fieldRows(schema: z.ZodType, whole: readonly string[]): FieldRow[] {
  return rowsOf(z.toJSONSchema(schema) as JsonSchema, '', whole);
}

function rowsOf({ properties = {}, required = [] }: JsonSchema, prefix: string, whole: readonly string[]): FieldRow[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const row = { path, kind: kindOf(name, field), isOptional: !required.includes(name) };
    if (whole.includes(path)) return [row];
    const [inner, innerPrefix] = field.type === 'array' ? [field.items, `${path}[].`] : [field, `${path}.`];
    return [row, ...(inner?.properties === undefined ? [] : rowsOf(inner, innerPrefix, whole))];
  });
}

function kindOf(name: string, schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  switch (schema.type) {
    case 'integer':
      return /(At|Ms)$/.test(name) ? 'milliseconds' : 'whole number';
    case 'number':
      return 'number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return `list of ${plural(kindOf(name, schema.items ?? {}))}`;
    case 'object':
      return 'object';
    case 'string':
      if (schema.format === 'uuid') return 'UUID';
      return schema.pattern === sha256Pattern ? 'SHA-256' : 'text';
    default:
      return 'any JSON';
  }
}

function plural(kind: string): string {
  return kind === 'object' ? 'objects' : kind;
}
