/**
 * Expressions in CEL (https://cel.dev): `params.target == "prod" && tasks.build.status == "succeeded"`. Pure and
 * bounded: the same text and variables give the same answer anywhere, nothing of the machine can be reached, and no
 * expression runs longer than its budget. A faulty expression is an answer, not an exception.
 */
import { EvaluationError, ParseError, TypeError as TypeFault } from '@marcbachmann/cel-js';
import type { JsonValue } from '../../schemas/json.ts';
import { celEnvironment, expressionLimits, forbiddenIn } from './cel-environment.ts';
import { ExpressionBudget, spentMessage } from './expression-budget.ts';
import { type NameRead, namesRead } from './expression-names.ts';
import { celVariables, jsonOf, type Variables } from './expression-values.ts';

/** `position` is the character of the text, from 0, at which the fault is. */
export type ExpressionFault = { readonly ok: false; readonly message: string; readonly position?: number };

export type ExpressionResult = { readonly ok: true; readonly value: JsonValue } | ExpressionFault;

type Parsed = { readonly ok: true; readonly parsed: ReturnType<typeof celEnvironment.parse> } | ExpressionFault;

const messageLengthMax = 500;

/** `type` is `dyn` where it depends on variables. */
export type ExpressionCheck =
  | { readonly ok: true; readonly type: string; readonly names: readonly NameRead[] }
  | ExpressionFault;

/** Whether the text is an expression: its grammar, its functions, and types as far as they are known without variables. */
export function checkExpression(text: string): ExpressionCheck {
  const result = parse(text);
  if (!result.ok) return result;
  const types = result.parsed.check();
  if (!types.valid) return faultOf(types.error);
  return { ok: true, type: types.type ?? 'dyn', names: namesRead(result.parsed.ast) };
}

/** @param variables only what the expression names is read */
export type Evaluate = (variables: Variables) => ExpressionResult;

/**
 * The value of the expression as JSON. Numbers that are whole are integers, others doubles; both may be mixed. Of the
 * result, integers beyond 2^53 become text, times ISO text, durations text in seconds (`90s`), bytes base64.
 * @param variables only what the expression names is read
 */
export function evaluateExpression(text: string, variables: Variables): ExpressionResult {
  return preparedExpression(text)(variables);
}

/** The same for an expression that is evaluated often: its text is read once. Each evaluation has a budget of its own. */
export function preparedExpression(text: string): Evaluate {
  const result = parse(text);
  if (!result.ok) return () => result;
  const { parsed } = result;
  const budget = new ExpressionBudget();
  budget.fit(parsed.ast);
  return (variables) => {
    budget.renew();
    try {
      const value: unknown = parsed(celVariables(parsed.ast, variables));
      return budget.isSpent ? { ok: false, message: spentMessage } : { ok: true, value: jsonOf(value) };
    } catch (error) {
      return faultOf(error);
    }
  };
}

function parse(text: string): Parsed {
  if (text.length > expressionLimits.textLengthMax) {
    return { ok: false, message: `an expression has at most ${expressionLimits.textLengthMax} characters` };
  }
  try {
    const parsed = celEnvironment.parse(text);
    const forbidden = forbiddenIn(parsed.ast);
    if (forbidden === undefined) return { ok: true, parsed };
    return { ok: false, message: forbidden.message, position: forbidden.node.start };
  } catch (error) {
    return faultOf(error);
  }
}

function faultOf(error: unknown): ExpressionFault {
  if (error instanceof ParseError || error instanceof EvaluationError || error instanceof TypeFault) {
    const message = error.summary.slice(0, messageLengthMax);
    return error.range === undefined ? { ok: false, message } : { ok: false, message, position: error.range.start };
  }
  const message = error instanceof Error ? error.message.slice(0, messageLengthMax) : 'the expression has no value';
  return { ok: false, message };
}
