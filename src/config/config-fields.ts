/** The settings that the schema knows, each with its variable and its rule in words. Derived, never listed by hand. */
import { z } from 'zod';
import { configSchema } from '../../schemas/config.schema.ts';

type FieldKind = 'text' | 'number' | 'list';

export type ConfigField = {
  path: readonly string[];
  /** Dotted path, as messages name it: `worker.slots`. */
  name: string;
  /** Environment variable: `MILLRACE_WORKER_SLOTS`. */
  variable: string;
  kind: FieldKind;
  /** The rule as a noun phrase: `a whole number from 1 to 10000`. */
  expected: string;
};

export const variablePrefix = 'MILLRACE_';

export const configFields: readonly ConfigField[] = fieldsOf(configSchema, []);

/** Names of the sections: `worker`, `master`, ... */
export const configSections: readonly string[] = [
  ...new Set(configFields.filter((field) => field.path.length > 1).map((field) => field.path.slice(0, -1).join('.'))),
];

const fieldsByName = new Map(configFields.map((field) => [field.name, field]));

export function fieldNamed(name: string): ConfigField | undefined {
  return fieldsByName.get(name);
}

/** A number or a list written as text, in the type of its field; text that does not fit stays text, for the schema to refuse. */
export function valueFromText(field: ConfigField, text: string): unknown {
  switch (field.kind) {
    case 'text':
      return text;
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
  }
}

export function fieldsOf(schema: z.ZodType, path: readonly string[]): ConfigField[] {
  const inner = unwrapped(schema);
  // Its entries have names that nobody knows before.
  if (inner instanceof z.ZodRecord) return [];
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, child]) => fieldsOf(child as z.ZodType, [...path, key]));
  }
  return [
    {
      path,
      name: path.join('.'),
      variable: variablePrefix + path.map(constantCase).join('_'),
      kind: kindOf(inner),
      expected: expectedOf(inner),
    },
  ];
}

/** Defaults and optionality say nothing about the form of a value. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

function kindOf(schema: z.ZodType): FieldKind {
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodArray) return 'list';
  return 'text';
}

function expectedOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodLiteral) return `${schema.value}`;
  if (schema instanceof z.ZodEnum) return `one of ${schema.options.join(', ')}`;
  if (schema instanceof z.ZodNumber) return expectedNumber(schema);
  if (schema instanceof z.ZodArray) return 'a list of text';
  return 'text';
}

function expectedNumber(schema: z.ZodNumber): string {
  const noun = schema.format === 'safeint' ? 'a whole number' : 'a number';
  const least = schema.minValue ?? Number.NEGATIVE_INFINITY;
  const most = schema.maxValue ?? Number.POSITIVE_INFINITY;
  const isOpen = most >= Number.MAX_SAFE_INTEGER;
  if (least <= Number.MIN_SAFE_INTEGER) return isOpen ? noun : `${noun} of at most ${most}`;
  return isOpen ? `${noun} of at least ${least}` : `${noun} from ${least} to ${most}`;
}

function constantCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}
