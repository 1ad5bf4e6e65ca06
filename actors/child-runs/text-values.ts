/**
 * Values that a definition gives, with what stands in their texts put in: `${…}` is a parameter's name or an expression,
 * `$[…]` a time expression. A text that is one `${…}` and nothing else becomes its value, of whatever type.
 */
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import { evaluateExpression } from '../expressions/expression.ts';
import type { Variables } from '../expressions/expression-values.ts';
import type { ZonedMoment } from '../params/date-pattern.ts';
import { evaluateTime } from '../params/time-expression.ts';

export type Scope = {
  /** Values by name: `${day}`. */
  params: JsonRecord;
  /** What expressions may read: `${tasks.load.outputs.rows}`. */
  variables: Variables;
  /** From where time expressions are seen. */
  moment: ZonedMoment;
};

export type Resolved =
  | { ok: true; values: JsonRecord }
  | { ok: false; fault: { code: 'EXPRESSION_FAILED'; message: string } };

/** @param what names the values in the fault: `the parameter`, `the output` */
export function resolveValues(values: JsonRecord, scope: Scope, what: string): Resolved {
  const resolved: JsonRecord = {};
  for (const [name, value] of Object.entries(values)) {
    const result = resolve(value, scope);
    if (!result.ok) {
      const message = `${what} ${name}: ${result.message}`;
      return { ok: false, fault: { code: 'EXPRESSION_FAILED', message } };
    }
    resolved[name] = result.value;
  }
  return { ok: true, values: resolved };
}

type Part = { ok: true; value: JsonValue } | { ok: false; message: string };

function resolve(value: JsonValue, scope: Scope): Part {
  if (typeof value === 'string') return resolveText(value, scope);
  if (typeof value !== 'object' || value === null) return { ok: true, value };
  const entries: [string, JsonValue][] = [];
  for (const [key, part] of Object.entries(value)) {
    const result = resolve(part, scope);
    if (!result.ok) return result;
    entries.push([key, result.value]);
  }
  const isList = Array.isArray(value);
  return { ok: true, value: isList ? entries.map(([, part]) => part) : Object.fromEntries(entries) };
}

const placeholder = /\$\{([^{}]*)\}|\$\[([^[\]]*)\]/g;
const oneExpression = /^\$\{([^{}]*)\}$/;

function resolveText(text: string, scope: Scope): Part {
  const [, whole] = oneExpression.exec(text) ?? [];
  if (whole !== undefined) return expressionOf(whole, scope);
  let written = '';
  let place = 0;
  for (const match of text.matchAll(placeholder)) {
    const [found, expression, time] = match;
    const result = expression === undefined ? timeOf(time ?? '', scope) : expressionOf(expression, scope);
    if (!result.ok) return result;
    written += text.slice(place, match.index) + textOf(result.value);
    place = match.index + found.length;
  }
  return { ok: true, value: written + text.slice(place) };
}

const textOf = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value));

function expressionOf(text: string, { params, variables }: Scope): Part {
  const name = text.trim();
  const param = Object.hasOwn(params, name) ? params[name] : undefined;
  if (param !== undefined) return { ok: true, value: param };
  const result = evaluateExpression(name, variables);
  if (result.ok) return result;
  const place = result.position === undefined ? '' : ` at character ${result.position + 1}`;
  return { ok: false, message: `"${name}"${place}: ${result.message}` };
}

function timeOf(expression: string, { moment }: Scope): Part {
  const result = evaluateTime(expression, moment);
  return result.ok ? { ok: true, value: result.text } : { ok: false, message: `"$[${expression}]": ${result.message}` };
}
