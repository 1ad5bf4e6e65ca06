/**
 * Values that a definition gives for other runs, with what stands in their texts put in: `${…}` is a parameter's name or an
 * expression, `$[…]` a time. A text that is one `${…}` and nothing else becomes its value, of whatever type.
 */
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import { evaluateExpression } from '../expressions/expression.ts';
import type { Variables } from '../expressions/expression-values.ts';
import { quotedExpression } from '../expressions/quoted-expression.ts';
import type { ZonedMoment } from '../params/date-pattern.ts';
import { type Filling, fillValue, type Looked } from '../params/placeholder.ts';

export type Scope = {
  /** Looked up first; undefined: it is no name, but an expression. */
  nameOf: (name: string) => Looked | undefined;
  /** What expressions may read: `${tasks.load.outputs.rows}`. */
  variables: Variables;
  /** From where times are seen. */
  time: ZonedMoment;
};

export type Resolved = { ok: true; values: JsonRecord } | { ok: false; fault: Fault };

/** @param what names the values in the fault: `the parameter`, `the output` */
export function resolveValues(values: JsonRecord, scope: Scope, what: string): Resolved {
  const filling: Filling = { time: scope.time, lookup: (name) => scope.nameOf(name) ?? expressionOf(name, scope) };
  const resolved: [string, JsonValue][] = [];
  for (const [name, value] of Object.entries(values)) {
    const looked = fillValue(value, filling);
    if (looked.kind !== 'value') return { ok: false, fault: faultOf(looked, `${what} ${name}`) };
    resolved.push([name, looked.value]);
  }
  return { ok: true, values: Object.fromEntries(resolved) };
}

function faultOf(looked: Exclude<Looked, { kind: 'value' }>, what: string): Fault {
  if (looked.kind === 'fault') return { code: looked.fault.code, message: `${what}: ${looked.fault.message}` };
  const message = `${what} holds what only a worker knows, a secret or a folder; it cannot be given to another run`;
  return { code: 'EXPRESSION_FAILED', message };
}

function expressionOf(text: string, { variables }: Scope): Looked {
  const result = evaluateExpression(text, variables);
  if (result.ok) return { kind: 'value', value: result.value };
  const message = `${quotedExpression(text, result.position)}: ${result.message}`;
  return { kind: 'fault', fault: { code: 'EXPRESSION_FAILED', message } };
}
