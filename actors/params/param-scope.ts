/**
 * The parameters that a task sees, each looked up and filled once. References go from one parameter to the next; a circle is
 * a fault of the parameters in it. Outputs of other tasks are foreign text: nothing in them is filled in or taken for a secret.
 */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { ZonedMoment } from './date-pattern.ts';
import { type Filling, fillValue, type Looked } from './placeholder.ts';

export type ParamEntry = {
  readonly value: JsonValue;
  /** Placeholders in it are filled, and secrets resolved. False: it is taken as it is. */
  readonly isTemplate: boolean;
};

export type ParamScopeOptions = {
  readonly entries: ReadonlyMap<string, ParamEntry>;
  /** Outputs of needed tasks by task, the one that finished first in front. */
  readonly needs: Readonly<Record<string, JsonRecord>>;
  readonly builtIns: ReadonlyMap<string, string>;
  /** Names that can be told on the worker only. */
  readonly lateNames?: ReadonlySet<string>;
  /** Parameters that are known to have no value, with the reason. */
  readonly faults?: ReadonlyMap<string, Fault>;
  /** Absent: times are not filled in. */
  readonly time?: ZonedMoment | undefined;
  /** The text of a secret; absent where secrets are not known. */
  readonly secretOf?: (name: string) => string | undefined;
};

/** Parameters that refer to each other in a row. */
export const chainLengthMax = 100;

export class ParamScope implements Filling {
  readonly #options: ParamScopeOptions;
  readonly #known = new Map<string, Looked>();
  /** Names under way, outermost first. */
  readonly #chain: string[] = [];

  constructor(options: ParamScopeOptions) {
    this.#options = options;
  }

  get time(): ZonedMoment | undefined {
    return this.#options.time;
  }

  /** A parameter, an output of a needed task (`version` or `needs.build.version`), or a built-in (`system.datetime`). */
  lookup = (name: string): Looked => {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const looked = this.#look(name);
    if (this.#chain.length === 0 || looked.kind !== 'fault') this.#known.set(name, looked);
    return looked;
  };

  #look(name: string): Looked {
    const entry = this.#options.entries.get(name);
    if (entry !== undefined) return entry.isTemplate ? this.#fill(name, entry.value) : valued(entry.value);
    const fault = this.#options.faults?.get(name);
    if (fault !== undefined) return { kind: 'fault', fault };
    if (this.#options.lateNames?.has(name)) return { kind: 'late' };
    const value = this.#options.builtIns.get(name) ?? outputOf(this.#options.needs, name);
    return value === undefined ? missing(name) : valued(value);
  }

  #fill(name: string, value: JsonValue): Looked {
    const secret = secretNameIn(value);
    if (secret !== undefined) return this.#secret(name, secret);
    if (this.#chain.includes(name)) return circular([...this.#chain.slice(this.#chain.indexOf(name)), name]);
    if (this.#chain.length >= chainLengthMax) return tooLong(name);
    this.#chain.push(name);
    const looked = fillValue(value, this);
    this.#chain.pop();
    return looked;
  }

  #secret(param: string, name: string): Looked {
    const { secretOf } = this.#options;
    if (secretOf === undefined) return { kind: 'late' };
    const text = secretOf(name);
    if (text !== undefined) return valued(text);
    const message = `the parameter ${param} needs the secret ${name}, which this worker does not have; see worker.secrets`;
    return { kind: 'fault', fault: { code: 'SECRET_UNKNOWN', message } };
  }
}

/** `{secret: name}` and nothing else stands for the secret of that name. */
export function secretNameIn(value: JsonValue): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { secret } = value;
  return typeof secret === 'string' && Object.keys(value).length === 1 ? secret : undefined;
}

/** An output that is not empty goes before one that is; of several, that of the task that finished first. */
export function outputOf(needs: Readonly<Record<string, JsonRecord>>, name: string): JsonValue | undefined {
  const [head, task = '', ...output] = name.split('.');
  if (head === 'needs' && output.length > 0) return own(own(needs, task), output.join('.'));
  let empty: JsonValue | undefined;
  for (const outputs of Object.values(needs)) {
    const value = own(outputs, name);
    if (value !== undefined && !isEmpty(value)) return value;
    if (empty === undefined) empty = value;
  }
  return empty;
}

export function isEmpty(value: JsonValue): boolean {
  return value === null || value === '';
}

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

const valued = (value: JsonValue): Looked => ({ kind: 'value', value });

function missing(name: string): Looked {
  const message = `expected a parameter, an output of a needed task or needs.<task>.<output>, found nothing of: ${name}`;
  return { kind: 'fault', fault: { code: 'PARAM_MISSING', message } };
}

function circular(names: readonly string[]): Looked {
  const message = `parameters refer to each other in a circle: ${names.join(' -> ')}`;
  return { kind: 'fault', fault: { code: 'PARAM_CIRCULAR', message } };
}

function tooLong(name: string): Looked {
  const message = `more than ${chainLengthMax} parameters refer to each other in a row, up to ${name}`;
  return { kind: 'fault', fault: { code: 'PARAM_CIRCULAR', message } };
}
