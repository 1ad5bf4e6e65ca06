/** What is wrong with parameters as they are written, whatever values they will have: circles, and times without a meaning. */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import { chainLengthMax, secretNameIn } from './param-scope.ts';
import { fillValue, namesIn } from './placeholder.ts';

export type StaticParamFault = { readonly name: string; readonly fault: Fault };

/** At most one fault for each parameter, and one for each circle. */
export function staticParamFaults(params: JsonRecord): StaticParamFault[] {
  const faults: StaticParamFault[] = [];
  const done = new Set<string>();
  for (const [name, value] of Object.entries(params)) {
    const timeFault = staticTimeFault(value);
    if (timeFault !== undefined) faults.push({ name, fault: timeFault });
    const circle = circleFrom(name, params, { chain: [], done });
    if (circle !== undefined) faults.push({ name, fault: { code: 'PARAM_CIRCULAR', message: circle } });
  }
  return faults;
}

/** The first `$[...]` in the texts of a value that looks like a time and has no meaning. */
export function staticTimeFault(value: JsonValue): Fault | undefined {
  const looked = fillValue(value, { lookup: () => ({ kind: 'value', value: '' }), time: { at: 0, zone: 'UTC' } });
  return looked.kind === 'fault' ? looked.fault : undefined;
}

function circleFrom(
  name: string,
  params: JsonRecord,
  { chain, done }: { chain: string[]; done: Set<string> },
): string | undefined {
  if (chain.includes(name)) {
    return `parameters refer to each other in a circle: ${[...chain.slice(chain.indexOf(name)), name].join(' -> ')}`;
  }
  if (done.has(name) || !Object.hasOwn(params, name)) return undefined;
  if (chain.length >= chainLengthMax) return `more than ${chainLengthMax} parameters refer to each other in a row`;
  done.add(name);
  const value = params[name] ?? null;
  const references = secretNameIn(value) === undefined ? namesIn(value) : [];
  for (const reference of references) {
    const circle = circleFrom(reference, params, { chain: [...chain, name], done });
    if (circle !== undefined) return circle;
  }
  return undefined;
}
