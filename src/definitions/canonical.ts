/** The identity of a definition: SHA-256 of its canonical JSON. */
import { createHash } from 'node:crypto';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { type Digest, digestSchema } from '../../schemas/ids.ts';
import type { JsonValue } from '../../schemas/json.ts';

/** The same definition has the same digest, in whatever order its fields stand. The order of tasks and needs counts. */
export function digestOf(definition: WorkflowDefinition): Digest {
  // A definition is plain JSON by its schema; the schema's optional fields hide that from the type.
  const text = toCanonicalJson(definition as unknown as JsonValue);
  return digestSchema.parse(createHash('sha256').update(text).digest('hex'));
}

/** JSON without spaces, keys sorted by UTF-16 units, fields that are undefined left out. */
export function toCanonicalJson(value: JsonValue): string {
  return JSON.stringify(value, (_key, inner: JsonValue) => (isRecord(inner) ? sortKeys(inner) : inner));
}

/** Keys like "7" come first in any object; that too is the same for the same definition. */
function sortKeys(record: Record<string, JsonValue>): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isRecord(value: JsonValue): value is Record<string, JsonValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
