/**
 * Fills `${name}` (a parameter) and `${needs.task.output}` (an output of a needed task) into texts; `$${` stands for
 * a plain `${`. Values that are not strings are written as JSON.
 *
 * In a URL a value is percent-encoded as one component when it stands in the path, the query or the fragment. Before
 * those, in the scheme or host (`${base}/items`), it is taken as it is.
 */
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { AttemptInputs } from '../../schemas/messages/attempt.messages.ts';
import { AppError } from '../errors/app-error.ts';

const placeholder = /\$\$\{|\$\{([^{}]*)\}/g;
const originPart = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/)?[^/?#]*$/;

export function fillText(template: string, inputs: AttemptInputs): string {
  return template.replaceAll(placeholder, (match, name?: string) =>
    name === undefined ? match.slice(1) : textOf(inputOf(name, inputs)),
  );
}

export function fillUrl(template: string, inputs: AttemptInputs): string {
  return template.replaceAll(placeholder, (match, name: string | undefined, offset: number) => {
    if (name === undefined) return match.slice(1);
    const value = textOf(inputOf(name, inputs));
    const isInOrigin = originPart.test(template.slice(0, offset).replaceAll(placeholder, 'x'));
    return isInOrigin ? value : encodeURIComponent(value);
  });
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function inputOf(name: string, inputs: AttemptInputs): JsonValue {
  const [head, task = '', ...output] = name.trim().split('.');
  const value =
    head === 'needs' && output.length > 0
      ? own(own(inputs.needs, task), output.join('.'))
      : own(inputs.params, name.trim());
  if (value === undefined) {
    throw new AppError('PARAM_MISSING', `expected a parameter or needs.<task>.<output>, found nothing of: ${name}`);
  }
  return value;
}

function own<T extends JsonValue>(record: Record<string, T> | JsonRecord | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? (record[name] as T) : undefined; // A record of T.
}
