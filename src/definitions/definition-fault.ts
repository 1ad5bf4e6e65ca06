/** What can be wrong with a definition. Codes never change; texts may. */
import { z } from 'zod';

export const definitionFaultCodes = [
  'FILE_UNREADABLE',
  'TEXT_TOO_LARGE',
  'SYNTAX',
  'TAG_REFUSED',
  'ALIAS_REFUSED',
  'DUPLICATE_FIELD',
  'DUPLICATE_TASK',
  'UNKNOWN_FIELD',
  'MISSING_FIELD',
  'WRONG_TYPE',
  'BAD_VALUE',
  'UNKNOWN_NEED',
  'SELF_NEED',
  'DUPLICATE_NEED',
  'CYCLE',
  'UNKNOWN_TASK',
  'UNCONNECTED_TASK',
  'BAD_EXPRESSION',
  'UNREACHABLE_WAY',
  'POINTLESS_WAY',
  'MORE_FAULTS',
] as const;

/** A fault of a definition without text: one that came over the wire. */
export const canonicalFaultSchema = z.object({
  code: z.enum(definitionFaultCodes),
  /** Where in the definition: `tasks.build.retry.attempts`; empty for the whole of it. */
  path: z.string(),
  /** What was expected and what came. */
  message: z.string(),
  /** What to do about it. */
  remedy: z.string(),
});

/** A fault with its place in the text. Lines and columns count from 1; columns in UTF-16 units, as editors do. */
export const definitionFaultSchema = canonicalFaultSchema.extend({
  file: z.string(),
  line: z.int().min(1),
  column: z.int().min(1),
});

export type DefinitionFaultCode = (typeof definitionFaultCodes)[number];
export type CanonicalFault = z.infer<typeof canonicalFaultSchema>;
export type DefinitionFault = z.infer<typeof definitionFaultSchema>;

/** A step of a path: the name of a field or the index in a list. */
export type PathStep = string | number;

/** A fault before its place is known. `at` says whether the name of the field is wrong or its value. */
export interface FoundFault {
  code: DefinitionFaultCode;
  path: readonly PathStep[];
  message: string;
  remedy: string;
  at: 'name' | 'value';
}

/** `tasks.build.needs[0]`; names that are no plain words stand in brackets and quotes. */
export function formatPath(path: readonly PathStep[]): string {
  return path
    .map((step) => {
      if (typeof step === 'number') return `[${step}]`;
      return /^[A-Za-z_][\w-]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join('')
    .replace(/^\./, '');
}

export function toCanonicalFault({ code, path, message, remedy }: FoundFault): CanonicalFault {
  return { code, path: formatPath(path), message, remedy };
}

const faultCountMax = 200;

/** The first faults, and one more that counts the rest: an answer must stay readable, and fit a message. */
export function limitFaults<Fault extends FoundFault>(
  faults: readonly Fault[],
  complete: (rest: FoundFault) => Fault,
): Fault[] {
  if (faults.length <= faultCountMax) return [...faults];
  const rest = complete({
    code: 'MORE_FAULTS',
    path: [],
    message: `${faults.length - faultCountMax} more faults are not shown`,
    remedy: 'Mend the ones above first.',
    at: 'value',
  });
  return [...faults.slice(0, faultCountMax), rest];
}
