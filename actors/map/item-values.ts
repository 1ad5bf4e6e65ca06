/** What the items of a map are about: the product of its lists, in order; the last list changes fastest. */
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';

type List = { readonly name: string; readonly values: readonly JsonValue[] };

export function valuesOfItem(over: readonly List[], item: number): JsonRecord {
  const values: JsonRecord = {};
  let rest = item;
  for (const { name, values: list } of over.toReversed()) {
    const value = list[rest % list.length];
    if (value !== undefined) values[name] = value;
    rest = Math.floor(rest / list.length);
  }
  return values;
}
