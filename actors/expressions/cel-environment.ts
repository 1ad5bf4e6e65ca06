/**
 * The language of expressions: CEL as the library knows it, less what is not pure or not bounded. Regular expressions
 * may run for ever, and dates in a zone depend on the machine: both are left out. Whole numbers and fractions may be
 * mixed, because JSON does not tell them apart.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';

/** Bounds of one expression. What is above them is refused before it is evaluated. */
export const expressionLimits = {
  /** Characters of the text. */
  textLengthMax: 4_096,
  nodeCountMax: 1_000,
  /** Operators and calls inside each other. */
  nestingMax: 64,
} as const;

/** Functions and methods that may be called; every other name is refused. `bind` is `cel.bind`. */
const allowedCalls: ReadonlySet<string> = new Set(
  [
    'has size type dyn bool int uint double string bytes timestamp duration bind',
    'contains startsWith endsWith lowerAscii upperAscii trim indexOf lastIndexOf substring split join',
    'all exists exists_one map filter',
    'getFullYear getMonth getDate getDayOfMonth getDayOfWeek getHours getMinutes getSeconds getMilliseconds',
  ].flatMap((names) => names.split(' ')),
);

/** With an argument these take a time zone. */
const withoutArgument = /^get[A-Z]/;

const arithmetic: Record<string, (left: number, right: number) => number> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
};

export const celEnvironment = mixNumbers(
  new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: expressionLimits.nodeCountMax, maxDepth: expressionLimits.nestingMax },
  }),
);

/** The operands of a node, in the order of the text. */
export function operandsOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}

/** What the expression may not contain, with its place; undefined if it may be evaluated. */
export function forbiddenIn(
  node: ASTNode,
  depth = 1,
): { readonly node: ASTNode; readonly message: string } | undefined {
  if (depth > expressionLimits.nestingMax) {
    return { node, message: `more than ${expressionLimits.nestingMax} operators inside each other` };
  }
  const message = refusalOf(node);
  if (message !== undefined) return { node, message };
  for (const operand of operandsOf(node)) {
    const found = forbiddenIn(operand, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refusalOf(node: ASTNode): string | undefined {
  if (node.op !== 'call' && node.op !== 'rcall') return undefined;
  const [name] = node.args;
  if (!allowedCalls.has(name)) return `there is no function "${name}" in expressions`;
  const hasArgument = node.op === 'rcall' && node.args[2].length > 0;
  return hasArgument && withoutArgument.test(name) ? `"${name}" takes no time zone here: times are UTC` : undefined;
}

function mixNumbers(environment: Environment): Environment {
  for (const [operator, apply] of Object.entries(arithmetic)) {
    environment.registerOperator(`int ${operator} double: double`, (left: bigint, right: number) =>
      apply(Number(left), right),
    );
    environment.registerOperator(`double ${operator} int: double`, (left: number, right: bigint) =>
      apply(left, Number(right)),
    );
  }
  environment.registerOperator('int == double: bool', (left: bigint, right: number) => Number(left) === right);
  return environment;
}
