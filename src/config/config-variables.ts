/** Settings from environment variables, and warnings for variables that look like settings and are none. */

import { nearestName } from '../definitions/nearest-name.ts';
import { configFields, valueFromText, variablePrefix } from './config-fields.ts';
import type { Environment } from './environment.ts';

export type Assignment = { path: readonly string[]; value: unknown; source: string };

/** Variables with our prefix that are no settings: those that a shell task is given, and those of the launcher. */
const foreignVariables: ReadonlySet<string> = new Set([
  'MILLRACE_INPUTS',
  'MILLRACE_OUTPUT',
  'MILLRACE_INSTANCE',
  'MILLRACE_WORKFLOW',
  'MILLRACE_TASK',
  'MILLRACE_ATTEMPT',
  'MILLRACE_ATTEMPT_ID',
  'MILLRACE_IDEMPOTENCY_KEY',
  'MILLRACE_NATS_RELEASES_URL',
  'MILLRACE_UPDATE',
]);
/** What tests set, and what a shell task is given of its parameters. */
const foreignPrefixes = [`${variablePrefix}TEST_`, `${variablePrefix}PARAM_`];

/** An empty variable counts as unset. */
export function assignmentsFromEnvironment(environment: Environment): Assignment[] {
  return configFields.flatMap((field) => {
    const text = environment[field.variable];
    if (text === undefined || text === '') return [];
    return [{ path: field.path, value: valueFromText(field, text), source: `variable ${field.variable}` }];
  });
}

/** One sentence for each variable with our prefix that means nothing. */
export function unknownVariableWarnings(environment: Environment): string[] {
  const known = configFields.map((field) => field.variable);
  const isKnown = new Set(known);
  return Object.keys(environment)
    .filter((name) => name.startsWith(variablePrefix) && !foreignPrefixes.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !isKnown.has(name) && !foreignVariables.has(name))
    .sort()
    .map((name) => {
      const nearest = nearestName(unprefixed(name), known.map(unprefixed));
      const remedy =
        nearest === undefined ? 'it is ignored' : `did you mean ${variablePrefix}${nearest}? It is ignored`;
      return `The variable ${name} is not a setting; ${remedy}.`;
    });
}

function unprefixed(name: string): string {
  return name.slice(variablePrefix.length);
}
