/** Parameters of a submission: `--params-json` first, then each `--param name=value`. */
import { type JsonRecord, type JsonValue, jsonRecordSchema } from '../../schemas/json.ts';
import { AppError } from '../errors/app-error.ts';

export function paramsFrom(options: { json: string | undefined; pairs: readonly string[] }): JsonRecord {
  return { ...recordFrom(options.json, '--params-json'), ...Object.fromEntries(options.pairs.map(pairFrom)) };
}

/**
 * JSON where it is JSON, else text. A number counts as one only in its usual spelling, so that `1.10`, `007` and ids of
 * twenty digits stay the text that they are.
 */
function paramValue(text: string): JsonValue {
  try {
    const value = JSON.parse(text) as JsonValue;
    return typeof value === 'number' && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

function pairFrom(pair: string): [string, JsonValue] {
  const equals = pair.indexOf('=');
  if (equals > 0) return [pair.slice(0, equals), paramValue(pair.slice(equals + 1))];
  throw new AppError('BAD_REQUEST', `--param: expected name=value, found "${pair}".`);
}

/** The object that an option gives as JSON. @throws AppError */
export function recordFrom(json: string | undefined, option: string): JsonRecord {
  if (json === undefined) return {};
  const parsed = jsonRecordSchema.safeParse(valueFrom(json));
  if (parsed.success) return parsed.data;
  throw new AppError('BAD_REQUEST', `${option}: expected a JSON object such as '{"name": "value"}', found ${json}.`);
}

function valueFrom(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
