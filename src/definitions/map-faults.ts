/** Faults of maps that show before they run: lists that are no expressions, and more items than there may be. */
import { checkExpression } from '../../actors/expressions/expression.ts';
import { quotedExpression } from '../../actors/expressions/quoted-expression.ts';
import { itemsMax } from '../../actors/workflow-instance/map.decide.ts';
import type { JsonValue } from '../../schemas/json.ts';
import type { FoundFault, PathStep } from './definition-fault.ts';

export type ListAt = { values: JsonValue[] | string; path: readonly PathStep[] };

/** @param path of all the lists */
export function mapFaults(lists: readonly ListAt[], path: readonly PathStep[]): FoundFault[] {
  return [...lists.flatMap(expressionFaults), ...countFaults(lists, path)];
}

function expressionFaults({ values, path }: ListAt): FoundFault[] {
  if (typeof values !== 'string') return [];
  const checked = checkExpression(values);
  if (checked.ok) return [];
  const message = `${quotedExpression(values, checked.position)} is no expression: ${checked.message}`;
  const remedy = 'Write a list, or an expression that gives one, such as tasks.list.outputs.files.';
  return [{ code: 'BAD_VALUE', path: [...path], message, remedy, at: 'value' }];
}

function countFaults(lists: readonly ListAt[], path: readonly PathStep[]): FoundFault[] {
  const counts = lists.map(({ values }) => (typeof values === 'string' ? 1 : values.length));
  const count = counts.reduce((product, length) => product * length, 1);
  if (count <= itemsMax) return [];
  const message = `expected at most ${itemsMax} items, came ${count}`;
  return [{ code: 'BAD_VALUE', path: [...path], message, remedy: 'Shorten the lists, or split the map.', at: 'value' }];
}
