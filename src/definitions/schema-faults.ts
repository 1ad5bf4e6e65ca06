/** Puts what Zod found into words for the author of a definition: what was expected, what came, what to do. */
import type { z } from 'zod';
import type { FoundFault, PathStep } from './definition-fault.ts';
import { nearestName } from './nearest-name.ts';
import { fieldNamesOf, optionOf, schemaAt, typesWithField, valueAt, wordsOf } from './schema-at.ts';

type Issue = z.core.$ZodIssue;

interface Checked {
  schema: z.ZodType;
  value: unknown;
}

export function schemaFaults(error: z.ZodError, checked: Checked): FoundFault[] {
  return error.issues.flatMap((issue) => toFaults(issue, [], checked));
}

function toFaults(issue: Issue, parent: readonly PathStep[], checked: Checked): FoundFault[] {
  const path = [...parent, ...(issue.path as PathStep[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((name) => unknownField(path, name, checked));
    case 'invalid_union':
      return unionFaults(issue, path, checked);
    case 'invalid_type':
      return [wrongType(path, namesOfTypes[issue.expected] ?? `a value of type ${issue.expected}`, checked)];
    case 'invalid_key':
      return [badName(path, issue.issues[0]?.message ?? issue.message)];
    case 'invalid_value':
      return [badChoice(path, issue.values.map(String), checked)];
    case 'custom':
      return [customFault(path, issue, checked)];
    case 'too_small':
    case 'too_big':
    case 'not_multiple_of':
    case 'invalid_format':
    case 'invalid_element':
      return [badValue(path, expectationOf(issue), checked)];
  }
}

const namesOfTypes: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing (null)',
};

/** What came, short enough for a message. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return `${value}`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}

function unknownField(path: readonly PathStep[], name: string, { schema, value }: Checked): FoundFault {
  const here = schemaAt(schema, path, value);
  const known = here === undefined ? [] : fieldNamesOf(here, valueAt(value, path));
  const nearest = nearestName(name, known);
  const types = here === undefined ? [] : typesWithField(here, name);
  const hint =
    types.length > 0 ? `It belongs to tasks of type ${alternatives(types)}.` : `Known here: ${known.join(', ')}.`;
  return {
    code: 'UNKNOWN_FIELD',
    path: [...path, name],
    message: `there is no field "${name}" here`,
    remedy: nearest === undefined ? hint : `Did you mean "${nearest}"?`,
    at: 'name',
  };
}

/** Of several alternatives, the one whose type fits the value tells its faults; if none fits, all are named. */
function unionFaults(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: PathStep[],
  checked: Checked,
): FoundFault[] {
  if (issue.errors.length === 0) return [badChoice(path, discriminatorsAt(path, checked), checked)];
  const fitting = issue.errors.filter((alternative) => !alternative.some(isWrongTypeOfAll));
  const union = schemaAt(checked.schema, path, checked.value);
  const meant = union === undefined ? undefined : optionOf(union, valueAt(checked.value, path));
  const chosen = fitting.find((alternative) => alternative === issue.errors[meant ?? -1]) ?? fitting[0];
  if (chosen !== undefined) return chosen.flatMap((inner) => toFaults(inner, path, checked));
  const types = issue.errors.flatMap((alternative) => alternative.filter(isWrongTypeOfAll).map(expectationOf));
  return [wrongType(path, [...new Set(types)].join(' or '), checked)];
}

function isWrongTypeOfAll(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  return issue.code === 'invalid_type' || (issue.code === 'invalid_union' && issue.errors.length > 0);
}

function discriminatorsAt(path: readonly PathStep[], { schema, value }: Checked): string[] {
  const union = schemaAt(schema, path.slice(0, -1), value);
  return union === undefined ? [] : typesWithField(union, 'type');
}

function wrongType(path: readonly PathStep[], expected: string, checked: Checked): FoundFault {
  const came = valueAt(checked.value, path);
  const { description, examples } = wordsAt(path, checked);
  if (came === undefined && path.length > 0) {
    const message = `the field "${path.at(-1)}" is missing; expected ${expected}`;
    return {
      code: 'MISSING_FIELD',
      path,
      message,
      remedy: description === undefined ? `Add "${path.at(-1)}".` : `Add "${path.at(-1)}". ${description}`,
      at: 'name',
    };
  }
  const quoted = expected === 'a text' && (typeof came === 'number' || typeof came === 'boolean');
  return {
    code: 'WRONG_TYPE',
    path,
    message: `expected ${expected}, came ${describeValue(came)}`,
    remedy: quoted && examples.length === 0 ? `Put it in quotes: "${came}".` : remedyAt(path, checked),
    at: 'value',
  };
}

function badChoice(path: readonly PathStep[], choices: readonly string[], checked: Checked): FoundFault {
  const came = valueAt(checked.value, path);
  const expected = `one of ${choices.join(', ')}`;
  if (came === undefined) return wrongType(path, expected, checked);
  const nearest = typeof came === 'string' ? nearestName(came, choices) : undefined;
  return {
    code: typeof came === 'string' ? 'BAD_VALUE' : 'WRONG_TYPE',
    path,
    message: `expected ${expected}; came ${describeValue(came)}`,
    remedy: nearest === undefined ? `Write ${expected}.` : `Did you mean "${nearest}"?`,
    at: 'value',
  };
}

function badName(path: readonly PathStep[], rule: string): FoundFault {
  const message = `${rule}; came ${describeValue(path.at(-1))}`;
  return { code: 'BAD_VALUE', path, message, remedy: 'Choose another name.', at: 'name' };
}

function badValue(path: readonly PathStep[], expected: string, checked: Checked): FoundFault {
  const came = valueAt(checked.value, path);
  const message =
    typeof came === 'object' || came === undefined ? expected : `${expected}; came ${describeValue(came)}`;
  return { code: 'BAD_VALUE', path, message, remedy: remedyAt(path, checked), at: 'value' };
}

/** A rule of ours that Zod cannot say; it may bring its own remedy. */
function customFault(
  path: readonly PathStep[],
  issue: Extract<Issue, { code: 'custom' }>,
  checked: Checked,
): FoundFault {
  const fault = badValue(path, issue.message, checked);
  const remedy: unknown = issue.params?.remedy;
  return typeof remedy === 'string' ? { ...fault, remedy } : fault;
}

/** What a Zod issue expected, in our words where Zod has no text of ours. */
function expectationOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return namesOfTypes[issue.expected] ?? `a value of type ${issue.expected}`;
  if (issue.code === 'invalid_union') return [...new Set(issue.errors.flat().map(expectationOf))].join(' or ');
  if (issue.code === 'too_small') return `expected ${sizeOf(issue.origin, 'at least', issue.minimum)}`;
  if (issue.code === 'too_big') return `expected ${sizeOf(issue.origin, 'at most', issue.maximum)}`;
  return issue.message;
}

function sizeOf(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string') return `a text of ${bound} ${limit} characters`;
  if (origin === 'array') return `a list of ${bound} ${limit} items`;
  return `a number of ${bound} ${limit}`;
}

/** The schema's own examples, else its description. */
function remedyAt(path: readonly PathStep[], checked: Checked): string {
  const { description, examples } = wordsAt(path, checked);
  return examples.length > 0 ? exampleRemedy(examples) : (description ?? 'See the schema of workflow definitions.');
}

function exampleRemedy(examples: readonly string[]): string {
  return `Write it like ${examples.join(' or ')}.`;
}

function wordsAt(path: readonly PathStep[], { schema, value }: Checked): ReturnType<typeof wordsOf> {
  const found = schemaAt(schema, path, value);
  return found === undefined ? { description: undefined, examples: [] } : wordsOf(found);
}

function alternatives(names: readonly string[]): string {
  const [last = '', ...others] = names.toReversed();
  return others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`;
}
