/**
 * Reads YAML (and so JSON) into plain values that remember where they stand in the text.
 * Strict where YAML is lenient: names once, no tags of one's own, no numbers that JSON cannot hold, no alias bombs.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair } from 'yaml';
import type { JsonValue } from '../../schemas/json.ts';
import type { PathStep } from './definition-fault.ts';
import { depthMax, type PlacedFault, parseYaml, tooDeep } from './yaml-document.ts';

/** Weight of a value: four for each part, one for each letter. Aliases count each time they are used. */
const weightMax = 16 * 1_048_576;

/** A value with the offset at which it begins; `fields` and `items` hold the parts of a map or list. */
export interface SourceNode {
  value: JsonValue;
  offset: number;
  weight: number;
  /** Levels of maps and lists below; aliases may stack more of them than the text nests. */
  height: number;
  fields?: Map<string, { nameOffset: number; node: SourceNode }>;
  items?: SourceNode[];
}

export interface Place {
  line: number;
  column: number;
}

export interface SourceText {
  /** Undefined when the text is no YAML, or parts of it had to be left out: further faults would mislead. */
  root: SourceNode | undefined;
  faults: PlacedFault[];
  placeOf(offset: number): Place;
}

export function readSource(text: string): SourceText {
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const parsed = parseYaml(text, lines);
  if (parsed.kind === 'faults') return { root: undefined, faults: parsed.faults, placeOf };
  const reader = new TreeReader(placeOf);
  const root = reader.read(parsed.document.contents, []);
  const isWhole = reader.faults.every(({ code }) => code !== 'SYNTAX' && code !== 'ALIAS_REFUSED');
  return { root: isWhole ? root : undefined, faults: reader.faults, placeOf };
}

class TreeReader {
  readonly faults: PlacedFault[] = [];
  readonly #placeOf: (offset: number) => Place;
  /** Undefined while the anchored value is still being read: an alias inside it would be endless. */
  readonly #anchors = new Map<string, SourceNode | undefined>();
  #isBomb = false;

  constructor(placeOf: (offset: number) => Place) {
    this.#placeOf = placeOf;
  }

  read(yamlNode: unknown, path: readonly PathStep[]): SourceNode {
    if (isAlias(yamlNode)) return this.#readAlias(yamlNode.source, offsetOf(yamlNode), path);
    const anchor = isScalar(yamlNode) || isMap(yamlNode) || isSeq(yamlNode) ? yamlNode.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const node = this.#readPlain(yamlNode, path);
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    return node;
  }

  #readPlain(yamlNode: unknown, path: readonly PathStep[]): SourceNode {
    const offset = offsetOf(yamlNode);
    if (isMap(yamlNode)) return this.#readMap(yamlNode.items, offset, path);
    if (isSeq(yamlNode)) return this.#readList(yamlNode.items, offset, path);
    if (isScalar(yamlNode)) return this.#readScalar(yamlNode.value, yamlNode.source, { offset, path });
    return leaf(null, offset);
  }

  #readMap(pairs: readonly Pair[], offset: number, path: readonly PathStep[]): SourceNode {
    const fields: NonNullable<SourceNode['fields']> = new Map();
    let weight = 4;
    let height = 0;
    for (const pair of pairs) {
      const nameOffset = offsetOf(pair.key);
      const name = this.#readName(pair.key, nameOffset, path);
      if (name === undefined) continue;
      const node = this.read(pair.value, [...path, name]);
      const first = fields.get(name);
      if (first !== undefined) {
        this.#refuseSecond([...path, name], first.nameOffset, nameOffset);
        continue;
      }
      weight += node.weight + name.length;
      height = Math.max(height, node.height + 1);
      fields.set(name, { nameOffset, node: node.value === null ? { ...node, offset: nameOffset } : node });
    }
    const value = Object.fromEntries([...fields].map(([name, { node }]) => [name, node.value]));
    return this.#weigh({ value, offset, weight, height, fields }, path);
  }

  #readList(yamlItems: readonly unknown[], offset: number, path: readonly PathStep[]): SourceNode {
    const items = yamlItems.map((item, index) => this.read(item, [...path, index]));
    const weight = items.reduce((sum, item) => sum + item.weight, 4);
    const height = items.reduce((most, item) => Math.max(most, item.height + 1), 0);
    return this.#weigh({ value: items.map((item) => item.value), offset, weight, height, items }, path);
  }

  #readScalar(
    value: unknown,
    source: string | undefined,
    { offset, path }: { offset: number; path: readonly PathStep[] },
  ): SourceNode {
    if (
      typeof value === 'number' &&
      (!Number.isFinite(value) || (/^[-+]?\d+$/.test(source ?? '') && !Number.isSafeInteger(value)))
    ) {
      this.faults.push({
        code: 'BAD_VALUE',
        path,
        message: `expected a number that JSON can hold, came ${source ?? value}`,
        remedy: `Put it in quotes if a text will do: "${source ?? value}".`,
        at: 'value',
        offset,
      });
      return leaf(0, offset);
    }
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return leaf(value, offset);
    return leaf(null, offset);
  }

  /** Names of fields are texts; `8080:` is the name "8080". */
  #readName(key: unknown, offset: number, path: readonly PathStep[]): string | undefined {
    const name = isScalar(key) && key.value !== null ? (key.source ?? String(key.value)) : undefined;
    if (name !== undefined && name !== '__proto__') return name;
    this.faults.push({
      code: 'BAD_VALUE',
      path,
      message: `expected a name of a field, came ${name === undefined ? 'something else' : `"${name}"`}`,
      remedy: 'Use another name: letters, digits, "_" and "-".',
      at: 'value',
      offset,
    });
    return undefined;
  }

  #refuseSecond(path: readonly PathStep[], firstOffset: number, secondOffset: number): void {
    const isTask = path.length === 2 && path[0] === 'tasks';
    const lines = `lines ${this.#placeOf(firstOffset).line} and ${this.#placeOf(secondOffset).line}`;
    this.faults.push({
      code: isTask ? 'DUPLICATE_TASK' : 'DUPLICATE_FIELD',
      path,
      message: `expected each ${isTask ? 'task' : 'field'} once, came "${path.at(-1)}" on ${lines}`,
      remedy: isTask ? 'Rename or remove one of the two tasks.' : 'Keep one of the two.',
      at: 'name',
      offset: secondOffset,
    });
  }

  #readAlias(name: string, offset: number, path: readonly PathStep[]): SourceNode {
    const target = this.#anchors.get(name);
    if (target !== undefined) return { ...target, offset };
    const isOpen = this.#anchors.has(name);
    this.faults.push({
      code: 'ALIAS_REFUSED',
      path,
      message: isOpen
        ? `the alias "*${name}" stands inside what it names`
        : `no anchor "&${name}" stands before "*${name}"`,
      remedy: 'Write the value out, or put the anchor on a value above.',
      at: 'value',
      offset,
    });
    return leaf(null, offset);
  }

  #weigh(node: SourceNode, path: readonly PathStep[]): SourceNode {
    if (node.height > depthMax) {
      this.faults.push(tooDeep(path, node.offset));
      return leaf(null, node.offset);
    }
    if (node.weight <= weightMax) return node;
    if (!this.#isBomb) {
      this.#isBomb = true;
      this.faults.push({
        code: 'ALIAS_REFUSED',
        path,
        message: 'expected aliases that make at most 16 MiB of the text, came more',
        remedy: 'Use fewer aliases of aliases.',
        at: 'value',
        offset: node.offset,
      });
    }
    return leaf(null, node.offset);
  }
}

function leaf(value: JsonValue, offset: number): SourceNode {
  return { value, offset, height: 0, weight: typeof value === 'string' ? 4 + value.length : 4 };
}

function offsetOf(yamlNode: unknown): number {
  if (!isScalar(yamlNode) && !isMap(yamlNode) && !isSeq(yamlNode) && !isAlias(yamlNode)) return 0;
  return yamlNode.range?.[0] ?? 0;
}

/** Where the value at a path stands, or its name; of what is missing, the map that misses it. */
export function offsetAt(root: SourceNode, path: readonly PathStep[], at: 'name' | 'value'): number {
  let node = root;
  let nameOffset: number | undefined;
  for (const step of path) {
    const field = typeof step === 'string' ? node.fields?.get(step) : undefined;
    const next = typeof step === 'number' ? node.items?.[step] : field?.node;
    if (next === undefined) return nameOffset ?? node.offset;
    nameOffset = field?.nameOffset ?? next.offset;
    node = next;
  }
  return at === 'name' ? (nameOffset ?? node.offset) : node.offset;
}
