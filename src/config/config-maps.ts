/** Sections whose entries have names that the user chooses: `clusters`. Only a file can say them. */
import { z } from 'zod';
import { configSchema } from '../../schemas/config.schema.ts';
import { type ConfigField, fieldsOf, unwrapped } from './config-fields.ts';

type ConfigMap = {
  name: string;
  /** What an entry may say, by its `kind`. */
  kinds: readonly { kind: string; schema: z.ZodType }[];
};

export const configMaps: readonly ConfigMap[] = Object.entries(configSchema.shape).flatMap(([name, schema]) => {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodRecord ? [{ name, kinds: kindsOf(inner.valueType as z.ZodType) }] : [];
});

/** Fields of the entry that a path leads into: `clusters.prod.user`. Of an entry without a known kind: the kind. */
export function entryFields(path: readonly string[], content: unknown): ConfigField[] {
  const [section, entry] = path;
  const map = configMaps.find(({ name }) => name === section);
  if (map === undefined || section === undefined || entry === undefined) return [];
  const said = partOf(partOf(partOf(content, section), entry), 'kind');
  const known = map.kinds.find(({ kind }) => kind === said);
  if (known !== undefined) return fieldsOf(known.schema, [section, entry]);
  return fieldsOf(z.object({ kind: z.enum(map.kinds.map(({ kind }) => kind)) }), [section, entry]);
}

function kindsOf(schema: z.ZodType): ConfigMap['kinds'] {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) throw new Error('a map of settings has entries of several kinds');
  return schema.options.map((option) => {
    const kind = option instanceof z.ZodObject ? option.shape.kind : undefined;
    if (!(kind instanceof z.ZodLiteral)) throw new Error('an entry of a map of settings has a kind');
    return { kind: String(kind.value), schema: option as z.ZodType };
  });
}

function partOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
