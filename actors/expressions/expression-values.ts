/**
 * JSON to the values of CEL, and back. Objects become maps, so that a key like `constructor` is a key and nothing else;
 * whole numbers become integers.
 */
import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js';
import type { JsonValue } from '../../schemas/json.ts';
import { operandsOf } from './cel-environment.ts';
import { weightMax } from './expression-budget.ts';
import { keyOf } from './expression-names.ts';

export type Variables = Readonly<Record<string, JsonValue | undefined>>;

/** Levels of lists and maps inside each other. */
const nestingMax = 100;

/** The variables that the expression names. Of `tasks.a.outputs` and `tasks["a"]` only the entry `a` is converted. */
export function celVariables(root: ASTNode, variables: Variables): Record<string, unknown> {
  const entriesOf = new Map<string, Set<string> | 'all'>();
  noteReferences(root, entriesOf);
  const converted: Record<string, unknown> = Object.create(null);
  for (const [name, entries] of entriesOf) {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value !== undefined) converted[name] = convertOnly(value, entries);
  }
  return converted;
}

/** @throws EvaluationError for a value that JSON does not have */
export function jsonOf(value: unknown): JsonValue {
  const state = { weight: 0 };
  return toJson(value, 1, state);
}

function noteReferences(node: ASTNode, entriesOf: Map<string, Set<string> | 'all'>): void {
  const key = keyOf(node);
  if (key !== undefined) {
    const known = entriesOf.get(key.root) ?? new Set();
    if (known !== 'all') entriesOf.set(key.root, known.add(key.entry));
    return;
  }
  if (node.op === 'id') entriesOf.set(node.args, 'all');
  for (const operand of operandsOf(node)) noteReferences(operand, entriesOf);
}

function convertOnly(value: JsonValue, entries: Set<string> | 'all'): unknown {
  if (entries === 'all' || typeof value !== 'object' || value === null || Array.isArray(value)) return toCel(value, 1);
  const map = new Map<string, unknown>();
  for (const entry of entries) {
    const part = Object.hasOwn(value, entry) ? value[entry] : undefined;
    if (part !== undefined) map.set(entry, toCel(part, 2));
  }
  return map;
}

function toCel(value: JsonValue, depth: number): unknown {
  if (depth > nestingMax) throw new EvaluationError(`a variable has more than ${nestingMax} levels`);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => toCel(item, depth + 1));
  const map = new Map<string, unknown>();
  for (const [key, part] of Object.entries(value)) {
    if (part !== undefined) map.set(key, toCel(part, depth + 1));
  }
  return map;
}

function toJson(value: unknown, depth: number, state: { weight: number }): JsonValue {
  state.weight += typeof value === 'string' ? value.length + 1 : 1;
  if (state.weight > weightMax) throw new EvaluationError('the result is too large');
  if (depth > nestingMax) throw new EvaluationError(`the result has more than ${nestingMax} levels`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return integer(value);
  if (typeof value === 'number') return finite(value);
  if (Array.isArray(value)) return value.map((item) => toJson(item, depth + 1, state));
  if (typeof value !== 'object') throw new EvaluationError(`a ${typeof value} is no JSON value`);
  if (value instanceof Map) return record(value.entries(), depth, state);
  if (Object.getPrototypeOf(value) === Object.prototype) return record(Object.entries(value), depth, state);
  return special(value);
}

function record(entries: Iterable<[unknown, unknown]>, depth: number, state: { weight: number }): JsonValue {
  const pairs: [string, JsonValue][] = [];
  for (const [key, part] of entries) {
    const name = String(key);
    state.weight += name.length;
    pairs.push([name, toJson(part, depth + 1, state)]);
  }
  return Object.fromEntries(pairs);
}

/** Integers that JSON's numbers cannot hold become text. */
function integer(value: bigint): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function finite(value: number): JsonValue {
  if (!Number.isFinite(value)) throw new EvaluationError('the result is not a finite number');
  return value;
}

/** Times as ISO text, durations as seconds with an `s`, bytes as base64, types by name. */
function special(value: object): JsonValue {
  if ('toISOString' in value && typeof value.toISOString === 'function') return String(value.toISOString());
  if (value instanceof Uint8Array) return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(''));
  const inner: unknown = value.valueOf();
  if (typeof inner === 'bigint') return integer(inner);
  if (typeof inner === 'number') return `${inner / 1_000}s`;
  if ('name' in value && typeof value.name === 'string') return value.name;
  throw new EvaluationError('the result is no JSON value');
}
