/**
 * Which value a parameter has where several give one, in DolphinScheduler's order, the last that has a value counts: built-in,
 * default of the workflow, output of a needed task, parameter of the task itself, parameter of the submission; above all of
 * them, the values that an item of a map is about.
 */
import type { JsonRecord } from '../../schemas/json.ts';
import { isEmpty, outputOf, type ParamEntry, secretNameIn } from './param-scope.ts';

export type ParamLayers = {
  /** `null` has no value. */
  readonly defaults: JsonRecord;
  readonly needs: Readonly<Record<string, JsonRecord>>;
  /** `null` and empty text give way to what is below them. */
  readonly local: JsonRecord;
  readonly start: JsonRecord;
  /** Of an item of a map: taken as they are. */
  readonly item?: JsonRecord;
  /** True: the values of `start` are taken as they are, but for references to secrets. They may hold outputs of another run. */
  readonly isStartForeign?: boolean;
};

/** Of each name that the workflow, the task or the submission declares; a name without any value is left out. */
export function entriesOf(layers: ParamLayers): Map<string, ParamEntry> {
  const entries = new Map<string, ParamEntry>();
  const { defaults, local, start, item = {} } = layers;
  for (const name of new Set([defaults, local, start, item].flatMap(Object.keys))) {
    const entry = entryOf(name, layers);
    if (entry !== undefined) entries.set(name, entry);
  }
  return entries;
}

function entryOf(name: string, layers: ParamLayers): ParamEntry | undefined {
  const { defaults, needs, local, start, item = {}, isStartForeign = false } = layers;
  const ofItem = own(item, name);
  if (ofItem !== undefined) return { value: ofItem, isTemplate: false };
  const given = own(start, name);
  if (given !== undefined && given !== null) {
    return { value: given, isTemplate: !isStartForeign || secretNameIn(given) !== undefined };
  }
  const ownValue = own(local, name);
  if (ownValue !== undefined && !isEmpty(ownValue)) return { value: ownValue, isTemplate: true };
  const output = outputOf(needs, name);
  if (output !== undefined && !isEmpty(output)) return { value: output, isTemplate: false };
  const byDefault = own(defaults, name);
  if (byDefault !== undefined && byDefault !== null) return { value: byDefault, isTemplate: true };
  const empty = ownValue ?? output;
  return empty === undefined || empty === null ? undefined : { value: empty, isTemplate: false };
}

function own(record: JsonRecord, name: string): JsonRecord[string] | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
