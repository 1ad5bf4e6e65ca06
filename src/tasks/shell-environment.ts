/**
 * The environment of a shell task: a few variables of the worker's own, the run's parameters, the task's `env`, and
 * `MILLRACE_*`; later ones win. A parameter of a protected name, or too long for a variable, is in the inputs file only.
 */
import type { JsonValue } from '../../schemas/json.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';

/** Variables of the worker that tasks may see; the others may hold its secrets. */
const passedOn = ['PATH', 'HOME', 'LANG', 'TZ', 'USER'];
const fallbackPath = '/usr/local/bin:/usr/bin:/bin';
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A parameter is given by whoever submits: it must not change what the command means or which programs it finds. */
const protectedName =
  /^(PATH|HOME|USER|SHELL|PWD|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|PS4|CDPATH|NODE_OPTIONS|(LD|DYLD|MILLRACE|BASH_FUNC)_.*)$/;
/** Linux takes 128 KiB for one variable. */
const valueLengthMax = 32_768;

export type ShellFiles = { inputs: string; output: string };

export function shellEnvironment(
  base: Readonly<Record<string, string | undefined>>,
  offer: Offer,
  files: ShellFiles,
): Record<string, string> {
  return {
    ...baseVariables(base),
    ...paramVariables(offer.inputs.params),
    ...offer.env,
    ...ownVariables(offer, files),
  };
}

function baseVariables(base: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const variables: Record<string, string> = { PATH: fallbackPath };
  for (const name of passedOn) {
    const value = base[name];
    if (value !== undefined && value !== '') variables[name] = value;
  }
  return variables;
}

function paramVariables(params: Record<string, JsonValue>): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (!identifier.test(name) || protectedName.test(name)) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (text.length <= valueLengthMax && !text.includes('\0')) variables[name] = text;
  }
  return variables;
}

function ownVariables(offer: Offer, files: ShellFiles): Record<string, string> {
  return {
    MILLRACE_INPUTS: files.inputs,
    MILLRACE_OUTPUT: files.output,
    MILLRACE_INSTANCE: offer.instance,
    MILLRACE_WORKFLOW: offer.workflow,
    MILLRACE_TASK: offer.task,
    MILLRACE_ATTEMPT: String(offer.attempt),
    MILLRACE_ATTEMPT_ID: offer.attemptId,
  };
}
