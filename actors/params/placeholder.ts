/**
 * Text with placeholders: `${name}` is a value, `$[...]` a time, `$${` and `$$[` are a plain `${` and `$[`. What stands in
 * `$[...]` and is no time, like `$[0]`, stays as it is.
 */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonValue } from '../../schemas/json.ts';
import type { ZonedMoment } from './date-pattern.ts';
import { evaluateTime } from './time-expression.ts';

/** `late`: it can be told on the worker only. */
export type Looked =
  | { readonly kind: 'value'; readonly value: JsonValue }
  | { readonly kind: 'late' }
  | { readonly kind: 'fault'; readonly fault: Fault };

export type Filling = {
  readonly lookup: (name: string) => Looked;
  /** Absent: `$[...]` stays as it is. */
  readonly time?: ZonedMoment | undefined;
};

/** Characters of a filled text, and of all texts in a filled value. */
export const filledLengthMax = 262_144;

const placeholder = /\$\$(?=[{[])|\$\{([^{}]*)\}|\$\[([^\]]*)\]/g;
const looksLikeTime = /^\s*[a-z_]+\(|yy|MM|dd|HH|hh|mm|ss/;
const timeCharacters = /^[A-Za-z0-9 _\-/.:,'+*()]*$/;

/** A text that is one placeholder and nothing else has the value itself, of its type. Lists and maps are filled throughout. */
export function fillValue(value: JsonValue, filling: Filling): Looked {
  return fill(value, filling, { length: 0 });
}

/** A text; values that are not text are written as JSON. @param encode called with each value that is put in, and its place */
export function fillText(
  template: string,
  filling: Filling,
  encode: (text: string, offset: number) => string = (text) => text,
): Looked {
  let text = '';
  let end = 0;
  for (const match of template.matchAll(placeholder)) {
    const looked = lookedUp(match, filling);
    if (looked.kind !== 'value') return looked;
    const { value } = looked;
    const isPlain = match[1] === undefined && match[2] === undefined;
    const filled = isPlain ? '$' : encode(typeof value === 'string' ? value : JSON.stringify(value), match.index);
    text += template.slice(end, match.index) + filled;
    end = match.index + match[0].length;
    if (text.length > filledLengthMax) return tooLarge;
  }
  return { kind: 'value', value: text + template.slice(end) };
}

/** The names in `${...}` of all texts of a value. */
export function namesIn(value: JsonValue): string[] {
  if (typeof value === 'string') {
    return [...value.matchAll(placeholder)].flatMap(([, name]) => (name === undefined ? [] : [name.trim()]));
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(namesIn) : [];
}

function fill(value: JsonValue, filling: Filling, total: { length: number }): Looked {
  if (typeof value === 'string') return fillString(value, filling, total);
  if (typeof value !== 'object' || value === null) return { kind: 'value', value };
  const filled: [string, JsonValue][] = [];
  for (const [key, part] of Object.entries(value)) {
    const looked = fill(part, filling, total);
    if (looked.kind !== 'value') return looked;
    filled.push([key, looked.value]);
  }
  return { kind: 'value', value: Array.isArray(value) ? filled.map(([, part]) => part) : Object.fromEntries(filled) };
}

function fillString(text: string, filling: Filling, total: { length: number }): Looked {
  if (!text.includes('$')) return { kind: 'value', value: text };
  const [whole, ...more] = text.matchAll(placeholder);
  const isWhole = whole !== undefined && more.length === 0 && whole[0] === text && whole[1] !== undefined;
  const looked = isWhole ? filling.lookup((whole[1] ?? '').trim()) : fillText(text, filling);
  if (looked.kind !== 'value') return looked;
  total.length += typeof looked.value === 'string' ? looked.value.length : JSON.stringify(looked.value).length;
  return total.length > filledLengthMax ? tooLarge : looked;
}

function lookedUp([match, name, time]: RegExpExecArray, { lookup, time: base }: Filling): Looked {
  if (name !== undefined) return lookup(name.trim());
  if (time === undefined || base === undefined) return { kind: 'value', value: match };
  const result = evaluateTime(time, base);
  if (result.ok && /[A-Za-z]/.test(time) && timeCharacters.test(time)) return { kind: 'value', value: result.text };
  if (result.ok || !looksLikeTime.test(time)) return { kind: 'value', value: match };
  return { kind: 'fault', fault: { code: 'TIME_EXPRESSION_INVALID', message: `$[${time}]: ${result.message}` } };
}

const tooLarge: Looked = {
  kind: 'fault',
  fault: { code: 'PARAM_TOO_LARGE', message: `a filled text has at most ${filledLengthMax} characters` },
};
