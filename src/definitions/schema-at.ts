/** Finds the part of a Zod schema that describes a path in a value: its fields, its examples, its description. */
import { z } from 'zod';
import type { PathStep } from './definition-fault.ts';

/** The value at a path; undefined when there is none. */
export function valueAt(root: unknown, path: readonly PathStep[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PathStep, unknown>)[step];
  }
  return value;
}

/** The schema of a path. The value chooses among alternatives; undefined when the schema has no such place. */
export function schemaAt(schema: z.ZodType, path: readonly PathStep[], root: unknown): z.ZodType | undefined {
  let found: z.ZodType | undefined = schema;
  for (const [depth, step] of path.entries()) {
    found = partOf(found, step, valueAt(root, path.slice(0, depth)));
    if (found === undefined) return undefined;
  }
  return found;
}

/** Names of the fields of the map that this schema describes here; none when any name will do. */
export function fieldNamesOf(schema: z.ZodType, value: unknown): string[] {
  const chosen = choose(schema, value);
  return fieldsOf(chosen);
}

/** Which kinds of a map (by their `type`) have a field of this name. */
export function typesWithField(schema: z.ZodType, name: string): string[] {
  const bare = unwrap(schema);
  if (!(bare instanceof z.ZodDiscriminatedUnion)) return [];
  return bare.options.flatMap((option) =>
    option instanceof z.ZodObject && name in option.shape ? literalsOf(option.shape.type) : [],
  );
}

/** What a schema says of itself to people: its own description, else that of the layers inside (defaults, optionals). */
export function wordsOf(schema: z.ZodType): { description: string | undefined; examples: string[] } {
  const metas = layersOf(schema).map((layer) => layer.meta());
  const examples = metas.map((meta) => meta?.examples).find(Array.isArray) ?? [];
  return {
    description: metas.find((meta) => meta?.description !== undefined)?.description,
    examples: examples.map(String),
  };
}

function partOf(schema: z.ZodType, step: PathStep, value: unknown): z.ZodType | undefined {
  const chosen = choose(schema, value);
  if (chosen instanceof z.ZodObject) return chosen.shape[step] as z.ZodType | undefined;
  if (chosen instanceof z.ZodRecord) return chosen.valueType as z.ZodType;
  if (chosen instanceof z.ZodArray) return chosen.element as z.ZodType;
  return undefined;
}

/** Takes defaults away, and picks the alternative that a value of this shape is meant for. */
function choose(schema: z.ZodType, value: unknown): z.ZodType {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodDiscriminatedUnion) {
    const type = valueAt(value, ['type']);
    const option = bare.options.find(
      (it) => it instanceof z.ZodObject && literalsOf(it.shape.type).some((literal) => literal === type),
    );
    return (option as z.ZodType | undefined) ?? bare;
  }
  if (!(bare instanceof z.ZodUnion)) return bare;
  const option = (bare.options as z.ZodType[])[optionOf(bare, value) ?? -1];
  return option === undefined ? bare : choose(option, value);
}

/** Which alternative a list or a map is meant for: of several maps the first that has one of its fields, else one of any names. */
export function optionOf(schema: z.ZodType, value: unknown): number | undefined {
  const union = unwrap(schema);
  if (!(union instanceof z.ZodUnion) || typeof value !== 'object' || value === null) return undefined;
  const options = (union.options as z.ZodType[]).map(unwrap);
  const names = Array.isArray(value) ? [] : Object.keys(value);
  const rules: ((option: z.ZodType) => boolean)[] = Array.isArray(value)
    ? [isList]
    : [
        (option) => names.some((name) => fieldsOf(option).includes(name)),
        (option) => option instanceof z.ZodRecord,
        isMap,
      ];
  const found = rules.map((rule) => options.findIndex(rule)).find((index) => index >= 0);
  return found;
}

function fieldsOf(schema: z.ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrap(schema: z.ZodType): z.ZodType {
  return layersOf(schema).at(-1) ?? schema;
}

/** The schema, what it wraps, what that wraps, and so on. */
function layersOf(schema: z.ZodType): z.ZodType[] {
  const layers = [schema];
  for (let layer = schema; isWrapper(layer); layers.push(layer)) layer = layer.unwrap() as z.ZodType;
  return layers;
}

const wrappers = [z.ZodOptional, z.ZodDefault, z.ZodPrefault, z.ZodLazy];

function isWrapper(schema: z.ZodType): schema is z.ZodOptional | z.ZodDefault | z.ZodPrefault | z.ZodLazy {
  return wrappers.some((wrapper) => schema instanceof wrapper);
}

function literalsOf(schema: unknown): string[] {
  return schema instanceof z.ZodLiteral ? [...schema.values].map(String) : [];
}

function isList(schema: z.ZodType): boolean {
  return schema instanceof z.ZodArray;
}

function isMap(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject || schema instanceof z.ZodRecord;
}
