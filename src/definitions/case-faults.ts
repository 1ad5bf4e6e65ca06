/** Faults of the expressions of a `switch`, and cases that are never taken. */
import { checkExpression, evaluateExpression } from '../../actors/expressions/expression.ts';
import { quotedExpression } from '../../actors/expressions/quoted-expression.ts';
import type { FoundFault } from './definition-fault.ts';
import type { LogicTask } from './logic-tasks.ts';
import { nearestName } from './nearest-name.ts';

/** What an expression may read: parameters by their names, and the tasks that its task needs. */
export type CaseSurroundings = { params: readonly string[]; needs: readonly string[] };

type Case = LogicTask['cases'][number];
type Words = { message: string; remedy: string };

export function caseFaults({ cases, ways }: LogicTask, surroundings: CaseSurroundings): FoundFault[] {
  const numberOf = new Map<string, number>();
  let alwaysTrue: number | undefined;
  const faults = cases.flatMap((one, index): FoundFault[] => {
    const text = one.when.trim();
    const same = numberOf.get(text) ?? alwaysTrue;
    if (same !== undefined) return [neverTaken(one, same, numberOf.has(text))];
    numberOf.set(text, index + 1);
    const { words, isAlwaysTrue } = checkCase(one.when, surroundings);
    if (isAlwaysTrue) alwaysTrue = index + 1;
    return words === undefined ? [] : [{ code: 'BAD_EXPRESSION', path: one.path, at: 'value', ...words }];
  });
  const [beyond] = alwaysTrue === undefined ? [] : (ways.at(-1) ?? []);
  if (beyond === undefined) return faults;
  return [...faults, neverTaken({ when: '', path: beyond.path }, alwaysTrue ?? 0, false)];
}

function neverTaken({ path }: Case, before: number, isSame: boolean): FoundFault {
  const reason = isSame ? `case ${before} has the same expression` : `case ${before} is always true`;
  return {
    code: 'UNREACHABLE_WAY',
    path,
    message: `this way is never taken: ${reason}`,
    remedy: `Remove one of the two, or change the expression of case ${before}.`,
    at: 'value',
  };
}

function checkCase(when: string, surroundings: CaseSurroundings): { words?: Words; isAlwaysTrue?: boolean } {
  const checked = checkExpression(when);
  if (!checked.ok) return { words: { message: messageOf(when, checked), remedy: remedyOf(when) } };
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    const message = messageOf(when, { message: `expected true or false, came a value of type ${checked.type}` });
    return { words: { message, remedy: 'Compare it with something: params.count > 3.' } };
  }
  for (const { position, ...name } of checked.names) {
    const words = wordsForName(name, surroundings);
    if (words !== undefined)
      return { words: { ...words, message: messageOf(when, { message: words.message, position }) } };
  }
  if (checked.names.length > 0) return {};
  const constant = evaluateExpression(when, {});
  if (constant.ok) return { isAlwaysTrue: constant.value === true };
  return { words: { message: messageOf(when, constant), remedy: remedyOf(when) } };
}

function wordsForName(
  { variable, entry }: { variable: string; entry?: string },
  { params, needs }: CaseSurroundings,
): Words | undefined {
  if (variable === 'params')
    return entry === undefined || params.includes(entry) ? undefined : unknownParam(entry, params);
  if (variable === 'tasks') return entry === undefined || needs.includes(entry) ? undefined : unknownNeed(entry, needs);
  const message = `there is no variable "${variable}"`;
  if (params.includes(variable)) return { message, remedy: `Did you mean "params.${variable}"?` };
  if (needs.includes(variable)) return { message, remedy: `Did you mean "${taskText(variable)}"?` };
  return { message, remedy: 'Expressions read params.<name> and tasks.<name>.status, .outputs and .fault.' };
}

function unknownParam(name: string, params: readonly string[]): Words {
  const nearest = nearestName(name, params);
  const known = params.length === 0 ? 'There are none yet.' : `Known: ${params.slice(0, 10).join(', ')}.`;
  return {
    message: `neither the workflow nor the switch has a parameter "${name}"`,
    remedy:
      nearest === undefined
        ? `Add it to "params" of the workflow or of the switch. ${known}`
        : `Did you mean "params.${nearest}"?`,
  };
}

function unknownNeed(name: string, needs: readonly string[]): Words {
  const nearest = nearestName(name, needs);
  return {
    message: `the switch does not need a task "${name}", so it does not know how that ends`,
    remedy: nearest === undefined ? `Add "${name}" to its needs.` : `Did you mean "${taskText(nearest)}"?`,
  };
}

const taskText = (name: string) => (/^\w+$/.test(name) ? `tasks.${name}` : `tasks["${name}"]`);

function messageOf(when: string, { message, position }: { message: string; position?: number }): string {
  return `the expression ${quotedExpression(when, position)}: ${message}`;
}

function remedyOf(when: string): string {
  if (when.includes('${')) return 'Write params.name, without a dollar sign and braces.';
  if (/[^=!<>]=[^=]/.test(when)) return 'Two values are compared with "==".';
  return 'See the section "Expressions" of docs/parameters.md.';
}
