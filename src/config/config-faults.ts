/** Wrong configuration in words: where it was said, what was expected, what was found, what was probably meant. */
import type { z } from 'zod';
import type { JsonRecord } from '../../schemas/json.ts';
import { nearestName } from '../definitions/nearest-name.ts';
import { AppError } from '../errors/app-error.ts';
import { type ConfigField, configFields, configSections, fieldNamed } from './config-fields.ts';
import { configMaps, entryFields } from './config-maps.ts';
import { maskAddress, maskSecrets } from './mask-secrets.ts';

/** `source` is `millrace.yaml:4`, `variable MILLRACE_WORKER_SLOTS` or `flag --slots`. */
export type ConfigFault =
  | { kind: 'wrongValue'; source: string; setting: string; expected: string; found: string }
  | { kind: 'unknownSetting'; source: string; setting: string; expected: string; nearest?: string };

const foundLengthMax = 80;
const allNames: readonly string[] = [
  ...configFields.map((field) => field.name),
  ...configSections,
  ...configMaps.map(({ name }) => name),
];

/** All faults of one issue: an issue about unknown fields names several. */
export function faultsOfIssue(
  issue: z.core.$ZodIssue,
  content: unknown,
  sourceOf: (path: readonly string[]) => string,
): ConfigFault[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const names = [...allNames, ...entryFields(path, content).map(({ name }) => name)];
    return issue.keys.map((key) => unknownSetting([...path, key], names, sourceOf([...path, key])));
  }
  const fields = entryFields(path, content);
  const name = settingName(path, fields);
  return [
    {
      kind: 'wrongValue',
      source: sourceOf(path),
      setting: name === '' ? 'the configuration' : name,
      expected: expectedBy(issue, fieldNamed(name) ?? fields.find((field) => field.name === name)),
      found: shownValue(valueAt(content, path)),
    },
  ];
}

function expectedBy(issue: z.core.$ZodIssue, field: ConfigField | undefined): string {
  if (issue.code === 'invalid_format') return `that ${issue.message}`;
  if (issue.code === 'invalid_key') return `that ${issue.issues[0]?.message ?? issue.message}`;
  return issue.code === 'custom' ? issue.message : (field?.expected ?? 'a section of settings');
}

export function badConfiguration(faults: readonly ConfigFault[]): AppError {
  return new AppError('BAD_CONFIGURATION', faults.map(sentenceOf).join('\n'), {
    details: { faults: faults.map((fault): JsonRecord => ({ ...fault })) },
  });
}

function sentenceOf(fault: ConfigFault): string {
  switch (fault.kind) {
    case 'wrongValue':
      return `${fault.source}: ${fault.setting}: expected ${fault.expected}, found ${fault.found}.`;
    case 'unknownSetting':
      return fault.nearest === undefined
        ? `${fault.source}: "${fault.setting}" is not a setting; expected ${fault.expected}.`
        : `${fault.source}: "${fault.setting}" is not a setting; did you mean "${fault.nearest}"?`;
  }
}

function unknownSetting(path: readonly string[], names: readonly string[], source: string): ConfigFault {
  const nearest = nearestSetting(path, names);
  return {
    kind: 'unknownSetting',
    source,
    setting: path.join('.'),
    expected: `one of ${namesIn(path.slice(0, -1).join('.'), names).join(', ')}`,
    ...(nearest === undefined ? {} : { nearest }),
  };
}

/** First among its neighbours, then the same last name in another section (`slots` at the top means `worker.slots`). */
function nearestSetting(path: readonly string[], names: readonly string[]): string | undefined {
  const section = path.slice(0, -1);
  const last = path.at(-1) ?? '';
  const sibling = nearestName(last, namesIn(section.join('.'), names));
  if (sibling !== undefined) return [...section, sibling].join('.');
  return allNames.find((name) => name.endsWith(`.${last}`)) ?? nearestName(path.join('.'), allNames);
}

/** What a section may contain; the empty name is the top. */
function namesIn(section: string, names: readonly string[]): string[] {
  return names
    .filter((name) => name.split('.').slice(0, -1).join('.') === section)
    .map((name) => name.slice(name.lastIndexOf('.') + 1));
}

/** Items of a list are named by their list. */
function settingName(path: readonly string[], fields: readonly ConfigField[]): string {
  for (let length = path.length; length > 0; length -= 1) {
    const name = path.slice(0, length).join('.');
    if (fieldNamed(name) !== undefined || fields.some((field) => field.name === name)) return name;
  }
  return path.join('.');
}

function valueAt(content: unknown, path: readonly string[]): unknown {
  let value = content;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(maskAddress(value)) : maskSecrets(JSON.stringify(value));
  return text.length > foundLengthMax ? `${text.slice(0, foundLengthMax)}...` : text;
}
