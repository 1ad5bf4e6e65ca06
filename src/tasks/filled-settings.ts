/** Fills placeholders into all texts of some settings. */
import type { ParamScope } from '../../actors/params/param-scope.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { filledText } from './attempt-scope.ts';

/** @throws AppError with the code of the fault */
export function filledSettings<T extends object>(
  settings: T,
  scope: ParamScope,
  own: Readonly<Record<string, (text: string) => string>> = {},
): T {
  const filled = Object.entries(settings as Record<string, JsonValue>).map(([name, value]) => {
    const fill = own[name];
    return [name, fill === undefined ? filledValue(value, scope) : fill(String(value))];
  });
  return Object.fromEntries(filled) as T; // Texts became texts.
}

function filledValue(value: JsonValue, scope: ParamScope): JsonValue {
  if (typeof value === 'string') return filledText(value, scope);
  if (Array.isArray(value)) return value.map((item) => filledValue(item, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filledValue(item, scope)]));
}
