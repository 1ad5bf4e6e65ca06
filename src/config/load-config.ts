/** The configuration of a process: file, then environment, then flags; resolved once and immutable after. */
import { type Config, configSchema } from '../../schemas/config.schema.ts';
import { badConfiguration, faultsOfIssue } from './config-faults.ts';
import { fieldNamed, valueFromText } from './config-fields.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { type Assignment, assignmentsFromEnvironment, unknownVariableWarnings } from './config-variables.ts';
import type { Environment } from './environment.ts';

/** A setting given as a flag. Text is read in the type of its field, so `'4'` is a good value for a number. */
export type ConfigOverride = { setting: string; value: unknown; flag: string };

export type ConfigSources = {
  /** Path of the configuration file (`--config`). Default: `millrace.yaml` in `cwd`, if it exists. */
  file?: string | undefined;
  env: Environment;
  overrides?: readonly ConfigOverride[];
  cwd: string;
  /** Gets one sentence for each thing that is probably a mistake and changes nothing. */
  onWarning?: (sentence: string) => void;
};

/** Throws AppError BAD_CONFIGURATION; its message has one line for each fault. */
export function loadConfig(sources: ConfigSources): Config {
  const file = readConfigFile({ cwd: sources.cwd, file: sources.file });
  for (const sentence of unknownVariableWarnings(sources.env)) sources.onWarning?.(sentence);
  const assignments = [
    ...assignmentsFromEnvironment(sources.env),
    ...(sources.overrides ?? []).map(assignmentFromOverride),
  ];
  const content = assignments.reduce(assigned, file?.content ?? {});
  const parsed = configSchema.safeParse(content);
  if (parsed.success) return deepFrozen(parsed.data);
  const sourceOf = sourceFinder(file, assignments);
  throw badConfiguration(parsed.error.issues.flatMap((issue) => faultsOfIssue(issue, content, sourceOf)));
}

function assignmentFromOverride(override: ConfigOverride): Assignment {
  const field = fieldNamed(override.setting);
  const value =
    field !== undefined && typeof override.value === 'string' ? valueFromText(field, override.value) : override.value;
  return { path: override.setting.split('.'), value, source: `flag ${override.flag}` };
}

/** A copy of the content with one value set. What is no section stays, so that the schema refuses it at its source. */
function assigned(content: unknown, { path, value, source }: Assignment): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return content;
  const section = content as Record<string, unknown>;
  const inner = rest.length === 0 ? value : assigned(section[key] ?? {}, { path: rest, value, source });
  return { ...section, [key]: inner };
}

function sourceFinder(
  file: ConfigFile | undefined,
  assignments: readonly Assignment[],
): (path: readonly string[]) => string {
  return (path) => {
    const last = assignments.findLast((assignment) => assignment.path.every((key, index) => path[index] === key));
    return last?.source ?? file?.sourceOf(path) ?? 'configuration';
  };
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFrozen(inner);
  }
  return value;
}
