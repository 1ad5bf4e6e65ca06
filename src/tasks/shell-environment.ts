/**
 * The environment of a shell task: a few variables of the worker's own, its parameters by their names, its `env`, and
 * `MILLRACE_*`; later ones win. Each parameter, and each output of a needed task, is also in `MILLRACE_PARAM_<name>`; an
 * output of another task has no other variable, since its name may be anybody's choice.
 */
import type { ParamScope } from '../../actors/params/param-scope.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { filledText, valueOrThrow } from './attempt-scope.ts';

/** Variables of the worker that tasks may see; the others may hold its secrets. */
const passedOn = ['PATH', 'HOME', 'LANG', 'TZ', 'USER'];
/** What the clients of clusters look for; of tasks that name a cluster. */
const passedOnToClients = [
  'JAVA_HOME',
  'HADOOP_HOME',
  'HADOOP_USER_NAME',
  'HADOOP_CONF_DIR',
  'HADOOP_CLASSPATH',
  'YARN_CONF_DIR',
  'SPARK_HOME',
  'SPARK_CONF_DIR',
  'FLINK_HOME',
  'FLINK_CONF_DIR',
  'KRB5CCNAME',
  'KUBECONFIG',
];
const fallbackPath = '/usr/local/bin:/usr/bin:/bin';
const paramPrefix = 'MILLRACE_PARAM_';
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A parameter is given by whoever submits: it must not change what the command means or which programs it finds. */
const protectedName =
  /^(PATH|HOME|USER|SHELL|PWD|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|PS4|CDPATH|NODE_OPTIONS|(LD|DYLD|MILLRACE|BASH_FUNC)_.*)$/;
/** Linux takes 128 KiB for one variable. */
const valueLengthMax = 32_768;

/** `applications`: of a task that names a cluster. */
export type ShellFiles = { inputs: string; output: string; applications?: string | undefined };

export function shellEnvironment(
  base: Readonly<Record<string, string | undefined>>,
  { offer, scope, files }: { offer: Offer; scope: ParamScope; files: ShellFiles },
): Record<string, string> {
  const params = { ...offer.inputs.params, ...lateParams(offer, scope) };
  return {
    ...baseVariables(base, files.applications === undefined ? passedOn : [...passedOn, ...passedOnToClients]),
    ...variablesOf(params, (name) => (protectedName.test(name) ? undefined : name)),
    ...envVariables(offer.env, scope),
    ...variablesOf({ ...outputsOf(offer, scope), ...params }, (name) => paramPrefix + name),
    ...ownVariables(offer, files),
  };
}

/** Of a container: its own programs and folders, and what the task knows. */
export function containerEnvironment(offer: Offer, scope: ParamScope): Record<string, string> {
  const params = { ...offer.inputs.params, ...lateParams(offer, scope) };
  return {
    ...variablesOf(params, (name) => (protectedName.test(name) ? undefined : name)),
    ...envVariables(offer.env, scope),
    ...variablesOf({ ...outputsOf(offer, scope), ...params }, (name) => paramPrefix + name),
    ...identityVariables(offer),
  };
}

function baseVariables(
  base: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const variables: Record<string, string> = { PATH: fallbackPath };
  for (const name of names) {
    const value = base[name];
    if (value !== undefined && value !== '') variables[name] = value;
  }
  return variables;
}

function variablesOf(
  values: Record<string, JsonValue>,
  variableOf: (name: string) => string | undefined,
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    const variable = identifier.test(name) ? variableOf(name) : undefined;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (variable !== undefined && text.length <= valueLengthMax && !text.includes('\0')) variables[variable] = text;
  }
  return variables;
}

/** A secret that is not known fails the attempt; what has no value for another reason fails whoever uses it. */
function lateParams({ inputs }: Offer, scope: ParamScope): JsonRecord {
  const params: JsonRecord = {};
  for (const name of Object.keys(inputs.late ?? {})) {
    const looked = scope.lookup(name);
    if (looked.kind === 'value') params[name] = looked.value;
    else if (looked.kind === 'fault' && looked.fault.code === 'SECRET_UNKNOWN') valueOrThrow(looked);
  }
  return params;
}

function outputsOf({ inputs }: Offer, scope: ParamScope): JsonRecord {
  const outputs: JsonRecord = {};
  for (const name of new Set(Object.values(inputs.needs).flatMap((record) => Object.keys(record)))) {
    const looked = scope.lookup(name);
    if (looked.kind === 'value') outputs[name] = looked.value;
  }
  return outputs;
}

function envVariables(env: Record<string, string>, scope: ParamScope): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filledText(text, scope)]));
}

function ownVariables(offer: Offer, files: ShellFiles): Record<string, string> {
  return {
    MILLRACE_INPUTS: files.inputs,
    MILLRACE_OUTPUT: files.output,
    ...(files.applications === undefined ? {} : { MILLRACE_APPLICATIONS: files.applications }),
    ...identityVariables(offer),
  };
}

function identityVariables(offer: Offer): Record<string, string> {
  return {
    MILLRACE_INSTANCE: offer.instance,
    MILLRACE_WORKFLOW: offer.workflow,
    MILLRACE_TASK: offer.task,
    MILLRACE_ATTEMPT: String(offer.attempt),
    MILLRACE_ATTEMPT_ID: offer.attemptId,
    ...(offer.idempotencyKey === undefined ? {} : { MILLRACE_IDEMPOTENCY_KEY: offer.idempotencyKey }),
  };
}
